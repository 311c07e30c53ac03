//! Options as JSON: what may be left out, and what it then is.

use crate::boundary::{Answer, Failure, text};
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct RuntimeOptions {
    pub log_filter: Option<String>,
    pub metrics_listen: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientOptions {
    pub address: String,
    #[serde(default = "default_namespace")]
    pub namespace: String,
    #[serde(default)]
    pub identity: String,
    #[serde(default = "default_client_name")]
    pub client_name: String,
    #[serde(default = "default_client_version")]
    pub client_version: String,
    pub api_key: Option<String>,
    pub tls: Option<TlsOptions>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
pub struct TlsOptions {
    pub server_ca: Option<String>,
    pub client_certificate: Option<String>,
    pub client_key: Option<String>,
    pub server_name: Option<String>,
}

fn default_namespace() -> String {
    "default".into()
}

fn default_client_name() -> String {
    "wellhead".into()
}

fn default_client_version() -> String {
    env!("CARGO_PKG_VERSION").into()
}

#[derive(Deserialize, Clone, Copy, Debug, PartialEq)]
#[serde(rename_all = "snake_case")]
pub enum VersioningBehavior {
    AutoUpgrade,
    Pinned,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WorkerOptions {
    pub task_queue: String,
    pub workflows: bool,
    pub activities: bool,
    pub build_id: String,
    pub deployment_name: String,
    pub versioning: bool,
    pub default_versioning_behavior: Option<VersioningBehavior>,
    pub max_cached_workflows: usize,
    pub max_concurrent_workflow_tasks: usize,
    pub max_concurrent_activities: usize,
    pub workflow_pollers: usize,
    pub activity_pollers: usize,
    pub sticky_queue_timeout_ms: u64,
    pub graceful_shutdown_ms: u64,
    pub max_heartbeat_throttle_ms: u64,
    pub max_activities_per_second: f64,
    pub max_task_queue_activities_per_second: f64,
}

impl Default for WorkerOptions {
    fn default() -> Self {
        WorkerOptions {
            task_queue: String::new(),
            workflows: true,
            activities: true,
            build_id: String::new(),
            deployment_name: String::new(),
            versioning: false,
            default_versioning_behavior: None,
            max_cached_workflows: 1000,
            max_concurrent_workflow_tasks: 100,
            max_concurrent_activities: 100,
            workflow_pollers: 5,
            activity_pollers: 5,
            sticky_queue_timeout_ms: 5000,
            graceful_shutdown_ms: 0,
            max_heartbeat_throttle_ms: 60_000,
            max_activities_per_second: 0.0,
            max_task_queue_activities_per_second: 0.0,
        }
    }
}

/// # Safety
/// As for `boundary::text`.
pub unsafe fn parse<T: DeserializeOwned>(data: *const u8, size: usize) -> Answer<T> {
    let json = unsafe { text(data, size, "the options' text")? };
    // Whoever has nothing to say may pass nothing.
    let json = if json.is_empty() { "{}" } else { json };
    serde_json::from_str(json)
        .map_err(|error| Failure::error(format!("the options are wrong: {}", without_values(&error))))
}

/// serde tells which value did not fit; it may be a key that stands in the wrong place.
fn without_values(error: &serde_json::Error) -> String {
    let said = error.to_string();
    for kind in ["invalid type: ", "invalid value: ", "unknown variant "] {
        if let (true, Some(expected)) = (said.starts_with(kind), said.rfind(", expected ")) {
            return format!("{}{}", kind.trim_end_matches([' ', ':']), &said[expected..]);
        }
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure_of<T: DeserializeOwned>(json: &str) -> String {
        match unsafe { parse::<T>(json.as_ptr(), json.len()) } {
            Ok(_) => panic!("{json} was taken"),
            Err(failure) => failure.message,
        }
    }

    #[test]
    fn unknown_and_missing_members_are_named() {
        assert!(failure_of::<ClientOptions>(r#"{"address": "a:1", "adress": "b"}"#).contains("unknown field `adress`"));
        assert!(failure_of::<ClientOptions>(r#"{"address": "a:1", "tls": {"ca": ""}}"#).contains("unknown field `ca`"));
        assert!(failure_of::<ClientOptions>("{}").contains("missing field `address`"));
        assert!(failure_of::<WorkerOptions>(r#"{"versions": true}"#).contains("unknown field `versions`"));
        assert!(failure_of::<RuntimeOptions>("{").contains("EOF"));
    }

    #[test]
    fn values_are_not_repeated() {
        for json in [
            r#"{"address": "a:1", "tls": "secret, expected x"}"#,
            r#"{"address": "a:1", "api_key": ["secret"], "tls": {"client_key": true}}"#,
            r#"{"address": "a:1", "identity": 0, "tls": {"client_key": "secret"}}"#,
        ] {
            assert!(!failure_of::<ClientOptions>(json).contains("secret"), "{}", failure_of::<ClientOptions>(json));
        }
        let said = failure_of::<WorkerOptions>(r#"{"default_versioning_behavior": "secret"}"#);
        assert!(said.contains("expected `auto_upgrade` or `pinned`") && !said.contains("secret"), "{said}");
    }

    #[test]
    fn nothing_means_the_defaults() {
        let options: WorkerOptions = unsafe { parse(std::ptr::null(), 0) }.unwrap();
        assert_eq!((options.max_cached_workflows, options.sticky_queue_timeout_ms), (1000, 5000));
    }
}
