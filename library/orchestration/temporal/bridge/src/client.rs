//! A connection to a Temporal server, with the namespace and the name that its workers go by.

use crate::boundary::{Answer, ERROR, Failure, clear, guard, guard_silently, not_null, text};
use crate::bytes::TemporalBytes;
use crate::handles::Handles;
use crate::options::{ClientOptions, TlsOptions, parse};
use crate::runtime::{RUNTIMES, Runtime, TemporalRuntime};
use std::error::Error;
use std::ffi::c_char;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use temporalio_client::errors::ClientConnectError;
use temporalio_client::tonic::{Code, Status};
use temporalio_client::{
    ClientTlsOptions, Connection, ConnectionOptions, GrpcCompression, TlsOptions as CoreTlsOptions, Url,
};

pub enum TemporalClient {}

pub static CLIENTS: Handles<Client> = Handles::new("client");

// A tcp connection that is not there by then will not come.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

pub struct Client {
    pub runtime: Arc<Runtime>,
    pub connection: Connection,
    pub namespace: String,
    may_take_api_key: bool,
}

fn connect(runtime: Arc<Runtime>, options: ClientOptions) -> Answer<Client> {
    let address = options.address.clone();
    let namespace = options.namespace.clone();
    if namespace.is_empty() {
        return Err(Failure::error("the namespace is empty"));
    }
    let meter = runtime.core.telemetry().get_temporal_metric_meter();
    let may_take_api_key = may_take_api_key(&options)?;
    let mut connection_options = connection_options(options)?;
    connection_options.metrics_meter = meter;
    let connection = runtime.wait_for(async move {
        let connecting = Connection::connect(connection_options);
        tokio::time::timeout(CONNECT_LIMIT + CONNECT_LIMIT / 2, connecting).await
    })?;
    let connection = match connection {
        Ok(Ok(connection)) => connection,
        Ok(Err(error)) => return Err(not_connected(&address, &error)),
        Err(_) => {
            let message = format!("cannot connect to Temporal at {address}: it does not answer");
            return Err(Failure::new(Code::Unavailable as i32, message));
        }
    };
    Ok(Client { runtime, connection, namespace, may_take_api_key })
}

// Who listens on the way to another machine would have the key.
fn may_take_api_key(options: &ClientOptions) -> Answer<bool> {
    Ok(options.tls.is_some() || is_loopback(&url_of(&options.address, false)?))
}

fn connection_options(options: ClientOptions) -> Answer<ConnectionOptions> {
    let url = url_of(&options.address, options.tls.is_some())?;
    if let Some(key) = &options.api_key {
        check_api_key(key, may_take_api_key(&options)?)?;
    }
    let tls = options.tls.map(tls_options).transpose()?;
    let identity = if options.identity.is_empty() { own_identity() } else { options.identity };
    Ok(ConnectionOptions::new(url)
        .identity(identity)
        .maybe_tls_options(tls)
        .maybe_api_key(options.api_key)
        .connect_timeout(CONNECT_LIMIT)
        // Our messages are small: to deflate them costs both sides more than to send them.
        .grpc_compression(GrpcCompression::None)
        .client_name(options.client_name)
        .client_version(options.client_version)
        .build())
}

fn url_of(address: &str, tls: bool) -> Answer<Url> {
    let wrong = || Failure::error("the address is not a host and a port, such as temporal.example:7233");
    let scheme = if tls { "https" } else { "http" };
    let url = Url::parse(&format!("{scheme}://{address}")).map_err(|_| wrong())?;
    let port_given = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    if !port_given || !plain || url.host_str().is_none_or(str::is_empty) || address.contains('/') {
        return Err(wrong());
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn tls_options(options: TlsOptions) -> Answer<CoreTlsOptions> {
    let pem = |text: &String, what: &str| match text.contains("-----BEGIN ") {
        true => Ok(text.clone().into_bytes()),
        false => Err(Failure::error(format!("tls.{what} is not PEM: it has no -----BEGIN line"))),
    };
    let server_ca = options.server_ca.as_ref().map(|text| pem(text, "server_ca")).transpose()?;
    let client = match (&options.client_certificate, &options.client_key) {
        (Some(certificate), Some(key)) => Some(
            ClientTlsOptions::builder()
                .client_cert(pem(certificate, "client_certificate")?)
                .client_private_key(pem(key, "client_key")?)
                .build(),
        ),
        (None, None) => None,
        _ => return Err(Failure::error("tls.client_certificate and tls.client_key go together: one is missing")),
    };
    Ok(CoreTlsOptions::builder()
        .maybe_server_root_ca_cert(server_ca)
        .maybe_domain(options.server_name)
        .maybe_client_tls_options(client)
        .build())
}

// Core would leave out a key that no header can carry, and say nothing.
fn check_api_key(key: &str, may_take: bool) -> Answer<()> {
    if !may_take {
        return Err(Failure::error("an API key goes to other machines over TLS alone: set tls as well"));
    }
    if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::error("the API key is empty or has characters that no header can carry (a line's end?)"));
    }
    Ok(())
}

