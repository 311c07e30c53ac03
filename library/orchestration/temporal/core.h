// Handles of the bridge to Temporal's core (bridge/include/temporal_bridge.h) that free themselves, with its errors as
// meta::Error. They are freed in the opposite order of their making: a client is made of a runtime that outlives it, a
// worker of a client that outlives it. Thread-safe as the bridge is; every call blocks until its answer is there.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/orchestration/temporal/bridge/include/temporal_bridge.h"
#include "library/orchestration/temporal/payload_border.h"
#include "library/orchestration/temporal/payload_codec.h"

namespace wellhead::orchestration::temporal_engine {

// How to reach a Temporal server. PEM texts, not paths.
struct Tls {
  std::optional<std::string> server_ca, client_certificate, client_key, server_name;
  static constexpr auto kFields = meta::fields(
      meta::field("server_ca", &Tls::server_ca), meta::field("client_certificate", &Tls::client_certificate),
      meta::field("client_key", &Tls::client_key), meta::field("server_name", &Tls::server_name));
};
struct Connection {
  std::string address;  // host:port
  std::string name_space = "default";
  std::string identity;  // of this process; empty: core's own, pid@host
  std::optional<std::string> api_key;
  std::optional<Tls> tls;  // absent: no TLS
  // Encrypts the payloads that are sent, by the keys of PayloadCodec; empty: does not.
  std::string payload_keys;
};

struct WorkerOptions {
  std::string task_queue;
  bool workflows = true;
  bool activities = true;
  std::string build_id;
  std::string deployment_name;
  bool versioning = false;
  std::optional<std::string> default_versioning_behavior;  // auto_upgrade, pinned
  std::int64_t max_cached_workflows = 1000;
  std::int64_t max_concurrent_workflow_tasks = 100;
  std::int64_t max_concurrent_activities = 100;
  std::int64_t workflow_pollers = 5;
  std::int64_t activity_pollers = 5;
  std::int64_t sticky_queue_timeout_ms = 5000;
  std::int64_t max_heartbeat_throttle_ms = 1000;
  static constexpr auto kFields = meta::fields(
      meta::field("task_queue", &WorkerOptions::task_queue), meta::field("workflows", &WorkerOptions::workflows),
      meta::field("activities", &WorkerOptions::activities), meta::field("build_id", &WorkerOptions::build_id),
      meta::field("deployment_name", &WorkerOptions::deployment_name),
      meta::field("versioning", &WorkerOptions::versioning),
      meta::field("default_versioning_behavior", &WorkerOptions::default_versioning_behavior),
      meta::field("max_cached_workflows", &WorkerOptions::max_cached_workflows),
      meta::field("max_concurrent_workflow_tasks", &WorkerOptions::max_concurrent_workflow_tasks),
      meta::field("max_concurrent_activities", &WorkerOptions::max_concurrent_activities),
      meta::field("workflow_pollers", &WorkerOptions::workflow_pollers),
      meta::field("activity_pollers", &WorkerOptions::activity_pollers),
      meta::field("sticky_queue_timeout_ms", &WorkerOptions::sticky_queue_timeout_ms),
      meta::field("max_heartbeat_throttle_ms", &WorkerOptions::max_heartbeat_throttle_ms));
};

// A gRPC status of the server: engine_unreachable, engine_refused, not_found, conflict or invalid_input, by its code.
class RpcError : public meta::Error {
 public:
  RpcError(temporal_status status, const std::string& what, std::string details);
  temporal_status status() const { return status_; }
  const std::string& details() const { return details_; }  // google.rpc.Status's bytes, or empty

 private:
  temporal_status status_;
  std::string details_;
};
inline constexpr temporal_status kInvalidArgument = 3, kDeadlineExceeded = 4, kNotFound = 5, kAlreadyExists = 6,
                                 kFailedPrecondition = 9, kUnavailable = 14;

// Core's threads, its log (which goes to ours) and its metrics. metrics_listen: host:port, or empty for none.
class Runtime {
 public:
  explicit Runtime(const std::string& metrics_listen = {});

