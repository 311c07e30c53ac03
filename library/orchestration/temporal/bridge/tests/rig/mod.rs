//! The bridge's functions as C calls them, in clothes that free what they hold.
#![allow(dead_code)]

pub mod nginx;
pub mod server;

use prost::Message;
use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use temporal_bridge::bytes::{TemporalBytes, temporal_bytes_free};
use temporal_bridge::client::*;
use temporal_bridge::replay::*;
use temporal_bridge::rpc::temporal_client_rpc;
use temporal_bridge::runtime::*;
use temporal_bridge::worker::*;

/// Status and sentence of a call that failed.
#[derive(Debug)]
pub struct Refusal {
    pub status: i32,
    pub error: String,
    pub details: Vec<u8>,
}

pub type Answer<T> = Result<T, Refusal>;

pub const SHUTDOWN: i32 = -1;
pub const ERROR: i32 = -2;
pub const PANIC: i32 = -3;

struct Out(TemporalBytes);

impl Out {
    fn new() -> Self {
        Out(TemporalBytes::EMPTY)
    }
    fn bytes(&self) -> Vec<u8> {
        unsafe { self.0.as_slice() }.to_vec()
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        unsafe { temporal_bytes_free(&mut self.0) };
    }
}

pub fn check(call: impl FnOnce(*mut TemporalBytes) -> i32) -> Answer<()> {
    check_details(|error, _| call(error))
}

pub fn check_details(call: impl FnOnce(*mut TemporalBytes, *mut TemporalBytes) -> i32) -> Answer<()> {
    let (mut error, mut details) = (Out::new(), Out::new());
    let status = call(&mut error.0, &mut details.0);
    let said = String::from_utf8(error.bytes()).expect("sentences are UTF-8");
    if status == 0 {
        assert_eq!(said, "");
        return Ok(());
    }
    assert_ne!(said, "", "status {status} without a sentence");
    Err(Refusal { status, error: said, details: details.bytes() })
}

fn chars(text: &str) -> *const c_char {
    text.as_ptr().cast()
}

#[derive(Default)]
pub struct Log(pub Mutex<Vec<(i32, String)>>);

impl Log {
    pub fn has(&self, part: &str) -> bool {
        self.0.lock().unwrap().iter().any(|(_, line)| line.contains(part))
    }
}

unsafe extern "C" fn note(
    context: *mut c_void,
    level: i32,
    target: *const c_char,
    target_size: usize,
    message: *const c_char,
    message_size: usize,
) {
    let text = |data: *const c_char, size| unsafe { std::slice::from_raw_parts(data.cast(), size) };
    let line = [text(target, target_size), text(message, message_size)].map(String::from_utf8_lossy).join(" ");
    unsafe { &*context.cast::<Log>() }.0.lock().unwrap().push((level, line));
}

pub struct Runtime {
    pub handle: *mut TemporalRuntime,
    pub log: Arc<Log>,
}

unsafe impl Send for Runtime {}
unsafe impl Sync for Runtime {}

impl Runtime {
    pub fn new() -> Self {
        Self::with("{}").expect("a runtime")
    }

    pub fn with(options: &str) -> Answer<Self> {
        let log = Arc::new(Log::default());
        let context = Arc::as_ptr(&log).cast_mut().cast();
        let mut handle = ptr::null_mut();
        check(|error| unsafe {
            temporal_runtime_new(chars(options), options.len(), Some(note), context, &mut handle, error)
        })?;
        Ok(Runtime { handle, log })
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        temporal_runtime_free(self.handle);
    }
}

pub struct Client<'r> {
    pub handle: *mut TemporalClient,
    runtime: &'r Runtime,
}

unsafe impl Sync for Client<'_> {}

impl<'r> Client<'r> {
    pub fn connect(runtime: &'r Runtime, options: &str) -> Answer<Self> {
        let mut handle = ptr::null_mut();
        check(|error| unsafe {
            temporal_client_connect(runtime.handle, chars(options), options.len(), &mut handle, error)
        })?;
        Ok(Client { handle, runtime })
    }

    pub fn to(runtime: &'r Runtime, address: &str) -> Self {
        Self::connect(runtime, &serde_json::json!({ "address": address }).to_string()).expect("a client")
    }

