//! A worker that replays recorded histories; without a server.

use crate::boundary::{Answer, Failure, clear, decode, guard, guard_silently, not_null, slice, text};
use crate::bytes::TemporalBytes;
use crate::options::parse;
use crate::runtime::{RUNTIMES, TemporalRuntime};
use crate::worker::{TemporalWorker, WORKERS, Worker, worker_config};
use std::ffi::c_char;
use std::sync::{Arc, Mutex, PoisonError};
use temporalio_common::protos::temporal::api::history::v1::History;
use temporalio_sdk_core::init_replay_worker;
use temporalio_sdk_core::replay::{HistoryFeeder, HistoryForReplay, HistoryInfo, ReplayWorkerInput};

/// Where histories go in, until there are no more.
pub struct Feeder(Mutex<Option<Arc<HistoryFeeder>>>);

impl Feeder {
    fn open(&self) -> Answer<Arc<HistoryFeeder>> {
        let feeder = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        feeder.ok_or_else(|| Failure::error("this replay worker was told that there are no further histories"))
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn feeder_of(worker: &Worker) -> Answer<&Feeder> {
    worker
        .feeder
        .as_ref()
        .ok_or_else(|| Failure::error("this worker has a server: only a replay worker takes histories"))
}

fn push(worker: &Worker, workflow_id: &str, history: &[u8]) -> Answer<()> {
    let feeder = feeder_of(worker)?.open()?;
    let history: History = decode(history, "the history")?;
    // Core takes it for granted that a history is whole.
    HistoryInfo::new_from_history(&history, None)
        .map_err(|error| Failure::error(format!("the history of {workflow_id} cannot be replayed: {error:#}")))?;
    let history = HistoryForReplay::new(history, workflow_id);
    worker
        .runtime
        .wait_for(async move { feeder.feed(history).await })?
        .map_err(|_| Failure::error("the replay worker has stopped"))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_replay_worker_new(
    runtime: *mut TemporalRuntime,
    options: *const c_char,
    options_size: usize,
    worker: *mut *mut TemporalWorker,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        not_null(worker, "worker")?;
        let runtime = RUNTIMES.get(runtime)?;
        let config = worker_config(unsafe { parse(options.cast(), options_size)? }, "replay".into())?;
        let (feeder, histories) = HistoryFeeder::new(1);
        let made = runtime
            .wait_for(async move { init_replay_worker(ReplayWorkerInput::new(config, histories)) })?
            .map_err(|error| Failure::error(format!("core refuses the replay worker: {error:#}")))?;
        let feeder = Feeder(Mutex::new(Some(Arc::new(feeder))));
        unsafe { worker.write(WORKERS.put(Worker::new(runtime, made, Some(feeder)))) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_replay_worker_push(
    worker: *mut TemporalWorker,
    workflow_id: *const c_char,
    workflow_id_size: usize,
    history: *const u8,
    history_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let worker = WORKERS.get(worker)?;
        let workflow_id = unsafe { text(workflow_id.cast(), workflow_id_size, "the workflow's id")? };
        push(&worker, workflow_id, unsafe { slice(history, history_size, "the history")? })
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_replay_worker_finish(worker: *mut TemporalWorker) {
    guard_silently(|| {
        if let Ok(worker) = WORKERS.get(worker)
            && let Some(feeder) = &worker.feeder
        {
            feeder.close();
        }
    });
}
