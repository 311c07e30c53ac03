//! A worker: tasks by polling, answers by completing. Core does the rest.

use crate::boundary::{Answer, Failure, SHUTDOWN, clear, decode, guard, guard_silently, not_null, put, slice, text};
use crate::bytes::TemporalBytes;
use crate::client::{CLIENTS, TemporalClient, failure_of};
use crate::handles::Handles;
use crate::options::{VersioningBehavior, WorkerOptions, parse};
use crate::replay::Feeder;
use crate::runtime::Runtime;
use prost::Message;
use std::ffi::c_char;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use temporalio_common::protos::coresdk::workflow_completion::WorkflowActivationCompletion;
use temporalio_common::worker::{
    VersioningBehavior as CoreBehavior, WorkerDeploymentOptions, WorkerDeploymentVersion, WorkerTaskTypes,
};
use temporalio_sdk_core::{
    CompleteActivityError, CompleteWfError, PollError, PollerBehavior, Worker as CoreWorker, WorkerConfig,
    WorkerValidationError, WorkerVersioningStrategy, init_worker,
};

pub enum TemporalWorker {}

pub static WORKERS: Handles<Worker> = Handles::new("worker");

// For a worker that is freed without having been drained: its tasks are left to their timeouts.
const UNDRAINED_LIMIT: Duration = Duration::from_secs(5);

pub struct Worker {
    pub runtime: Arc<Runtime>,
    pub core: Arc<CoreWorker>,
    pub feeder: Option<Feeder>,
    workflow_poll: Poll,
    activity_poll: Poll,
}

/// What is known of one kind's polls.
#[derive(Default)]
struct Poll {
    under_way: AtomicBool,
    drained: AtomicBool,
    ever: AtomicBool,
}

impl Poll {
    /// Of a kind that the worker does not take there is nothing to drain.
    fn of(taken: bool) -> Self {
        Poll { drained: AtomicBool::new(!taken), ..Poll::default() }
    }
}

impl Worker {
    pub fn new(runtime: Arc<Runtime>, core: CoreWorker, feeder: Option<Feeder>) -> Self {
        let takes = &core.get_config().task_types;
        let (workflow_poll, activity_poll) =
            (Poll::of(takes.enable_workflows), Poll::of(takes.enable_remote_activities));
        Worker { runtime, core: Arc::new(core), feeder, workflow_poll, activity_poll }
    }

    /// Runs on core's threads.
    pub fn wait_for<T: Send + 'static, F>(&self, what: impl FnOnce(Arc<CoreWorker>) -> F) -> Answer<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        self.runtime.wait_for(what(self.core.clone()))
    }

    fn poll(&self, kind: &Poll, next: NextTask) -> Answer<Vec<u8>> {
        if kind.under_way.swap(true, Ordering::AcqRel) {
            return Err(Failure::error("this worker is being polled by another thread"));
        }
        kind.ever.store(true, Ordering::Release);
        let polled = self.runtime.wait_for(next);
        kind.under_way.store(false, Ordering::Release);
        match polled? {
            Ok(task) => Ok(task),
            Err(PollError::ShutDown) => {
                kind.drained.store(true, Ordering::Release);
                Err(Failure::new(SHUTDOWN, "the worker is shut down"))
            }
            Err(PollError::TonicError(status)) => Err(failure_of("polling for tasks", &status)),
        }
    }

    fn polls(&self) -> [&Poll; 2] {
        [&self.workflow_poll, &self.activity_poll]
    }

    fn is_drained(&self) -> bool {
        self.polls().iter().all(|kind| kind.drained.load(Ordering::Acquire))
    }

    fn shut_down(&self) {
        let _ = self.wait_for(|core| async move { core.initiate_shutdown() });
    }

    fn free(self: Arc<Self>) {
        self.shut_down();
        let drained = self.is_drained();
        let may_poll = self.polls().iter().all(|kind| !kind.under_way.load(Ordering::Acquire));
        if !drained && self.polls().iter().any(|kind| kind.ever.load(Ordering::Acquire)) {
            self.runtime.log.warn("a worker was freed before both of its polls reported shutdown");
        }
        let runtime = self.runtime.clone();
        let core = self.core.clone();
        drop(self);
        let stopped = runtime.wait_for(async move {
            if drained {
                return finalize(core).await;
            }
            let stopping = async move {
                drain(&core).await;
                finalize(core).await
            };
            may_poll && tokio::time::timeout(UNDRAINED_LIMIT, stopping).await.unwrap_or(false)
        });
        if !stopped.unwrap_or(false) {
            // A thread of core's waits for answers that will not come, and the end of its runtime would wait for that thread.
            std::mem::forget(runtime);
        }
    }
}