fn own_identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}@{}", std::process::id(), host.trim())
}

fn not_connected(address: &str, error: &ClientConnectError) -> Failure {
    let start = format!("cannot connect to Temporal at {address}");
    if let ClientConnectError::SystemInfoCallError(status) = error {
        return failure_of(&start, status);
    }
    let status = if is_passing(error) { Code::Unavailable as i32 } else { ERROR };
    let text = match error {
        // Its text repeats its source's.
        ClientConnectError::TonicTransportError(source) => causes(source),
        other => causes(other),
    };
    Failure::new(status, format!("{start}: {text}"))
}

/// Of what only TLS can say there is no cure in trying again.
fn is_passing(error: &ClientConnectError) -> bool {
    if matches!(error, ClientConnectError::DnsResolutionError { .. }) {
        return true;
    }
    let mut cause: Option<&dyn Error> = error.source();
    while let Some(one) = cause {
        if let Some(io) = one.downcast_ref::<io::Error>() {
            return !matches!(io.kind(), io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput);
        }
        cause = one.source();
    }
    false
}

/// An error's own words and those of its causes, each once.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        let words = one.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = one.source();
    }
    text
}

/// A gRPC status as a sentence. Its details are the server's google.rpc.Status; they may repeat a payload, so they stay apart.
pub fn failure_of(what: &str, status: &Status) -> Failure {
    if let Some(http) = http_status(status) {
        return no_grpc(what, http);
    }
    let mut message = format!("{what}: {}", status.message());
    if let Some(source) = status.source() {
        message.push_str(&format!(": {}", causes(source)));
    }
    message.push_str(&format!(" ({:?})", status.code()));
    Failure {
        status: match status.code() {
            Code::Ok => ERROR,
            code => code as i32,
        },
        message,
        details: status.details().to_vec(),
    }
}

/// The HTTP status of an answer that was no gRPC; tonic's sentence alone tells.
fn http_status(status: &Status) -> Option<&str> {
    if status.code() != Code::Internal {
        return None;
    }
    status.message().split_once("while receiving response with status: ").map(|(_, http)| http)
}

/// What a gateway says for itself: of the server behind it, which is away (5xx), or of who asks.
fn no_grpc(what: &str, http: &str) -> Failure {
    let (code, meaning) = match http.get(..3).unwrap_or_default() {
        "400" => (Code::Unauthenticated, "; so a gateway speaks that lacks a client certificate, or does not trust it"),
        "401" => (Code::Unauthenticated, "; the API key is missing or not known"),
        "403" => (Code::PermissionDenied, ""),
        passing if passing.starts_with('5') => (Code::Unavailable, ""),
        _ => (Code::Unimplemented, "; is it a Temporal server?"),
    };
    Failure::new(code as i32, format!("{what}: what answers there says {http}{meaning}"))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_client_connect(
    runtime: *mut TemporalRuntime,
    options: *const c_char,
    options_size: usize,
    client: *mut *mut TemporalClient,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        not_null(client, "client")?;
        let runtime = RUNTIMES.get(runtime)?;
        let options: ClientOptions = unsafe { parse(options.cast(), options_size)? };
        let connected = connect(runtime, options)?;
        unsafe { client.write(CLIENTS.put(connected)) };
        Ok(())
    })
}

#[unsafe(no_mangle)]
pub extern "C" fn temporal_client_free(client: *mut TemporalClient) {
    guard_silently(|| drop(CLIENTS.take(client)));
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn temporal_client_set_api_key(
    client: *mut TemporalClient,
    key: *const c_char,
    key_size: usize,
    error: *mut TemporalBytes,
) -> i32 {
    unsafe { clear(&[error]) };
    guard(error, || {
        let client = CLIENTS.get(client)?;
        let key = unsafe { text(key.cast(), key_size, "the API key")? };
        check_api_key(key, client.may_take_api_key)?;
        client.connection.set_api_key(Some(key.to_owned()));
        Ok(())
    })
}
