/* The C interface of the bridge to Temporal's Rust core: a runtime, clients, workers; protocol buffers in and out as
 * bytes.
 *
 * Ownership: what a *_new or *_connect call hands out is freed once by its *_free, in the order worker, client,
 * runtime. A temporal_bytes that a call fills is the bridge's memory until temporal_bytes_free; texts and bytes passed
 * in are copied before the call returns. Options are JSON objects in UTF-8; an unknown member is an error that names
 * it.
 *
 * Threads: every call blocks until its answer is there, and any thread may make it; a worker takes one
 * temporal_worker_poll_workflow and one temporal_worker_poll_activity at a time.
 *
 * Every call answers with a temporal_status. Unless it is TEMPORAL_OK, `error` (where it is not null) holds a sentence
 * for people: without secrets and without payloads. No panic and no bad text of a caller leaves as undefined behaviour:
 * they come back as TEMPORAL_PANIC and TEMPORAL_ERROR. Handles are numbers of the bridge's own: null, one that was
 * freed and one of another kind are errors, and freeing one again does nothing.
 */
#ifndef WELLHEAD_TEMPORAL_BRIDGE_H
#define WELLHEAD_TEMPORAL_BRIDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct temporal_runtime temporal_runtime;
typedef struct temporal_client temporal_client;
typedef struct temporal_worker temporal_worker;

/* Positive: a gRPC status code of the server (https://grpc.io/docs/guides/status-codes/). */
typedef int32_t temporal_status;
#define TEMPORAL_OK 0
#define TEMPORAL_SHUTDOWN (-1) /* the worker is shut down and everything was polled */
#define TEMPORAL_ERROR (-2)
#define TEMPORAL_PANIC (-3) /* a defect of the bridge or of core: its text is in `error` */

typedef struct {
  uint8_t* data;
  size_t size;
} temporal_bytes;

/* Takes null data. Leaves data null. */
void temporal_bytes_free(temporal_bytes* bytes);

/* A line of core's own log. `level` is 0 error, 1 warn, 2 info, 3 debug, 4 trace. Called from core's threads, and from
 * the caller's inside temporal_runtime_new and temporal_worker_free; must not call back. The texts are not terminated,
 * and live until it returns. Not called again once temporal_runtime_free has returned. */
typedef void (*temporal_log)(void* context, int32_t level, const char* target, size_t target_size, const char* message,
                             size_t message_size);

/* Options: {"log_filter": "warn", "metrics_listen": "127.0.0.1:9464"}; both may be left out. `log` may be null.
 * A metrics address that is taken is a warning in the log, not an error. */
temporal_status temporal_runtime_new(const char* options, size_t options_size, temporal_log log, void* log_context,
                                     temporal_runtime** runtime, temporal_bytes* error);
void temporal_runtime_free(temporal_runtime* runtime);

/* Options: {"address": "127.0.0.1:7233", "namespace": "default", "identity": "…", "client_name": "wellhead",
 * "client_version": "…", "api_key": "…", "tls": {"server_ca": PEM, "client_certificate": PEM, "client_key": PEM,
 * "server_name": "…"}}. All but the address may be left out; "tls": {} means TLS with the system's authorities. An API
 * key without TLS is refused, unless the address is this machine's. Tries once, for at most 15 seconds. Answers 14
 * (UNAVAILABLE) for what may pass, such as a refused connection or a gateway's 502; TEMPORAL_ERROR for what will not,
 * such as a certificate that is not trusted; and the server's own status for what it refused: 16 (UNAUTHENTICATED) for
 * a wrong API key. What a gateway refuses in plain HTTP is such a status too: its 400, of a client certificate, is 16.
 */
temporal_status temporal_client_connect(temporal_runtime* runtime, const char* options, size_t options_size,
                                        temporal_client** client, temporal_bytes* error);
void temporal_client_free(temporal_client* client);
/* For the requests that follow. */
temporal_status temporal_client_set_api_key(temporal_client* client, const char* key, size_t key_size,
                                            temporal_bytes* error);

/* One unary method of temporal.api.workflowservice.v1.WorkflowService ("StartWorkflowExecution"), or with
 * "OperatorService/" before it of the operator service. A timeout of 0 leaves core's own: 30 seconds a try (70 for
 * long polls), 10 seconds of tries. With another one it is tried until then while the server is away, and then answers
 * 14 (UNAVAILABLE) or 4 (DEADLINE_EXCEEDED). On a gRPC status `details` (may be null) holds google.rpc.Status's bytes,
 * if the server sent them. */
