//! Core's log lines, on their way to the caller's callback.

use std::ffi::{c_char, c_void};
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use temporalio_common::telemetry::{CoreLog, CoreLogConsumer};

pub type TemporalLog = unsafe extern "C" fn(
    context: *mut c_void,
    level: i32,
    target: *const c_char,
    target_size: usize,
    message: *const c_char,
    message_size: usize,
);

struct Receiver {
    call: TemporalLog,
    context: *mut c_void,
}

// The header says that it is called from core's threads.
unsafe impl Send for Receiver {}
unsafe impl Sync for Receiver {}

/// Where lines go until the runtime is freed.
#[derive(Clone)]
pub struct LogSink(Arc<RwLock<Option<Receiver>>>);

// Of what core says beside its message, these tell of no payload. Failures, completions and heartbeats would.
const SHOWN_FIELDS: [&str; 8] =
    ["error", "namespace", "task_queue", "workflow_id", "run_id", "workflow_type", "activity_type", "attempt"];
const LONGEST_FIELD: usize = 400;

impl LogSink {
    pub fn new(call: Option<TemporalLog>, context: *mut c_void) -> Self {
        LogSink(Arc::new(RwLock::new(call.map(|call| Receiver { call, context }))))
    }

    /// Blocks while a line is being told; none is told afterwards.
    pub fn close(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub fn say(&self, level: i32, target: &str, message: &str) {
        let receiver = self.0.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(receiver) = receiver.as_ref() {
            unsafe {
                (receiver.call)(
                    receiver.context,
                    level,
                    target.as_ptr().cast(),
                    target.len(),
                    message.as_ptr().cast(),
                    message.len(),
                );
            }
        }
    }

    pub fn warn(&self, message: &str) {
        self.say(1, "temporal_bridge", message);
    }
}

impl fmt::Debug for LogSink {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("LogSink")
    }
}

impl CoreLogConsumer for LogSink {
    fn on_log(&self, log: CoreLog) {
        let level = match log.level.as_str() {
            "ERROR" => 0,
            "WARN" => 1,
            "INFO" => 2,
            "DEBUG" => 3,
            _ => 4,
        };
        let mut message = log.message;
        for name in SHOWN_FIELDS {
            let Some(value) = log.fields.get(name) else { continue };
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let shown: String = value.chars().take(LONGEST_FIELD).collect();
            message.push_str(&format!(" {name}={shown}"));
        }
        self.say(level, &log.target, &message);
    }
}
