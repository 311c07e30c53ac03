//! Against a development server: requests, a worker's whole life, a server that is killed.

mod rig;

use prost::Message;
use rig::server::Server;
use rig::{Answer, Client, ERROR, Runtime, SHUTDOWN, Worker, wait_until};
use std::thread;
use std::time::Duration;
use temporalio_common::protos::coresdk::activity_result::ActivityExecutionResult;
use temporalio_common::protos::coresdk::activity_task::{ActivityTask, activity_task};
use temporalio_common::protos::coresdk::workflow_activation::{
    WorkflowActivation, WorkflowActivationJob, workflow_activation_job::Variant,
};
use temporalio_common::protos::coresdk::workflow_commands::{
    CompleteWorkflowExecution, ScheduleActivity, workflow_command,
};
use temporalio_common::protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_common::protos::coresdk::{ActivityHeartbeat, ActivityTaskCompletion};
use temporalio_common::protos::google::rpc::Status;
use temporalio_common::protos::temporal::api::common::v1::{WorkflowExecution, WorkflowType};
use temporalio_common::protos::temporal::api::enums::v1::{IndexedValueType, WorkflowExecutionStatus};
use temporalio_common::protos::temporal::api::operatorservice::v1::*;
use temporalio_common::protos::temporal::api::taskqueue::v1::TaskQueue;
use temporalio_common::protos::temporal::api::workflowservice::v1::*;

const NOT_FOUND: i32 = 5;
const ALREADY_EXISTS: i32 = 6;
const UNAVAILABLE: i32 = 14;
const DEADLINE_EXCEEDED: i32 = 4;
const QUEUE: &str = r#"{"task_queue": "queue"}"#;

fn refused<T>(answer: Answer<T>, status: i32, part: &str) {
    let refusal = answer.err().unwrap_or_else(|| panic!("no refusal with {part:?}"));
    assert_eq!(refusal.status, status, "{}", refusal.error);
    assert!(refusal.error.contains(part), "{:?} has no {part:?}", refusal.error);
}

fn start_request(id: &str) -> StartWorkflowExecutionRequest {
    StartWorkflowExecutionRequest {
        namespace: "default".into(),
        workflow_id: id.into(),
        workflow_type: Some(WorkflowType { name: "sample".into() }),
        task_queue: Some(TaskQueue { name: "queue".into(), ..Default::default() }),
        request_id: format!("request of {id}"),
        ..Default::default()
    }
}

fn status_of(client: &Client, id: &str) -> WorkflowExecutionStatus {
    let described: DescribeWorkflowExecutionResponse = client
        .call(
            "DescribeWorkflowExecution",
            DescribeWorkflowExecutionRequest {
                namespace: "default".into(),
                execution: Some(WorkflowExecution { workflow_id: id.into(), run_id: String::new() }),
            },
        )
        .unwrap();
    described.workflow_execution_info.unwrap().status()
}

#[test]
fn requests() {
    let server = Server::start();
    let runtime = Runtime::new();
    let client = Client::to(&runtime, &server.address);

    let info: GetSystemInfoResponse = client.call("GetSystemInfo", GetSystemInfoRequest {}).unwrap();
    assert_ne!(info.server_version, "");
    for name in ["getSystemInfo", "get_system_info", "PollWorkflowTaskQueue", "OperatorService/GetSystemInfo", ""] {
        refused(client.bytes(name, b"", Duration::ZERO), ERROR, "there is no such method");
    }
    refused(client.bytes("GetSystemInfo", b"\xff\xff", Duration::ZERO), ERROR, "not that protocol buffer");
    let nowhere = DescribeNamespaceRequest { namespace: "nowhere".into(), ..Default::default() };
    refused(client.call::<DescribeNamespaceResponse>("DescribeNamespace", nowhere), NOT_FOUND, "nowhere");

    // What the server adds to its errors arrives.
    let _: StartWorkflowExecutionResponse = client.call("StartWorkflowExecution", start_request("twice")).unwrap();
    let again = StartWorkflowExecutionRequest { request_id: "other".into(), ..start_request("twice") };
    let refusal = client.call::<StartWorkflowExecutionResponse>("StartWorkflowExecution", again).unwrap_err();
    assert_eq!(refusal.status, ALREADY_EXISTS, "{}", refusal.error);
    let details = Status::decode(refusal.details.as_slice()).unwrap().details;
    assert!(details[0].type_url.ends_with("WorkflowExecutionAlreadyStartedFailure"), "{details:?}");

    let names = AddSearchAttributesRequest {
        search_attributes: [("ZipCode".to_owned(), IndexedValueType::Keyword as i32)].into(),
        namespace: "default".into(),
    };
    let _: AddSearchAttributesResponse = client.call("OperatorService/AddSearchAttributes", names).unwrap();
    let list = ListSearchAttributesRequest { namespace: "default".into() };
    let listed: ListSearchAttributesResponse = client.call("OperatorService/ListSearchAttributes", list).unwrap();
    assert!(listed.custom_attributes.contains_key("ZipCode"));
    client.set_api_key("no-one-asks-for-it").unwrap();
    let _: GetSystemInfoResponse = client.call("GetSystemInfo", GetSystemInfoRequest {}).unwrap();
}