/// Answers for a caller that takes no more tasks.
async fn drain(core: &CoreWorker) {
    while let Ok(activation) = core.poll_workflow_activation().await {
        let completion = if activation.is_only_eviction() {
            WorkflowActivationCompletion::empty(activation.run_id)
        } else {
            WorkflowActivationCompletion::fail(activation.run_id, "the worker stops".into(), None)
        };
        let _ = core.complete_workflow_activation(completion).await;
    }
    // An activity that comes now is left to its timeout, as are those that the caller has.
    while core.poll_activity_task().await.is_ok() {}
}

/// Whether core has let go of everything. Not so while a call to it has not come back.
async fn finalize(core: Arc<CoreWorker>) -> bool {
    match Arc::try_unwrap(core) {
        Ok(core) => {
            core.finalize_shutdown().await;
            true
        }
        Err(_) => false,
    }
}

type NextTask = Pin<Box<dyn Future<Output = Result<Vec<u8>, PollError>> + Send>>;

pub fn worker_config(options: WorkerOptions, namespace: String) -> Answer<WorkerConfig> {
    if options.task_queue.is_empty() {
        return Err(Failure::error("the options are wrong: task_queue is missing or empty"));
    }
    let above_zero = |rate: f64| (rate != 0.0).then_some(rate);
    WorkerConfig::builder()
        .namespace(namespace)
        .versioning_strategy(versioning(&options))
        .task_queue(options.task_queue)
        .task_types(WorkerTaskTypes {
            enable_workflows: options.workflows,
            enable_local_activities: false,
            enable_remote_activities: options.activities,
            enable_nexus: false,
        })
        .max_cached_workflows(options.max_cached_workflows)
        .max_outstanding_workflow_tasks(options.max_concurrent_workflow_tasks)
        .max_outstanding_activities(options.max_concurrent_activities)
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(options.workflow_pollers))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(options.activity_pollers))
        .sticky_queue_schedule_to_start_timeout(Duration::from_millis(options.sticky_queue_timeout_ms))
        .max_heartbeat_throttle_interval(Duration::from_millis(options.max_heartbeat_throttle_ms))
        .graceful_shutdown_period(Duration::from_millis(options.graceful_shutdown_ms))
        .maybe_max_worker_activities_per_second(above_zero(options.max_activities_per_second))
        .maybe_max_task_queue_activities_per_second(above_zero(options.max_task_queue_activities_per_second))
        .build()
        .map_err(|error| Failure::error(format!("core refuses the worker's options: {error}")))
}

fn versioning(options: &WorkerOptions) -> WorkerVersioningStrategy {
    if !options.versioning && options.deployment_name.is_empty() && options.default_versioning_behavior.is_none() {
        return WorkerVersioningStrategy::None { build_id: options.build_id.clone() };
    }
    let version = WorkerDeploymentVersion::builder()
        .deployment_name(options.deployment_name.clone())
        .build_id(options.build_id.clone())
        .build();
    let behavior = options.default_versioning_behavior.map(|behavior| match behavior {
        VersioningBehavior::AutoUpgrade => CoreBehavior::AutoUpgrade,
        VersioningBehavior::Pinned => CoreBehavior::Pinned,
    });
    WorkerVersioningStrategy::WorkerDeploymentBased(
        WorkerDeploymentOptions::new(version)
            .use_worker_versioning(options.versioning)
            .maybe_default_versioning_behavior(behavior)
            .build(),
    )
}

/// Asks core for something that may take its time, and tells its errors without the payloads that core prints.
fn complete_workflow(worker: &Worker, bytes: &[u8]) -> Answer<()> {
    let completion = decode(bytes, "the completion")?;
    worker.wait_for(|core| async move { core.complete_workflow_activation(completion).await })?.map_err(|error| {
        match error {
            CompleteWfError::MalformedWorkflowCompletion { reason, run_id } => {
                Failure::error(format!("core refuses the completion of run {run_id}: {reason}"))
            }
            CompleteWfError::WorkflowNotEnabled => Failure::error("this worker takes no workflows"),
        }
    })
}

