//! The runtime: tokio's threads, core's log and its metrics.

use crate::boundary::{Answer, ERROR, Failure, PANIC, clear, guard, guard_silently, not_null, panic_text};
use crate::bytes::TemporalBytes;
use crate::handles::Handles;
use crate::log::{LogSink, TemporalLog};
use crate::options::{RuntimeOptions, parse};
use std::ffi::{c_char, c_void};
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use temporalio_common::telemetry::{
    Logger, PrometheusExporterOptions, TelemetryOptions, remove_trace_subscriber_for_current_thread,
    start_prometheus_metric_exporter,
};
use temporalio_sdk_core::{CoreRuntime, RuntimeOptions as CoreRuntimeOptions, TokioRuntimeBuilder};

pub enum TemporalRuntime {}

pub static RUNTIMES: Handles<Runtime> = Handles::new("runtime");

pub struct Runtime {
    pub core: Arc<CoreRuntime>,
    pub log: LogSink,
}

impl Runtime {
    fn new(options: &RuntimeOptions, log: LogSink) -> Answer<Self> {
        let metrics = options.metrics_listen.as_deref().map(address_of).transpose()?;
        let telemetry = TelemetryOptions::builder()
            .logging(Logger::Push {
                filter: options.log_filter.clone().unwrap_or_else(|| "warn".into()),
                consumer: Arc::new(log.clone()),
            })
            .build();
        let core_options = CoreRuntimeOptions::builder()
            .telemetry_options(telemetry)
            .heartbeat_interval(None)
            .build()
            .map_err(|error| Failure::error(format!("core refuses the runtime's options: {error}")))?;
        let core = CoreRuntime::new(core_options, TokioRuntimeBuilder::default());
        // It is set on core's own threads; on the caller's it would outlive the runtime.
        remove_trace_subscriber_for_current_thread();
        let mut core = core.map_err(|error| Failure::error(format!("core's runtime does not start: {error:#}")))?;
        if let Some(address) = metrics {
            serve_metrics(&mut core, address, &log);
        }
        Ok(Runtime { core: Arc::new(core), log })
    }

    /// Waits for what runs on core's threads, where its log is at work and where a panic of it ends.
    pub fn wait_for<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Answer<T> {
        let handle = self.core.tokio_handle();
        handle.block_on(handle.spawn(future)).map_err(|error| match error.try_into_panic() {
            Ok(payload) => Failure::new(PANIC, panic_text(payload.as_ref())),
            Err(_) => Failure::new(ERROR, "core's runtime was stopped during the call"),
        })
    }
}

fn address_of(text: &str) -> Answer<SocketAddr> {
    text.parse().map_err(|_| Failure::error("metrics_listen is not an address and a port, such as 127.0.0.1:9464"))
}

// A load is worth more than its metrics.
fn serve_metrics(core: &mut CoreRuntime, address: SocketAddr, log: &LogSink) {
    let handle = core.tokio_handle();
    let _entered = handle.enter();
    let options = PrometheusExporterOptions::builder().socket_addr(address).build();
    match start_prometheus_metric_exporter(options) {
        Ok(server) => core.telemetry_mut().attach_late_init_metrics(server.meter),
        Err(error) => log.warn(&format!("no metrics of Temporal's core: cannot listen on {address}: {error:#}")),
    }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_runtime_new(
    options: *const c_char,
    options_size: usize,
    log: Option<TemporalLog>,
    log_context: *mut c_void,
    runtime: *mut *mut TemporalRuntime,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        not_null(runtime, "runtime")?;
        let options: RuntimeOptions = unsafe { parse(options.cast(), options_size)? };
        let made = Runtime::new(&options, LogSink::new(log, log_context))?;
        unsafe { runtime.write(RUNTIMES.put(made)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_runtime_free(runtime: *mut TemporalRuntime) {
    guard_silently(|| {
        if let Some(taken) = RUNTIMES.take(runtime) {
            taken.log.close();
            // Clients and workers that were not freed before keep its threads.
            drop(taken);
        }
    });
}
