#include "library/orchestration/temporal/core.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <temporal/sdk/core/activity_task/activity_task.pb.h>
#include <temporal/sdk/core/core_interface.pb.h>
#include <temporal/sdk/core/workflow_activation/workflow_activation.pb.h>
#include <temporal/sdk/core/workflow_completion/workflow_completion.pb.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <exception>
#include <utility>

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

// A buffer of the bridge.
class Bytes {
 public:
  Bytes() = default;
  ~Bytes() { temporal_bytes_free(&bytes_); }
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;
  temporal_bytes* out() { return &bytes_; }
  std::string text() const {
    // An empty buffer may have no address.
    return bytes_.data == nullptr ? std::string()
                                  : std::string(reinterpret_cast<const char*>(bytes_.data), bytes_.size);
  }

 private:
  temporal_bytes bytes_{};
};

const std::uint8_t* data_of(const std::string& text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

meta::ErrorCode code_of(temporal_status status) {
  switch (status) {
    case kInvalidArgument:
      return meta::ErrorCode::invalid_input;
    case kNotFound:
      return meta::ErrorCode::not_found;
    case kAlreadyExists:
    case kFailedPrecondition:
      return meta::ErrorCode::conflict;
    case 1:  // CANCELLED: by a limit of its transport
    case 2:  // UNKNOWN: so the client calls a connection that broke
    case kDeadlineExceeded:
    case 8:   // RESOURCE_EXHAUSTED
    case 13:  // INTERNAL
    case kUnavailable:
      return meta::ErrorCode::engine_unreachable;
    default:
      return meta::ErrorCode::engine_refused;
  }
}

std::string advice_of(temporal_status status, const std::string& what) {
  if (code_of(status) == meta::ErrorCode::engine_unreachable) {
    return "Is the Temporal server up at TEMPORAL_ADDRESS? It is asked again where that makes sense";
  }
  if (status == kNotFound && what.find("Namespace ") != std::string::npos) {
    return "Check TEMPORAL_NAMESPACE; `temporal operator namespace create` makes a namespace";
  }
  return {};
}

void check(temporal_status status, const char* what, const Bytes& error, meta::ErrorCode code) {
  if (status == TEMPORAL_OK) return;
  const std::string text = fmt::format("{}: {}", what, error.text());
  if (status > 0) throw RpcError(status, text, {});
  throw meta::Error(status == TEMPORAL_ERROR ? code : meta::ErrorCode::internal, text);
}

void log_line(void* /*context*/, std::int32_t level, const char* target, std::size_t target_size, const char* message,
              std::size_t message_size) {
  constexpr std::array levels = {spdlog::level::err, spdlog::level::warn, spdlog::level::info, spdlog::level::debug,
                                 spdlog::level::trace};
  const auto at = levels.at(static_cast<std::size_t>(level < 0 || level > 4 ? 4 : level));
  spdlog::log(at, "{}: {}", std::string_view(target, target_size), std::string_view(message, message_size));
}

struct RuntimeJson {
  std::string log_filter = "error";
  std::optional<std::string> metrics_listen;
  static constexpr auto kFields = meta::fields(meta::field("log_filter", &RuntimeJson::log_filter),
                                               meta::field("metrics_listen", &RuntimeJson::metrics_listen));
};

struct ClientJson {
  std::string address, name_space, identity, client_name = "wellhead", client_version = "1";
  std::optional<std::string> api_key;
  std::optional<Tls> tls;
  static constexpr auto kFields =
      meta::fields(meta::field("address", &ClientJson::address), meta::field("namespace", &ClientJson::name_space),
                   meta::field("identity", &ClientJson::identity), meta::field("client_name", &ClientJson::client_name),
                   meta::field("client_version", &ClientJson::client_version),
                   meta::field("api_key", &ClientJson::api_key), meta::field("tls", &ClientJson::tls));
};

std::string own_identity() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  static std::atomic<int> engines = 0;
  return fmt::format("wellhead-{}-{}@{}", getpid(), ++engines, host.data());
}

}  // namespace

RpcError::RpcError(temporal_status status, const std::string& what, std::string details)
    : meta::Error(code_of(status), what, advice_of(status, what)), status_(status), details_(std::move(details)) {}

Runtime::Runtime(const std::string& metrics_listen) {
  RuntimeJson json;
  if (!metrics_listen.empty()) json.metrics_listen = metrics_listen;
  const std::string options = meta::to_json(json);
  Bytes error;
  temporal_runtime* handle = nullptr;
  check(temporal_runtime_new(options.data(), options.size(), log_line, nullptr, &handle, error.out()),
        "Temporal's core did not start", error, meta::ErrorCode::internal);
  handle_.reset(handle);
}

Client::Client(Runtime& runtime, const Connection& connection)
    : name_space_(connection.name_space),
      identity_(connection.identity.empty() ? own_identity() : connection.identity) {
  if (!connection.payload_keys.empty()) codec_ = PayloadCodec(connection.payload_keys);
  const std::string options = meta::to_json(ClientJson{.address = connection.address,
                                                       .name_space = name_space_,
                                                       .identity = identity_,
                                                       .api_key = connection.api_key,
                                                       .tls = connection.tls});
  Bytes error;
  temporal_client* handle = nullptr;
  const auto status =
      temporal_client_connect(runtime.handle_.get(), options.data(), options.size(), &handle, error.out());
  if (status != TEMPORAL_OK) {
    throw meta::Error(status > 0 ? code_of(status) : meta::ErrorCode::engine_refused,
                      fmt::format("no connection to the Temporal server at {}: {}", connection.address, error.text()),
                      "Check TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_TLS_* and TEMPORAL_API_KEY");
  }
  handle_.reset(handle);
}

