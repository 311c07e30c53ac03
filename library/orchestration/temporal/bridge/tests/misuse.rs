//! What is wrong with a call comes back as a status and a sentence, without a server.

mod rig;

use rig::{Answer, Client, ERROR, PANIC, Runtime, SHUTDOWN, Worker, check};
use std::ffi::{c_char, c_void};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::ptr;
use std::sync::atomic::{AtomicI32, AtomicPtr, Ordering};
use temporal_bridge::bytes::temporal_bytes_free;
use temporal_bridge::client::*;
use temporal_bridge::rpc::temporal_client_rpc;
use temporal_bridge::runtime::*;
use temporal_bridge::worker::*;

fn refusal<T>(answer: Answer<T>, status: i32, part: &str) {
    let refusal = answer.err().expect("a refusal");
    assert_eq!(refusal.status, status, "{}", refusal.error);
    assert!(refusal.error.contains(part), "{:?} has no {part:?}", refusal.error);
}

#[test]
fn null_pointers_are_errors() {
    refusal(
        check(|error| unsafe { temporal_worker_poll_workflow(ptr::null_mut(), ptr::null_mut(), error) }),
        ERROR,
        "null",
    );
    refusal(
        check(|error| unsafe { temporal_worker_heartbeat(ptr::null_mut(), ptr::null(), 0, error) }),
        ERROR,
        "worker is null",
    );
    let nowhere = ptr::null_mut();
    refusal(
        check(|error| unsafe { temporal_runtime_new(ptr::null(), 0, None, ptr::null_mut(), nowhere, error) }),
        ERROR,
        "nowhere to put the runtime",
    );
    let mut runtime = ptr::null_mut();
    let taken = &mut runtime;
    refusal(
        check(|error| unsafe { temporal_runtime_new(ptr::null(), 5, None, ptr::null_mut(), taken, error) }),
        ERROR,
        "null pointer",
    );
    assert!(runtime.is_null());
    // Nobody needs to listen to errors.
    assert_eq!(unsafe { temporal_worker_evict(ptr::null_mut(), ptr::null(), 0, ptr::null_mut()) }, ERROR);
    temporal_runtime_free(ptr::null_mut());
    temporal_client_free(ptr::null_mut());
    temporal_worker_shutdown(ptr::null_mut());
    temporal_worker_free(ptr::null_mut());
    unsafe { temporal_bytes_free(ptr::null_mut()) };
}