#[test]
fn a_worker_of_a_namespace_that_is_not_there_says_so() {
    let server = Server::start();
    let runtime = Runtime::new();
    let options = format!(r#"{{"address": "{}", "namespace": "nowhere"}}"#, server.address);
    let client = Client::connect(&runtime, &options).unwrap();
    let worker = Worker::new(&client, QUEUE).unwrap();
    refused(worker.validate(), NOT_FOUND, "nowhere");
}

#[test]
fn a_killed_server_is_waited_for() {
    let mut server = Server::start();
    let runtime = Runtime::new();
    let client = Client::to(&runtime, &server.address);
    let _: StartWorkflowExecutionResponse = client.call("StartWorkflowExecution", start_request("kept")).unwrap();
    server.kill();
    let answer = client.bytes("GetSystemInfo", b"", Duration::from_millis(300));
    let refusal = answer.unwrap_err();
    assert!([UNAVAILABLE, DEADLINE_EXCEEDED].contains(&refusal.status), "{}", refusal.error);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| client.bytes("GetClusterInfo", b"", Duration::from_secs(600)));
        server.start_again();
        waiting.join().unwrap().unwrap();
    });
    assert_eq!(status_of(&client, "kept"), WorkflowExecutionStatus::Running);
}

fn completed(activation: &WorkflowActivation, commands: Vec<workflow_command::Variant>) -> Vec<u8> {
    WorkflowActivationCompletion::from_cmds(activation.run_id.clone(), commands).encode_to_vec()
}

fn job(activation: &WorkflowActivation) -> Option<&Variant> {
    activation.jobs.iter().find_map(|WorkflowActivationJob { variant }| variant.as_ref())
}

/// One activity, then the end.
fn commands_for(activation: &WorkflowActivation) -> Vec<workflow_command::Variant> {
    match job(activation) {
        Some(Variant::InitializeWorkflow(_)) => vec![
            ScheduleActivity {
                seq: 1,
                activity_id: "1".into(),
                activity_type: "work".into(),
                task_queue: "queue".into(),
                start_to_close_timeout: Some(Duration::from_secs(600).try_into().unwrap()),
                heartbeat_timeout: Some(Duration::from_secs(600).try_into().unwrap()),
                ..Default::default()
            }
            .into(),
        ],
        Some(Variant::ResolveActivity(_)) => vec![CompleteWorkflowExecution { result: None }.into()],
        Some(Variant::RemoveFromCache(_)) => vec![],
        other => panic!("not expected: {other:?}"),
    }
}

/// Answers every activation until the worker is shut down; counts the evictions.
fn run_workflows(worker: &Worker) -> usize {
    let mut evictions = 0;
    loop {
        match worker.poll_workflow::<WorkflowActivation>() {
            Ok(activation) => {
                evictions += usize::from(matches!(job(&activation), Some(Variant::RemoveFromCache(_))));
                worker.complete_workflow(&completed(&activation, commands_for(&activation))).unwrap();
            }
            Err(refusal) if refusal.status == SHUTDOWN => return evictions,
            Err(refusal) => panic!("{}", refusal.error),
        }
    }
}