fn complete_activity(worker: &Worker, bytes: &[u8]) -> Answer<()> {
    let completion = decode(bytes, "the completion")?;
    worker.wait_for(|core| async move { core.complete_activity_task(completion).await })?.map_err(|error| match error {
        CompleteActivityError::MalformedActivityCompletion { reason, .. } => {
            Failure::error(format!("core refuses the completion of an activity: {reason}"))
        }
        CompleteActivityError::ActivityNotEnabled => Failure::error("this worker takes no activities"),
    })
}

fn validate(worker: &Worker) -> Answer<()> {
    match worker.wait_for(|core| async move { core.validate().await })? {
        Ok(_) => Ok(()),
        Err(WorkerValidationError::NamespaceDescribeError { source, namespace }) => {
            Err(failure_of(&format!("the namespace {namespace} cannot be used"), &source))
        }
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_new(
    client: *mut TemporalClient,
    options: *const c_char,
    options_size: usize,
    worker: *mut *mut TemporalWorker,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        not_null(worker, "worker")?;
        let client = CLIENTS.get(client)?;
        let config = worker_config(unsafe { parse(options.cast(), options_size)? }, client.namespace.clone())?;
        let (runtime, connection) = (client.runtime.core.clone(), client.connection.clone());
        let made = client
            .runtime
            .wait_for(async move { init_worker(&runtime, config, connection) })?
            .map_err(|error| Failure::error(format!("core refuses the worker: {error:#}")))?;
        let made = Worker::new(client.runtime.clone(), made, None);
        unsafe { worker.write(WORKERS.put(made)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_validate(worker: *mut TemporalWorker, error: *mut TemporalBytes) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || validate(&*WORKERS.get(worker)?))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_poll_workflow(
    worker: *mut TemporalWorker,
    activation: *mut TemporalBytes,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[activation, error]) };
    guard(error, || {
        not_null(activation, "activation")?;
        let worker = WORKERS.get(worker)?;
        let core = worker.core.clone();
        let next = async move { core.poll_workflow_activation().await.map(|task| task.encode_to_vec()) };
        let bytes = worker.poll(&worker.workflow_poll, Box::pin(next))?;
        unsafe { put(activation, bytes) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_poll_activity(
    worker: *mut TemporalWorker,
    task: *mut TemporalBytes,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[task, error]) };
    guard(error, || {
        not_null(task, "task")?;
        let worker = WORKERS.get(worker)?;
        let core = worker.core.clone();
        let next = async move { core.poll_activity_task().await.map(|task| task.encode_to_vec()) };
        let bytes = worker.poll(&worker.activity_poll, Box::pin(next))?;
        unsafe { put(task, bytes) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_complete_workflow(
    worker: *mut TemporalWorker,
    completion: *const u8,
    completion_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let worker = WORKERS.get(worker)?;
        complete_workflow(&worker, unsafe { slice(completion, completion_size, "the completion")? })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_complete_activity(
    worker: *mut TemporalWorker,
    completion: *const u8,
    completion_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let worker = WORKERS.get(worker)?;
        complete_activity(&worker, unsafe { slice(completion, completion_size, "the completion")? })
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_heartbeat(
    worker: *mut TemporalWorker,
    heartbeat: *const u8,
    heartbeat_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let worker = WORKERS.get(worker)?;
        let heartbeat = decode(unsafe { slice(heartbeat, heartbeat_size, "the heartbeat")? }, "the heartbeat")?;
        // Only hands it to core's threads, so there is nothing to wait for.
        let handle = worker.runtime.core.tokio_handle();
        let _entered = handle.enter();
        worker.core.record_activity_heartbeat(heartbeat);
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_worker_evict(
    worker: *mut TemporalWorker,
    run_id: *const c_char,
    run_id_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let worker = WORKERS.get(worker)?;
        let run_id = unsafe { text(run_id.cast(), run_id_size, "the run's id")? }.to_owned();
        if !worker.core.get_config().task_types.enable_workflows {
            return Err(Failure::error("this worker takes no workflows"));
        }
        worker.wait_for(|core| async move { core.request_workflow_eviction(&run_id) })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_worker_shutdown(worker: *mut TemporalWorker) {
    guard_silently(|| {
        if let Ok(worker) = WORKERS.get(worker) {
            worker.shut_down();
        }
    });
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_worker_free(worker: *mut TemporalWorker) {
    guard_silently(|| {
        if let Some(worker) = WORKERS.take(worker) {
            worker.free();
        }
    });
}