    pub fn bytes(&self, method: &str, request: &[u8], limit: Duration) -> Answer<Vec<u8>> {
        let mut response = Out::new();
        check_details(|error, details| unsafe {
            temporal_client_rpc(
                self.handle,
                chars(method),
                method.len(),
                request.as_ptr(),
                request.len(),
                limit.as_millis() as u32,
                &mut response.0,
                error,
                details,
            )
        })?;
        Ok(response.bytes())
    }

    pub fn call<R: Message + Default>(&self, method: &str, request: impl Message) -> Answer<R> {
        let answer = self.bytes(method, &request.encode_to_vec(), Duration::from_secs(60))?;
        Ok(R::decode(answer.as_slice()).expect("the method's response"))
    }

    pub fn set_api_key(&self, key: &str) -> Answer<()> {
        check(|error| unsafe { temporal_client_set_api_key(self.handle, chars(key), key.len(), error) })
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        temporal_client_free(self.handle);
    }
}

pub struct Worker {
    pub handle: *mut TemporalWorker,
}

unsafe impl Sync for Worker {}

impl Worker {
    pub fn new(client: &Client, options: &str) -> Answer<Self> {
        let mut handle = ptr::null_mut();
        check(|error| unsafe {
            temporal_worker_new(client.handle, chars(options), options.len(), &mut handle, error)
        })?;
        Ok(Worker { handle })
    }

    pub fn replaying(runtime: &Runtime) -> Answer<Self> {
        let options = r#"{"task_queue": "replay"}"#;
        let mut handle = ptr::null_mut();
        check(|error| unsafe {
            temporal_replay_worker_new(runtime.handle, chars(options), options.len(), &mut handle, error)
        })?;
        Ok(Worker { handle })
    }

    pub fn validate(&self) -> Answer<()> {
        check(|error| unsafe { temporal_worker_validate(self.handle, error) })
    }

    pub fn poll_workflow<M: Message + Default>(&self) -> Answer<M> {
        self.polled(temporal_worker_poll_workflow)
    }

    pub fn poll_activity<M: Message + Default>(&self) -> Answer<M> {
        self.polled(temporal_worker_poll_activity)
    }

    fn polled<M: Message + Default>(
        &self,
        poll: unsafe extern "C" fn(*mut TemporalWorker, *mut TemporalBytes, *mut TemporalBytes) -> i32,
    ) -> Answer<M> {
        let mut task = Out::new();
        check(|error| unsafe { poll(self.handle, &mut task.0, error) })?;
        Ok(M::decode(task.bytes().as_slice()).expect("a task"))
    }

    pub fn complete_workflow(&self, completion: &[u8]) -> Answer<()> {
        check(|error| unsafe {
            temporal_worker_complete_workflow(self.handle, completion.as_ptr(), completion.len(), error)
        })
    }

    pub fn complete_activity(&self, completion: &[u8]) -> Answer<()> {
        check(|error| unsafe {
            temporal_worker_complete_activity(self.handle, completion.as_ptr(), completion.len(), error)
        })
    }

    pub fn heartbeat(&self, heartbeat: &[u8]) -> Answer<()> {
        check(|error| unsafe { temporal_worker_heartbeat(self.handle, heartbeat.as_ptr(), heartbeat.len(), error) })
    }

    pub fn evict(&self, run_id: &str) -> Answer<()> {
        check(|error| unsafe { temporal_worker_evict(self.handle, chars(run_id), run_id.len(), error) })
    }

    pub fn push(&self, workflow_id: &str, history: &[u8]) -> Answer<()> {
        check(|error| unsafe {
            temporal_replay_worker_push(
                self.handle,
                chars(workflow_id),
                workflow_id.len(),
                history.as_ptr(),
                history.len(),
                error,
            )
        })
    }

    pub fn finish(&self) {
        temporal_replay_worker_finish(self.handle);
    }

    pub fn shutdown(&self) {
        temporal_worker_shutdown(self.handle);
    }

    pub fn free(&self) {
        temporal_worker_free(self.handle);
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.free();
    }
}

/// For as long as the test's runner lets it.
pub fn wait_until(mut condition: impl FnMut() -> bool) {
    while !condition() {
        thread::sleep(Duration::from_millis(20));
    }
}