 private:
  friend class Client;
  friend class CoreWorker;
  struct Free {
    void operator()(temporal_runtime* runtime) const { temporal_runtime_free(runtime); }
  };
  std::unique_ptr<temporal_runtime, Free> handle_;
};

class Client {
 public:
  // Tries once. Error{engine_unreachable}: there is no server, or not within some seconds; Error{engine_refused}: it
  // does not let us, or TLS does not fit.
  Client(Runtime& runtime, const Connection& connection);

  const std::string& name_space() const { return name_space_; }
  const std::string& identity() const { return identity_; }
  bool encrypts() const { return codec_.encrypts(); }

  // One method of the workflow service, or "OperatorService/…". Throws RpcError.
  template <class Response, class Request>
  Response call(std::string_view method, const Request& request,
                std::chrono::milliseconds timeout = std::chrono::milliseconds(30'000)) {
    Response response;
    if (!response.ParseFromString(call_bytes(method, bytes_of(request), timeout))) {
      throw meta::Error(meta::ErrorCode::internal, "Temporal's answer to " + std::string(method) + " cannot be read");
    }
    receive(response);
    return response;
  }
  // Of what goes out, encrypted if there are keys; what came in is decrypted where it stands, or Error{engine_refused}
  // names the key that is missing.
  template <class Message>
  std::string bytes_of(const Message& message) const {
    if (!encrypts()) return message.SerializeAsString();
    Message encrypted = message;
    Border(codec_, Border::Direction::out).cross(encrypted);
    return encrypted.SerializeAsString();
  }
  template <class Message>
  void receive(Message& message) const {
    Border(codec_, Border::Direction::in).cross(message);
  }
  std::string call_bytes(std::string_view method, const std::string& request, std::chrono::milliseconds timeout);

 private:
  friend class CoreWorker;
  struct Free {
    void operator()(temporal_client* client) const { temporal_client_free(client); }
  };
  std::string name_space_, identity_;
  PayloadCodec codec_;
  std::unique_ptr<temporal_client, Free> handle_;
};

// Polls answer nullopt once the worker is shut down and everything was polled. A task that cannot be decrypted is
// refused, for another worker to do, and thrown.
class CoreWorker {
 public:
  CoreWorker(Client& client, const WorkerOptions& options);  // client outlives it
  // One that replays the histories pushed to it, without a server.
  CoreWorker(Runtime& runtime, const WorkerOptions& options);
  void push_history(const std::string& workflow_id, const std::string& history);
  void finish_histories() { temporal_replay_worker_finish(handle_.get()); }

  void validate();
  std::optional<coresdk::workflow_activation::WorkflowActivation> poll_workflow();
  std::optional<coresdk::activity_task::ActivityTask> poll_activity();
  void complete_workflow(const coresdk::workflow_completion::WorkflowActivationCompletion& completion);
  void complete_activity(const coresdk::ActivityTaskCompletion& completion);
  void heartbeat(const coresdk::ActivityHeartbeat& heartbeat);
  // Starts the stop; go on polling until both polls answer nullopt.
  void shutdown() { temporal_worker_shutdown(handle_.get()); }

 private:
  struct Free {
    void operator()(temporal_worker* worker) const { temporal_worker_free(worker); }
  };
  template <class Message>
  std::string bytes_of(const Message& message) const {
    return client_ == nullptr ? message.SerializeAsString() : client_->bytes_of(message);
  }
  template <class Message>
  Message read(const std::string& bytes);
  void refuse(const coresdk::workflow_activation::WorkflowActivation& activation);
  void refuse(const coresdk::activity_task::ActivityTask& task);

  const Client* client_ = nullptr;  // a replay worker has none
  std::unique_ptr<temporal_worker, Free> handle_;
};

}  // namespace wellhead::orchestration::temporal_engine
