#include "library/orchestration/temporal/executions.h"

#include <fmt/format.h>
#include <google/rpc/status.pb.h>
#include <spdlog/spdlog.h>
#include <temporal/api/errordetails/v1/message.pb.h>

#include <utility>

#include "library/orchestration/replay.h"
#include "library/orchestration/temporal/commands.h"
#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace service = api::workflowservice::v1;
using Status = api::enums::v1::WorkflowExecutionStatus;

[[noreturn]] void throw_not_found(const std::string& execution_id) {
  throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {} on Temporal", execution_id));
}

const char* text_of(Status status) {
  switch (status) {
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_RUNNING:
      return "is running";
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_COMPLETED:
      return "is complete";
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_FAILED:
      return "has failed";
    case api::enums::v1::WORKFLOW_EXECUTION_STATUS_CANCELED:
      return "was cancelled";
    default:
      return "has ended";
  }
}

Status status_of(const Executions::Description& seen) { return seen.workflow_execution_info().status(); }

template <class Memo>
void set_memo(Memo& memo, const std::map<std::string, std::string>& labels) {
  for (const auto& [name, value] : labels) set_payload(memo[name], meta::to_json(value));
}

bool is_open(Status status) {
  return status == api::enums::v1::WORKFLOW_EXECUTION_STATUS_RUNNING ||
         status == api::enums::v1::WORKFLOW_EXECUTION_STATUS_PAUSED;
}

}  // namespace

