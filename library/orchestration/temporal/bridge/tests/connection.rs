//! TLS, client certificates and API keys, through nginx in front of a development server. With one of each for all the cases:
//! they take seconds to start.

mod rig;

use rig::nginx::{Authority, GOOD_KEY, NEXT_KEY, Nginx, OLD_KEY};
use rig::server::Server;
use rig::{Answer, Client, ERROR, Runtime};
use serde_json::{Value, json};
use std::fs;
use std::time::Duration;
use temporalio_common::protos::temporal::api::workflowservice::v1::{GetSystemInfoRequest, GetSystemInfoResponse};

const UNAVAILABLE: i32 = 14;
const UNAUTHENTICATED: i32 = 16;

struct Case<'a> {
    runtime: &'a Runtime,
    nginx: &'a Nginx,
}

impl<'a> Case<'a> {
    fn connect(&self, host: &str, port: u16, more: Value) -> Answer<Client<'a>> {
        let mut options = json!({ "address": format!("{host}:{port}") });
        options.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Client::connect(self.runtime, &options.to_string())
    }

    fn client_certificate(&self, of: &Authority, name: &str, days: i32) -> Value {
        let (certificate, key) = of.sign(name, "DNS:worker.test", days);
        json!({ "tls": {
            "server_ca": self.nginx.authority.certificate(),
            "client_certificate": fs::read_to_string(certificate).unwrap(),
            "client_key": fs::read_to_string(key).unwrap(),
        }})
    }

    fn trusting(&self) -> Value {
        json!({ "server_ca": self.nginx.authority.certificate() })
    }
}

fn works(client: Answer<Client>) {
    let client = client.unwrap();
    let info: GetSystemInfoResponse = client.call("GetSystemInfo", GetSystemInfoRequest {}).unwrap();
    assert_ne!(info.server_version, "");
}

fn refused<T>(answer: Answer<T>, status: i32, part: &str) {
    let refusal = answer.err().unwrap_or_else(|| panic!("no refusal with {part:?}"));
    assert!(refusal.error.contains(part), "{:?} has no {part:?}", refusal.error);
    assert_eq!(refusal.status, status, "{}", refusal.error);
    assert!(!refusal.error.contains("-key") && !refusal.error.contains("BEGIN"), "{}", refusal.error);
}

#[test]
fn connections_of_every_kind() {
    let server = Server::start();
    let nginx = Nginx::in_front_of(&server.address);
    let runtime = Runtime::new();
    let case = Case { runtime: &runtime, nginx: &nginx };
    tls(&case);
    client_certificates(&case);
    api_keys(&case);
    refused(case.connect("127.0.0.1", nginx.away, json!({})), UNAVAILABLE, "502 Bad Gateway");
}

fn tls(case: &Case) {
    let port = case.nginx.tls;
    works(case.connect("127.0.0.1", port, json!({ "tls": case.trusting() })));
    works(case.connect("localhost", port, json!({ "tls": named(case.trusting(), "temporal.test") })));
    refused(case.connect("localhost", port, json!({ "tls": case.trusting() })), ERROR, "not valid for name");
    refused(
        case.connect("127.0.0.1", port, json!({ "tls": named(case.trusting(), "other.test") })),
        ERROR,
        "not valid for name",
    );
    let stranger = json!({ "tls": { "server_ca": case.nginx.stranger.certificate() } });
    refused(case.connect("127.0.0.1", port, stranger), ERROR, "UnknownIssuer");
    refused(case.connect("127.0.0.1", port, json!({ "tls": {} })), ERROR, "UnknownIssuer");
    refused(case.connect("127.0.0.1", case.nginx.expired, json!({ "tls": case.trusting() })), ERROR, "Expired");
    // One side speaks TLS and the other does not.
    assert!(case.connect("127.0.0.1", port, json!({})).is_err());
}

fn named(mut tls: Value, name: &str) -> Value {
    tls["server_name"] = json!(name);
    tls
}

fn client_certificates(case: &Case) {
    let port = case.nginx.mutual;
    works(case.connect("127.0.0.1", port, case.client_certificate(&case.nginx.authority, "worker", 2)));
    for bad in [
        json!({ "tls": case.trusting() }),
        case.client_certificate(&case.nginx.authority, "old-worker", -1),
        case.client_certificate(&case.nginx.stranger, "strange-worker", 2),
    ] {
        refused(
            case.connect("127.0.0.1", port, bad),
            UNAUTHENTICATED,
            "400 Bad Request; so a gateway speaks that lacks",
        );
    }
    let mut half = case.client_certificate(&case.nginx.authority, "half", 2);
    half["tls"]["client_key"] = half["tls"]["client_certificate"].clone();
    refused(case.connect("127.0.0.1", port, half), ERROR, "key");
}

fn api_keys(case: &Case) {
    let port = case.nginx.api_key;
    let with = |key: &str| case.connect("127.0.0.1", port, json!({ "api_key": key, "tls": case.trusting() }));
    works(with(GOOD_KEY));
    refused(with("wrong-key"), UNAUTHENTICATED, "401");
    refused(with(OLD_KEY), UNAUTHENTICATED, "API key expired");
    refused(case.connect("127.0.0.1", port, json!({ "tls": case.trusting() })), UNAUTHENTICATED, "401");
    let in_the_clear = case.nginx.api_key_in_the_clear;
    works(case.connect("127.0.0.1", in_the_clear, json!({ "api_key": GOOD_KEY })));

    // Keys run out while a worker runs.
    let client = with(GOOD_KEY).unwrap();
    let info = || client.bytes("GetSystemInfo", b"", Duration::from_secs(60));
    client.set_api_key(NEXT_KEY).unwrap();
    info().unwrap();
    client.set_api_key(OLD_KEY).unwrap();
    refused(info(), UNAUTHENTICATED, "API key expired");
    client.set_api_key(GOOD_KEY).unwrap();
    info().unwrap();
}