fn run_activities(worker: &Worker) {
    loop {
        match worker.poll_activity::<ActivityTask>() {
            Ok(ActivityTask { task_token, variant: Some(activity_task::Variant::Start(_)) }) => {
                let heartbeat = ActivityHeartbeat { task_token: task_token.clone(), details: vec![] };
                worker.heartbeat(&heartbeat.encode_to_vec()).unwrap();
                let result = Some(ActivityExecutionResult::ok(Default::default()));
                let completion = ActivityTaskCompletion { task_token, result };
                worker.complete_activity(&completion.encode_to_vec()).unwrap();
            }
            Ok(_) => {}
            Err(refusal) if refusal.status == SHUTDOWN => return,
            Err(refusal) => panic!("{}", refusal.error),
        }
    }
}

fn history_of(client: &Client, id: &str) -> Vec<u8> {
    let request = GetWorkflowExecutionHistoryRequest {
        namespace: "default".into(),
        execution: Some(WorkflowExecution { workflow_id: id.into(), run_id: String::new() }),
        ..Default::default()
    };
    let answer: GetWorkflowExecutionHistoryResponse = client.call("GetWorkflowExecutionHistory", request).unwrap();
    answer.history.unwrap().encode_to_vec()
}

#[test]
fn a_workers_life() {
    let server = Server::start();
    let runtime = Runtime::new();
    let client = Client::to(&runtime, &server.address);
    let worker = Worker::new(&client, QUEUE).unwrap();
    worker.validate().unwrap();
    refused(worker.push("id", b""), ERROR, "only a replay worker takes histories");
    refused(worker.complete_workflow(b"\xff"), ERROR, "not that protocol buffer");
    refused(worker.complete_activity(b""), ERROR, "core refuses the completion of an activity");

    let evictions = thread::scope(|scope| {
        let workflows = scope.spawn(|| run_workflows(&worker));
        let activities = scope.spawn(|| run_activities(&worker));
        let started: StartWorkflowExecutionResponse =
            client.call("StartWorkflowExecution", start_request("one")).unwrap();
        wait_until(|| status_of(&client, "one") == WorkflowExecutionStatus::Completed);
        worker.evict(&started.run_id).unwrap();
        worker.shutdown();
        worker.shutdown();
        activities.join().unwrap();
        workflows.join().unwrap()
    });
    assert!(evictions >= 1);
    worker.free();

    // Its history replays, here by the same commands and then by others.
    let history = history_of(&client, "one");
    let replay = Worker::replaying(&runtime).unwrap();
    replay.push("one", &history).unwrap();
    assert!(!evicted_for_other_commands(&replay, commands_for));
    replay.push("one", &history).unwrap();
    assert!(evicted_for_other_commands(&replay, |activation| match job(activation) {
        Some(Variant::InitializeWorkflow(_)) => vec![CompleteWorkflowExecution { result: None }.into()],
        _ => vec![],
    }));
    replay.finish();
    refused(replay.poll_activity::<ActivityTask>(), SHUTDOWN, "shut down");
    refused(replay.poll_workflow::<WorkflowActivation>(), SHUTDOWN, "shut down");
    refused(replay.push("one", &history), ERROR, "no further histories");
}

/// Replays one history; whether core says at its end that the commands were not those of the history.
fn evicted_for_other_commands(
    replay: &Worker,
    commands: impl Fn(&WorkflowActivation) -> Vec<workflow_command::Variant>,
) -> bool {
    loop {
        let activation: WorkflowActivation = replay.poll_workflow().unwrap();
        replay.complete_workflow(&completed(&activation, commands(&activation))).unwrap();
        if let Some(Variant::RemoveFromCache(eviction)) = job(&activation) {
            return eviction.message.contains("Nondeterminism") || eviction.message.contains("TMPRL1100");
        }
    }
}

#[test]
fn a_worker_that_is_freed_undrained_lets_go() {
    let server = Server::start();
    let runtime = Runtime::new();
    let client = Client::to(&runtime, &server.address);
    let worker = Worker::new(&client, QUEUE).unwrap();
    let _: StartWorkflowExecutionResponse = client.call("StartWorkflowExecution", start_request("left")).unwrap();
    let _: WorkflowActivation = worker.poll_workflow().unwrap();
    worker.free();
    assert!(runtime.log.has("freed before both of its polls reported shutdown"));
    // The server gives the task to another worker, once its time is over.
    assert_eq!(status_of(&client, "left"), WorkflowExecutionStatus::Running);
}