Execution Executions::start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                            const StartOptions& options) {
  service::StartWorkflowExecutionRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_workflow_id(workflow_id);
  request.mutable_workflow_type()->set_name(workflow_type);
  request.mutable_task_queue()->set_name(task_queue_);
  add_payload(*request.mutable_input(), input);
  request.set_workflow_id_reuse_policy(api::enums::v1::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
  request.set_workflow_id_conflict_policy(api::enums::v1::WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING);
  request.mutable_priority()->set_priority_key(options.priority);
  if (workflow_task_timeout_.count() > 0) {
    set_duration(*request.mutable_workflow_task_timeout(), workflow_task_timeout_);
  }
  set_memo(*request.mutable_memo()->mutable_fields(), options.labels);
  if (!options.labels.empty()) set_search_attributes(*request.mutable_search_attributes(), options.labels);
  const auto call = [&] {
    return client_.call<service::StartWorkflowExecutionResponse>("StartWorkflowExecution", request);
  };
  service::StartWorkflowExecutionResponse started;
  try {
    started = call();
  } catch (const RpcError& error) {
    // Another of the cluster's servers may not have heard of them yet.
    if (error.status() != kInvalidArgument || request.search_attributes().indexed_fields().empty()) throw;
    spdlog::warn("{} is begun without search attributes: {}", workflow_id, error.message());
    request.clear_search_attributes();
    started = call();
  }
  return {workflow_id, execution_id_of(workflow_id, started.run_id()), !started.started()};
}

void Executions::set_search_attributes(api::common::v1::SearchAttributes& to,
                                       const std::map<std::string, std::string>& labels) {
  // They cannot be encrypted.
  search_attributes_.set(to, client_.encrypts() ? std::map<std::string, std::string>() : labels);
}

void Executions::prepare_labels(const std::set<std::string>& names) {
  if (names.empty()) return;
  std::map<std::string, std::string> labels;
  for (const auto& name : names) labels.emplace(name, "");
  api::common::v1::SearchAttributes unused;
  set_search_attributes(unused, labels);
}

void Executions::label(coresdk::workflow_commands::StartChildWorkflowExecution& child,
                       const std::map<std::string, std::string>& labels) {
  if (labels.empty()) return;
  set_memo(*child.mutable_memo(), labels);
  try {
    set_search_attributes(*child.mutable_search_attributes(), labels);
  } catch (const RpcError& error) {
    spdlog::warn("{} is begun without search attributes: {}", child.workflow_id(), error.message());
  }
}

bool Executions::is_served(const std::string& task_queue, api::enums::v1::TaskQueueType kind) {
  service::DescribeTaskQueueRequest request;
  request.set_namespace_(client_.name_space());
  request.mutable_task_queue()->set_name(task_queue);
  request.set_task_queue_type(kind);
  return !client_.call<service::DescribeTaskQueueResponse>("DescribeTaskQueue", request).pollers().empty();
}

std::vector<std::string> Executions::unserved_queues(const std::vector<std::string>& queues) {
  std::vector<std::string> unserved;
  if (!is_served(task_queue_, api::enums::v1::TASK_QUEUE_TYPE_WORKFLOW))
    unserved.push_back(task_queue_ + " (workflows)");
  for (const auto& queue : queues) {
    auto name = task_queue_of(task_queue_, queue);
    if (!is_served(name, api::enums::v1::TASK_QUEUE_TYPE_ACTIVITY)) unserved.push_back(std::move(name));
  }
  return unserved;
}

std::optional<Executions::Description> Executions::look(const std::string& execution_id) {
  const auto name = parse_execution_id(execution_id);
  if (!name) return std::nullopt;
  service::DescribeWorkflowExecutionRequest request;
  request.set_namespace_(client_.name_space());
  *request.mutable_execution() = execution_of(execution_id);
  try {
    return client_.call<Description>("DescribeWorkflowExecution", request);
  } catch (const RpcError& error) {
    if (error.status() == kNotFound || error.status() == kInvalidArgument) return std::nullopt;
    throw;
  }
}

std::optional<std::string> Executions::latest(const std::string& workflow_id) {
  service::DescribeWorkflowExecutionRequest request;
  request.set_namespace_(client_.name_space());
  request.mutable_execution()->set_workflow_id(workflow_id);
  try {
    const auto seen = client_.call<Description>("DescribeWorkflowExecution", request);
    return execution_id_of(workflow_id, seen.workflow_execution_info().execution().run_id());
  } catch (const RpcError& error) {
    if (error.status() == kNotFound) return std::nullopt;
    throw;
  }
}

TranslatedHistory Executions::history(const std::string& execution_id) {
  service::GetWorkflowExecutionHistoryRequest request;
  request.set_namespace_(client_.name_space());
  *request.mutable_execution() = execution_of(execution_id);
  api::history::v1::History history;
  do {
    auto page = client_.call<service::GetWorkflowExecutionHistoryResponse>("GetWorkflowExecutionHistory", request,
                                                                           std::chrono::seconds(30));
    history.MergeFrom(page.history());
    request.set_next_page_token(page.next_page_token());
  } while (!request.next_page_token().empty());
  const auto name = parse_execution_id(execution_id);
  return translate(name->workflow_id, name->run_id, history);
}

std::string Executions::successor(const std::string& execution_id) {
  service::GetWorkflowExecutionHistoryRequest request;
  request.set_namespace_(client_.name_space());
  *request.mutable_execution() = execution_of(execution_id);
  request.set_history_event_filter_type(api::enums::v1::HISTORY_EVENT_FILTER_TYPE_CLOSE_EVENT);
  const auto page = client_.call<service::GetWorkflowExecutionHistoryResponse>("GetWorkflowExecutionHistory", request);
  for (const auto& event : page.history().events()) {
    if (!event.has_workflow_execution_continued_as_new_event_attributes()) continue;
    return execution_id_of(request.execution().workflow_id(),
                           event.workflow_execution_continued_as_new_event_attributes().new_execution_run_id());
  }
  throw_not_found("after " + execution_id);
}

std::string Executions::last_of_chain(const std::string& execution_id, Description& seen) {
  std::string current = execution_id;
  for (;;) {
    auto found = look(current);
    if (!found) throw_not_found(execution_id);
    seen = *std::move(found);
    if (status_of(seen) != api::enums::v1::WORKFLOW_EXECUTION_STATUS_CONTINUED_AS_NEW) return current;
    current = successor(current);
  }
}

std::string Executions::require_open(const std::string& execution_id, const char* action, Description& seen) {
  auto current = last_of_chain(execution_id, seen);
  if (is_open(status_of(seen))) return current;
  throw meta::Error(meta::ErrorCode::conflict, fmt::format("workflow {} cannot be {}: it {}",
                                                           seen.workflow_execution_info().execution().workflow_id(),
                                                           action, text_of(status_of(seen))));
}

void Executions::cancel(const std::string& execution_id) {
  Description seen;
  service::RequestCancelWorkflowExecutionRequest request;
  *request.mutable_workflow_execution() = execution_of(require_open(execution_id, "cancelled", seen));
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  client_.call<service::RequestCancelWorkflowExecutionResponse>("RequestCancelWorkflowExecution", request);
}

void Executions::set_paused(const std::string& execution_id, bool paused) {
  Description seen;
  const auto current = require_open(execution_id, paused ? "paused" : "resumed", seen);
  // The workflow first: what it begins before it knows would not be paused.
  if (paused) signal(current, kPauseSignal, "true");
  for (const auto& activity : seen.pending_activities()) pause_activity(current, activity.activity_id(), paused);
  if (!paused) signal(current, kPauseSignal, "false");
}

void Executions::pause_activity(const std::string& execution_id, const std::string& activity_id, bool paused) {
  try {
    if (paused) {
      service::PauseActivityRequest request;
      request.set_namespace_(client_.name_space());
      request.set_identity(client_.identity());
      *request.mutable_execution() = execution_of(execution_id);
      request.set_id(activity_id);
      client_.call<service::PauseActivityResponse>("PauseActivity", request);
    } else {
      service::UnpauseActivityRequest request;
      request.set_namespace_(client_.name_space());
      request.set_identity(client_.identity());
      *request.mutable_execution() = execution_of(execution_id);
      request.set_id(activity_id);
      client_.call<service::UnpauseActivityResponse>("UnpauseActivity", request);
    }
  } catch (const RpcError& error) {
    if (error.code() == meta::ErrorCode::engine_unreachable) throw;
    // It has ended meanwhile.
  }
}

void Executions::signal(const std::string& execution_id, const std::string& name, const Payload& payload) {
  Description seen;
  service::SignalWorkflowExecutionRequest request;
  *request.mutable_workflow_execution() = execution_of(require_open(execution_id, "signalled", seen));
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  request.set_signal_name(name);
  add_payload(*request.mutable_input(), payload);
  client_.call<service::SignalWorkflowExecutionResponse>("SignalWorkflowExecution", request);
}

Payload Executions::query(const std::string& execution_id, const std::string& name) {
  Description seen;
  const auto current = last_of_chain(execution_id, seen);
  if (!is_open(status_of(seen))) return query_history(current, name);
  service::QueryWorkflowRequest request;
  request.set_namespace_(client_.name_space());
  *request.mutable_execution() = execution_of(current);
  request.mutable_query()->set_query_type(name);
  try {
    const auto answer = client_.call<service::QueryWorkflowResponse>("QueryWorkflow", request);
    return first_payload(answer.query_result());
  } catch (const RpcError& error) {
    if (error.status() == kInvalidArgument) throw_query_failure(error);
    if (error.status() != kFailedPrecondition && error.status() != kDeadlineExceeded) throw;
    // Nobody runs it just now, or nobody can.
    return query_history(current, name);
  }
}

Payload Executions::query_history(const std::string& execution_id, const std::string& name) {
  const auto known = history(execution_id);
  const auto& record = known.record;
  if (record.state == WorkflowState::queued || record.blocked) {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("workflow {} {}", record.workflow_id,
                                                             record.blocked ? "is blocked" : "has not begun"));
  }
  WorkflowRun run(registry_, {record.workflow_type, record.workflow_id, record.execution_id});
  replay(run, known.events);
  return run.query(name);
}

void Executions::throw_query_failure(const RpcError& error) const {
  google::rpc::Status status;
  status.ParseFromString(error.details());
  for (const auto& detail : status.details()) {
    api::errordetails::v1::QueryFailedFailure failed;
    const bool fits = detail.type_url().ends_with("QueryFailedFailure") && failed.ParseFromString(detail.value());
    if (!fits || !failed.has_failure()) continue;
    client_.receive(*failed.mutable_failure());
    throw to_error(failure_of(failed.failure()));
  }
  throw meta::Error(meta::ErrorCode::not_found, error.message());
}

}  // namespace wellhead::orchestration::temporal_engine