#[test]
fn options_are_read_strictly() {
    let bad = b"{\"log_filter\": \"\xff\"}";
    let mut runtime = ptr::null_mut();
    let data = bad.as_ptr().cast::<c_char>();
    refusal(
        check(|error| unsafe { temporal_runtime_new(data, bad.len(), None, ptr::null_mut(), &mut runtime, error) }),
        ERROR,
        "not UTF-8",
    );
    refusal(Runtime::with(r#"{"log_fitler": "warn"}"#), ERROR, "unknown field `log_fitler`");
    refusal(Runtime::with(r#"{"metrics_listen": "everywhere"}"#), ERROR, "metrics_listen");
    let runtime = Runtime::new();
    refusal(Client::connect(&runtime, r#"{"adress": "127.0.0.1:1"}"#), ERROR, "unknown field `adress`");
}

#[test]
fn addresses_keys_and_certificates_are_checked_before_anything_is_sent() {
    let runtime = Runtime::new();
    for address in ["", "127.0.0.1", "http://127.0.0.1:7233", "127.0.0.1:70000", "a:1/path", "user@a:1", ":7233"] {
        let options = serde_json::json!({ "address": address }).to_string();
        refusal(Client::connect(&runtime, &options), ERROR, "the address is not a host and a port");
    }
    let with = |more: &str| Client::connect(&runtime, &format!(r#"{{"address": "192.0.2.1:7233", {more}}}"#));
    refusal(with(r#""api_key": "secret""#), ERROR, "over TLS alone");
    refusal(with(r#""api_key": "secret\n", "tls": {}"#), ERROR, "no header can carry");
    refusal(with(r#""tls": {"client_key": "-----BEGIN "}"#), ERROR, "one is missing");
    refusal(with(r#""tls": {"server_ca": "/etc/ca.pem"}"#), ERROR, "tls.server_ca is not PEM");
    refusal(with(r#""namespace": """#), ERROR, "namespace is empty");
}

#[test]
fn a_server_that_is_not_there_is_unavailable() {
    let runtime = Runtime::new();
    let port = rig::server::free_port();
    let options = format!(r#"{{"address": "127.0.0.1:{port}"}}"#);
    refusal(Client::connect(&runtime, &options), 14, "Connection refused");
    refusal(Client::connect(&runtime, r#"{"address": "no-such-host.invalid:7233"}"#), 14, "no-such-host.invalid");
}

#[test]
fn freed_handles_are_errors_and_nothing_is_freed_twice() {
    let runtime = Runtime::new();
    let worker = Worker::replaying(&runtime).unwrap();
    worker.free();
    worker.free();
    refusal(worker.push("id", b""), ERROR, "the worker is not open");
    refusal(worker.evict("run"), ERROR, "the worker is not open");
    worker.finish();
    worker.shutdown();
    temporal_runtime_free(runtime.handle);
    temporal_runtime_free(runtime.handle);
    refusal(Worker::replaying(&runtime), ERROR, "the runtime is not open");
    // One of another kind, and nonsense.
    let mut response = temporal_bridge::bytes::TemporalBytes::EMPTY;
    for handle in [runtime.handle.cast(), 0xdead_beef_usize as *mut TemporalClient] {
        refusal(
            check(|error| unsafe {
                let none = ptr::null_mut();
                temporal_client_rpc(
                    handle,
                    c"GetSystemInfo".as_ptr(),
                    13,
                    ptr::null(),
                    0,
                    0,
                    &mut response,
                    error,
                    none,
                )
            }),
            ERROR,
            "the client is not open",
        );
    }
}

#[test]
fn the_wrong_order_of_freeing_is_no_danger() {
    let runtime = Runtime::new();
    let worker = Worker::replaying(&runtime).unwrap();
    drop(runtime);
    worker.finish();
    refusal(worker.poll_workflow::<()>(), SHUTDOWN, "shut down");
    drop(worker);
}

#[test]
fn workers_are_made_of_sound_options_alone() {
    let runtime = Runtime::new();
    let mut worker = ptr::null_mut();
    let mut with = |options: &str| {
        check(|error| unsafe {
            let data = options.as_ptr().cast();
            temporal_bridge::replay::temporal_replay_worker_new(runtime.handle, data, options.len(), &mut worker, error)
        })
    };
    refusal(with("{}"), ERROR, "task_queue is missing");
    refusal(with(r#"{"task_queue": "q", "queue": 1}"#), ERROR, "unknown field `queue`");
    refusal(with(r#"{"task_queue": "q", "max_concurrent_activities": 0}"#), ERROR, "max_outstanding_activities");
    refusal(with(r#"{"task_queue": "q", "workflow_pollers": 1}"#), ERROR, "workflow_task_poller_behavior");
    refusal(with(r#"{"task_queue": "q", "versioning": true}"#), ERROR, "build_id");
    refusal(with(r#"{"task_queue": "q", "workflows": false, "activities": false}"#), ERROR, "task_types");
    refusal(
        with(r#"{"task_queue": "q", "max_activities_per_second": -1.0}"#),
        ERROR,
        "max_worker_activities_per_second",
    );
    assert!(worker.is_null());
}

#[test]
fn a_taken_metrics_port_is_a_warning() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let runtime = Runtime::with(&format!(r#"{{"metrics_listen": "{address}"}}"#)).unwrap();
    assert!(runtime.log.has(&format!("no metrics of Temporal's core: cannot listen on {address}")));
}

#[test]
fn metrics_are_served() {
    let port = rig::server::free_port();
    let _runtime = Runtime::with(&format!(r#"{{"metrics_listen": "127.0.0.1:{port}"}}"#)).unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.0 200"), "{answer}");
}

static INNER_STATUS: AtomicI32 = AtomicI32::new(0);
static INNER_RUNTIME: AtomicPtr<TemporalRuntime> = AtomicPtr::new(ptr::null_mut());

/// Does what the header forbids: waits on core's own thread.
unsafe extern "C" fn call_back(_: *mut c_void, _: i32, _: *const c_char, _: usize, _: *const c_char, _: usize) {
    let options = r#"{"address": "127.0.0.1:1"}"#;
    let runtime = INNER_RUNTIME.load(Ordering::SeqCst);
    let mut client = ptr::null_mut();
    let data = options.as_ptr().cast();
    let none = ptr::null_mut();
    INNER_STATUS
        .store(unsafe { temporal_client_connect(runtime, data, options.len(), &mut client, none) }, Ordering::SeqCst);
}

#[test]
fn a_panic_is_a_status() {
    let options = r#"{"log_filter": "info"}"#;
    let mut handle = ptr::null_mut();
    check(|error| unsafe {
        let data = options.as_ptr().cast();
        temporal_runtime_new(data, options.len(), Some(call_back), ptr::null_mut(), &mut handle, error)
    })
    .unwrap();
    INNER_RUNTIME.store(handle, Ordering::SeqCst);
    let runtime = Runtime { handle, log: Default::default() };
    // Core logs that it makes one.
    drop(Worker::replaying(&runtime).unwrap());
    assert_eq!(INNER_STATUS.load(Ordering::SeqCst), PANIC);
}

#[test]
fn histories_that_are_none_are_refused() {
    let runtime = Runtime::new();
    let worker = Worker::replaying(&runtime).unwrap();
    refusal(worker.push("id", b"\xff"), ERROR, "not that protocol buffer");
    refusal(
        worker.push("load-zipcode/1", b""),
        ERROR,
        "the history of load-zipcode/1 cannot be replayed: History is empty",
    );
    refusal(worker.heartbeat(b"\xff"), ERROR, "not that protocol buffer");
}
