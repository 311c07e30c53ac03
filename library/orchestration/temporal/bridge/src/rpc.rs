//! Requests of a client: one unary method of the workflow or operator service, by its name.

use crate::boundary::{Answer, Failure, clear, decode, guard_with_details, not_null, put, slice, text};
use crate::bytes::TemporalBytes;
use crate::client::{CLIENTS, Client, TemporalClient, failure_of};
use prost::Message;
use std::ffi::c_char;
use std::future::Future;
use std::time::Duration;
use temporalio_client::grpc::{OperatorService, WorkflowService};
use temporalio_client::request_extensions::RetryConfigForCall;
use temporalio_client::tonic::{Request, Response, Status};
use temporalio_client::{Connection, RetryOptions};

const OPERATOR: &str = "OperatorService/";

/// `start` prepares the method that is called so, or says that there is none.
macro_rules! methods {
    ($(($service:literal, $trait:ident): $($method:ident)*;)*) => {
        fn start(connection: &mut Connection, service: &str, method: &str, bytes: &[u8], limit: Duration) -> Answer<Call> {
            match (service, method) {
                $($(($service, stringify!($method)) => {
                    let mut connection = connection.clone();
                    let request = request(decode(bytes, "the request")?, limit);
                    Ok(Box::pin(async move { encoded($trait::$method(&mut connection, request).await) }))
                })*)*
                _ => Err(Failure::error("there is no such method, or it is not for clients")),
            }
        }

        #[cfg(test)]
        const METHODS: &[&str] = &[$($(stringify!($method)),*),*];
    };
}

type Call = std::pin::Pin<Box<dyn Future<Output = Result<Vec<u8>, Status>> + Send>>;

methods! {
    ("workflow", WorkflowService):
        start_workflow_execution signal_with_start_workflow_execution signal_workflow_execution execute_multi_operation
        request_cancel_workflow_execution terminate_workflow_execution delete_workflow_execution reset_workflow_execution
        pause_workflow_execution unpause_workflow_execution
        query_workflow update_workflow_execution poll_workflow_execution_update
        describe_workflow_execution list_workflow_executions count_workflow_executions scan_workflow_executions
        get_workflow_execution_history get_workflow_execution_history_reverse get_search_attributes
        update_workflow_execution_options
        start_batch_operation stop_batch_operation describe_batch_operation list_batch_operations
        pause_activity unpause_activity reset_activity update_activity_options
        record_activity_task_heartbeat_by_id respond_activity_task_completed_by_id respond_activity_task_failed_by_id
        respond_activity_task_canceled_by_id
        create_schedule describe_schedule update_schedule patch_schedule delete_schedule list_schedules
        list_schedule_matching_times
        register_namespace describe_namespace list_namespaces update_namespace
        describe_task_queue list_task_queue_partitions update_task_queue_config list_workers describe_worker
        list_worker_deployments describe_worker_deployment describe_worker_deployment_version
        set_worker_deployment_current_version set_worker_deployment_ramping_version
        update_worker_deployment_version_metadata delete_worker_deployment delete_worker_deployment_version
        get_system_info get_cluster_info;
    ("operator", OperatorService):
        add_search_attributes list_search_attributes remove_search_attributes delete_namespace;
}

fn request<M>(message: M, limit: Duration) -> Request<M> {
    let mut request = Request::new(message);
    if !limit.is_zero() {
        request.set_timeout(limit);
        let retries = RetryOptions::builder().max_elapsed_time(Some(limit)).max_retries(0).build();
        request.extensions_mut().insert(RetryConfigForCall(retries));
    }
    request
}

fn encoded<M: Message>(answer: Result<Response<M>, Status>) -> Result<Vec<u8>, Status> {
    answer.map(|response| response.into_inner().encode_to_vec())
}

/// StartWorkflowExecution as start_workflow_execution.
fn in_snake_case(name: &str) -> String {
    let mut words = String::with_capacity(name.len() + 8);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push('_');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}

fn call(client: &Client, name: &str, request: &[u8], limit: Duration) -> Answer<Vec<u8>> {
    let (service, method) = match name.strip_prefix(OPERATOR) {
        Some(method) => ("operator", method),
        None => ("workflow", name),
    };
    // A name in snake case is none of the API's, nor is one that begins with a small letter.
    let named = method.starts_with(|first: char| first.is_ascii_uppercase()) && !method.contains('_');
    let snake = if named { in_snake_case(method) } else { String::new() };
    let mut connection = client.connection.clone();
    let started = start(&mut connection, service, &snake, request, limit)
        .map_err(|failure| Failure { message: format!("{name}: {}", failure.message), ..failure })?;
    let answer = client.runtime.wait_for(async move {
        if limit.is_zero() {
            return started.await;
        }
        // Core gives each try the whole of it.
        let late = |_| Err(Status::deadline_exceeded("no answer in time"));
        tokio::time::timeout(limit, started).await.unwrap_or_else(late)
    })?;
    answer.map_err(|status| failure_of(name, &status))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_client_rpc(
    client: *mut TemporalClient,
    method: *const c_char,
    method_size: usize,
    request: *const u8,
    request_size: usize,
    timeout_milliseconds: u32,
    response: *mut TemporalBytes,
    error: *mut TemporalBytes,
    details: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[response, error, details]) };
    guard_with_details(error, details, || {
        not_null(response, "response")?;
        let client = CLIENTS.get(client)?;
        let name = unsafe { text(method.cast(), method_size, "the method's name")? };
        let request = unsafe { slice(request, request_size, "the request")? };
        let limit = Duration::from_millis(timeout_milliseconds.into());
        let answer = call(&client, name, request, limit)?;
        unsafe { put(response, answer) };
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_api() {
        assert_eq!(in_snake_case("SignalWithStartWorkflowExecution"), "signal_with_start_workflow_execution");
        assert!(METHODS.contains(&in_snake_case("GetWorkflowExecutionHistoryReverse").as_str()));
        assert_eq!(METHODS.iter().collect::<std::collections::HashSet<_>>().len(), METHODS.len());
    }
}