std::string Client::call_bytes(std::string_view method, const std::string& request, std::chrono::milliseconds timeout) {
  Bytes response;
  Bytes error;
  Bytes details;
  const auto status =
      temporal_client_rpc(handle_.get(), method.data(), method.size(), data_of(request), request.size(),
                          static_cast<std::uint32_t>(timeout.count()), response.out(), error.out(), details.out());
  if (status > 0) throw RpcError(status, "Temporal's " + error.text(), details.text());  // which names the method
  check(status, "a request to Temporal", error, meta::ErrorCode::internal);
  return response.text();
}

CoreWorker::CoreWorker(Client& client, const WorkerOptions& options) : client_(&client) {
  const std::string json = meta::to_json(options);
  Bytes error;
  temporal_worker* handle = nullptr;
  check(temporal_worker_new(client.handle_.get(), json.data(), json.size(), &handle, error.out()),
        "Temporal's worker did not start", error, meta::ErrorCode::engine_refused);
  handle_.reset(handle);
}

CoreWorker::CoreWorker(Runtime& runtime, const WorkerOptions& options) {
  const std::string json = meta::to_json(options);
  Bytes error;
  temporal_worker* handle = nullptr;
  check(temporal_replay_worker_new(runtime.handle_.get(), json.data(), json.size(), &handle, error.out()),
        "Temporal's replay worker did not start", error, meta::ErrorCode::internal);
  handle_.reset(handle);
}

void CoreWorker::push_history(const std::string& workflow_id, const std::string& history) {
  Bytes error;
  check(temporal_replay_worker_push(handle_.get(), workflow_id.data(), workflow_id.size(), data_of(history),
                                    history.size(), error.out()),
        "a history was not taken", error, meta::ErrorCode::invalid_input);
}

void CoreWorker::validate() {
  Bytes error;
  check(temporal_worker_validate(handle_.get(), error.out()), "the Temporal namespace cannot be used", error,
        meta::ErrorCode::engine_refused);
}

template <class Message>
Message CoreWorker::read(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) throw meta::Error(meta::ErrorCode::internal, "core's task cannot be read");
  if (client_ == nullptr) return message;
  try {
    client_->receive(message);
  } catch (const meta::Error&) {
    refuse(message);
    throw;
  }
  return message;
}

// Core waits for an answer to all that it hands out.
void CoreWorker::refuse(const coresdk::workflow_activation::WorkflowActivation& activation) {
  coresdk::workflow_completion::WorkflowActivationCompletion completion;
  completion.set_run_id(activation.run_id());
  set_failure(*completion.mutable_failed()->mutable_failure(), to_failure(std::current_exception()), true);
  complete_workflow(completion);
}

void CoreWorker::refuse(const coresdk::activity_task::ActivityTask& task) {
  coresdk::ActivityTaskCompletion completion;
  completion.set_task_token(task.task_token());
  set_failure(*completion.mutable_result()->mutable_failed()->mutable_failure(), to_failure(std::current_exception()),
              true);
  complete_activity(completion);
}

std::optional<coresdk::workflow_activation::WorkflowActivation> CoreWorker::poll_workflow() {
  Bytes activation;
  Bytes error;
  const auto status = temporal_worker_poll_workflow(handle_.get(), activation.out(), error.out());
  if (status == TEMPORAL_SHUTDOWN) return std::nullopt;
  check(status, "polling for workflow tasks", error, meta::ErrorCode::engine_unreachable);
  return read<coresdk::workflow_activation::WorkflowActivation>(activation.text());
}

std::optional<coresdk::activity_task::ActivityTask> CoreWorker::poll_activity() {
  Bytes task;
  Bytes error;
  const auto status = temporal_worker_poll_activity(handle_.get(), task.out(), error.out());
  if (status == TEMPORAL_SHUTDOWN) return std::nullopt;
  check(status, "polling for activity tasks", error, meta::ErrorCode::engine_unreachable);
  return read<coresdk::activity_task::ActivityTask>(task.text());
}

void CoreWorker::complete_workflow(const coresdk::workflow_completion::WorkflowActivationCompletion& completion) {
  const std::string bytes = bytes_of(completion);
  Bytes error;
  check(temporal_worker_complete_workflow(handle_.get(), data_of(bytes), bytes.size(), error.out()),
        "completing a workflow task", error, meta::ErrorCode::internal);
}

void CoreWorker::complete_activity(const coresdk::ActivityTaskCompletion& completion) {
  const std::string bytes = bytes_of(completion);
  Bytes error;
  check(temporal_worker_complete_activity(handle_.get(), data_of(bytes), bytes.size(), error.out()),
        "completing an activity task", error, meta::ErrorCode::internal);
}

void CoreWorker::heartbeat(const coresdk::ActivityHeartbeat& heartbeat) {
  const std::string bytes = bytes_of(heartbeat);
  Bytes error;
  check(temporal_worker_heartbeat(handle_.get(), data_of(bytes), bytes.size(), error.out()), "a heartbeat", error,
        meta::ErrorCode::internal);
}

}  // namespace wellhead::orchestration::temporal_engine