temporal_status temporal_client_rpc(temporal_client* client, const char* method, size_t method_size,
                                    const uint8_t* request, size_t request_size, uint32_t timeout_milliseconds,
                                    temporal_bytes* response, temporal_bytes* error, temporal_bytes* details);

/* Options: {"task_queue": "…", "workflows": true, "activities": true, "build_id": "…", "deployment_name": "…",
 * "versioning": false, "default_versioning_behavior": "auto_upgrade"|"pinned", "max_cached_workflows": 1000,
 * "max_concurrent_workflow_tasks": 100, "max_concurrent_activities": 100, "workflow_pollers": 5, "activity_pollers": 5,
 * "sticky_queue_timeout_ms": 5000, "graceful_shutdown_ms": 0, "max_heartbeat_throttle_ms": 60000,
 * "max_activities_per_second": 0.0, "max_task_queue_activities_per_second": 0.0}; all but the task queue may be left
 * out. Namespace and identity are the client's. Rates of 0 are none. After graceful_shutdown_ms of a stop the
 * activities that still run are cancelled. Heartbeats are sent at most once in the lesser of 0.8 of the activity's
 * heartbeat timeout and max_heartbeat_throttle_ms. */
temporal_status temporal_worker_new(temporal_client* client, const char* options, size_t options_size,
                                    temporal_worker** worker, temporal_bytes* error);
/* A worker without a server: replays the histories pushed to it, one after another. Takes temporal_worker_new's
 * options. */
temporal_status temporal_replay_worker_new(temporal_runtime* runtime, const char* options, size_t options_size,
                                           temporal_worker** worker, temporal_bytes* error);
/* `history` is a temporal.api.history.v1.History, from the start on. How it went is told by the eviction that follows
 * it: of reason NONDETERMINISM when the commands were others. Blocks while an earlier one is being replayed. */
temporal_status temporal_replay_worker_push(temporal_worker* worker, const char* workflow_id, size_t workflow_id_size,
                                            const uint8_t* history, size_t history_size, temporal_bytes* error);
/* No further histories: polls report TEMPORAL_SHUTDOWN once the last one is done. */
void temporal_replay_worker_finish(temporal_worker* worker);

/* Proves that the namespace is there and this client may use it. */
temporal_status temporal_worker_validate(temporal_worker* worker, temporal_bytes* error);

/* coresdk.workflow_activation.WorkflowActivation / coresdk.workflow_completion.WorkflowActivationCompletion */
temporal_status temporal_worker_poll_workflow(temporal_worker* worker, temporal_bytes* activation,
                                              temporal_bytes* error);
temporal_status temporal_worker_complete_workflow(temporal_worker* worker, const uint8_t* completion,
                                                  size_t completion_size, temporal_bytes* error);
/* coresdk.activity_task.ActivityTask / coresdk.ActivityTaskCompletion */
temporal_status temporal_worker_poll_activity(temporal_worker* worker, temporal_bytes* task, temporal_bytes* error);
temporal_status temporal_worker_complete_activity(temporal_worker* worker, const uint8_t* completion,
                                                  size_t completion_size, temporal_bytes* error);
/* coresdk.ActivityHeartbeat. Never blocks; throttled by core. */
temporal_status temporal_worker_heartbeat(temporal_worker* worker, const uint8_t* heartbeat, size_t heartbeat_size,
                                          temporal_bytes* error);
/* Asks core to drop a run from its cache; the eviction arrives as an activation. */
temporal_status temporal_worker_evict(temporal_worker* worker, const char* run_id, size_t run_id_size,
                                      temporal_bytes* error);

/* Starts the stop and returns at once; again does nothing: go on polling both kinds until each reports
 * TEMPORAL_SHUTDOWN, answer all tasks and evictions on the way, then free. */
void temporal_worker_shutdown(temporal_worker* worker);
/* After both polls reported TEMPORAL_SHUTDOWN; blocks until core has let go of everything. Of a worker that was polled
 * and is freed before, the tasks are left to their timeouts: a line in the log says so, and it blocks for at most 5
 * seconds. */
void temporal_worker_free(temporal_worker* worker);

#ifdef __cplusplus
}
#endif

#endif
