#include "library/orchestration/temporal/payload_border.h"

#include <temporal/api/history/v1/message.pb.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>
#include <temporal/sdk/core/activity_task/activity_task.pb.h>
#include <temporal/sdk/core/core_interface.pb.h>
#include <temporal/sdk/core/workflow_activation/workflow_activation.pb.h>
#include <temporal/sdk/core/workflow_completion/workflow_completion.pb.h>

#include "library/meta/describe.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace api = ::temporal::api;

constexpr const char* kHidden = "Encoded failure";

// As Temporal's SDKs write it.
struct FailureText {
  std::string message, stack_trace;
  static constexpr auto kFields = meta::fields(meta::field("message", &FailureText::message),
                                               meta::field("stack_trace", &FailureText::stack_trace));
};

}  // namespace

void Border::one(Payload& payload) const {
  if (direction_ == Direction::out) {
    codec_.encode(payload);
  } else {
    codec_.decode(payload);
  }
}

void Border::all(api::common::v1::Payloads& payloads) const { each(*payloads.mutable_payloads()); }

void Border::cross(api::failure::v1::Failure& failure) const {
  if (direction_ == Direction::out && failure.message() != kHidden) {
    auto& text = *failure.mutable_encoded_attributes();
    (*text.mutable_metadata())["encoding"] = "json/plain";
    text.set_data(meta::to_json(FailureText{failure.message(), failure.stack_trace()}));
    one(text);
    failure.set_message(kHidden);
    failure.clear_stack_trace();
  } else if (direction_ == Direction::in && failure.has_encoded_attributes()) {
    one(*failure.mutable_encoded_attributes());
    const auto text = meta::from_json<FailureText>(failure.encoded_attributes().data());
    failure.set_message(text.message);
    failure.set_stack_trace(text.stack_trace);
    failure.clear_encoded_attributes();
  }
  if (failure.has_application_failure_info()) all(*failure.mutable_application_failure_info()->mutable_details());
  if (failure.has_canceled_failure_info()) all(*failure.mutable_canceled_failure_info()->mutable_details());
  if (failure.has_timeout_failure_info()) {
    all(*failure.mutable_timeout_failure_info()->mutable_last_heartbeat_details());
  }
  if (failure.has_cause()) cross(*failure.mutable_cause());
}

template <class Result>
void Border::outcome(Result& result) const {
  if (result.has_completed()) one(*result.mutable_completed()->mutable_result());
  if (result.has_failed()) cross(*result.mutable_failed()->mutable_failure());
  if (result.has_cancelled()) cross(*result.mutable_cancelled()->mutable_failure());
}

void Border::cross(coresdk::workflow_activation::WorkflowActivation& activation) const {
  for (auto& one_job : *activation.mutable_jobs()) job(one_job);
}

void Border::job(coresdk::workflow_activation::WorkflowActivationJob& job) const {
  if (job.has_initialize_workflow()) {
    each(*job.mutable_initialize_workflow()->mutable_arguments());
  } else if (job.has_signal_workflow()) {
    each(*job.mutable_signal_workflow()->mutable_input());
  } else if (job.has_query_workflow()) {
    each(*job.mutable_query_workflow()->mutable_arguments());
  } else if (job.has_resolve_activity()) {
    outcome(*job.mutable_resolve_activity()->mutable_result());
  } else if (job.has_resolve_child_workflow_execution()) {
    outcome(*job.mutable_resolve_child_workflow_execution()->mutable_result());
  }
}

void Border::cross(coresdk::workflow_completion::WorkflowActivationCompletion& completion) const {
  if (completion.has_failed()) cross(*completion.mutable_failed()->mutable_failure());
  if (!completion.has_successful()) return;
  for (auto& one_command : *completion.mutable_successful()->mutable_commands()) command(one_command);
}

void Border::command(coresdk::workflow_commands::WorkflowCommand& command) const {
  if (command.has_schedule_activity()) {
    each(*command.mutable_schedule_activity()->mutable_arguments());
    values(*command.mutable_schedule_activity()->mutable_headers());
  } else if (command.has_start_child_workflow_execution()) {
    each(*command.mutable_start_child_workflow_execution()->mutable_input());
    values(*command.mutable_start_child_workflow_execution()->mutable_headers());
    values(*command.mutable_start_child_workflow_execution()->mutable_memo());
  } else if (command.has_complete_workflow_execution()) {
    one(*command.mutable_complete_workflow_execution()->mutable_result());
  } else if (command.has_fail_workflow_execution()) {
    cross(*command.mutable_fail_workflow_execution()->mutable_failure());
  } else if (command.has_continue_as_new_workflow_execution()) {
    each(*command.mutable_continue_as_new_workflow_execution()->mutable_arguments());
  } else if (command.has_respond_to_query()) {
    auto& answer = *command.mutable_respond_to_query();
    if (answer.has_succeeded()) one(*answer.mutable_succeeded()->mutable_response());
    if (answer.has_failed()) cross(*answer.mutable_failed());
  } else if (command.has_update_response()) {
    if (command.update_response().has_rejected()) cross(*command.mutable_update_response()->mutable_rejected());
  }
}

void Border::cross(coresdk::activity_task::ActivityTask& task) const {
  if (!task.has_start()) return;
  values(*task.mutable_start()->mutable_header_fields());
  each(*task.mutable_start()->mutable_input());
  each(*task.mutable_start()->mutable_heartbeat_details());
}

void Border::cross(coresdk::ActivityTaskCompletion& completion) const { outcome(*completion.mutable_result()); }

void Border::cross(coresdk::ActivityHeartbeat& heartbeat) const { each(*heartbeat.mutable_details()); }

void Border::cross(api::workflowservice::v1::StartWorkflowExecutionRequest& request) const {
  all(*request.mutable_input());
  values(*request.mutable_memo()->mutable_fields());
}

void Border::cross(api::workflowservice::v1::SignalWorkflowExecutionRequest& request) const {
  all(*request.mutable_input());
}

void Border::cross(api::workflowservice::v1::QueryWorkflowResponse& response) const {
  all(*response.mutable_query_result());
}

void Border::cross(api::workflowservice::v1::DescribeWorkflowExecutionResponse& response) const {
  for (auto& activity : *response.mutable_pending_activities()) {
    all(*activity.mutable_heartbeat_details());
    if (activity.has_last_failure()) cross(*activity.mutable_last_failure());
  }
}

void Border::start(api::workflow::v1::NewWorkflowExecutionInfo& start) const { all(*start.mutable_input()); }

void Border::cross(api::workflowservice::v1::CreateScheduleRequest& request) const {
  start(*request.mutable_schedule()->mutable_action()->mutable_start_workflow());
  values(*request.mutable_memo()->mutable_fields());
}

void Border::cross(api::workflowservice::v1::UpdateScheduleRequest& request) const {
  start(*request.mutable_schedule()->mutable_action()->mutable_start_workflow());
}

void Border::cross(api::workflowservice::v1::DescribeScheduleResponse& response) const {
  start(*response.mutable_schedule()->mutable_action()->mutable_start_workflow());
  values(*response.mutable_memo()->mutable_fields());
}

void Border::cross(api::workflowservice::v1::GetWorkflowExecutionHistoryResponse& response) const {
  for (auto& one_event : *response.mutable_history()->mutable_events()) event(one_event);
}

void Border::event(api::history::v1::HistoryEvent& event) const {
  if (workflow_event(event) || child_event(event)) return;
  if (event.has_activity_task_scheduled_event_attributes()) {
    auto& scheduled = *event.mutable_activity_task_scheduled_event_attributes();
    all(*scheduled.mutable_input());
    values(*scheduled.mutable_header()->mutable_fields());
  } else if (event.has_activity_task_started_event_attributes()) {
    auto& started = *event.mutable_activity_task_started_event_attributes();
    if (started.has_last_failure()) cross(*started.mutable_last_failure());
  } else if (event.has_activity_task_completed_event_attributes()) {
    all(*event.mutable_activity_task_completed_event_attributes()->mutable_result());
  } else if (event.has_activity_task_failed_event_attributes()) {
    cross(*event.mutable_activity_task_failed_event_attributes()->mutable_failure());
  } else if (event.has_activity_task_timed_out_event_attributes()) {
    cross(*event.mutable_activity_task_timed_out_event_attributes()->mutable_failure());
  }
}

bool Border::workflow_event(api::history::v1::HistoryEvent& event) const {
  if (event.has_workflow_execution_started_event_attributes()) {
    all(*event.mutable_workflow_execution_started_event_attributes()->mutable_input());
  } else if (event.has_workflow_execution_signaled_event_attributes()) {
    all(*event.mutable_workflow_execution_signaled_event_attributes()->mutable_input());
  } else if (event.has_workflow_execution_completed_event_attributes()) {
    all(*event.mutable_workflow_execution_completed_event_attributes()->mutable_result());
  } else if (event.has_workflow_execution_failed_event_attributes()) {
    cross(*event.mutable_workflow_execution_failed_event_attributes()->mutable_failure());
  } else if (event.has_workflow_execution_continued_as_new_event_attributes()) {
    all(*event.mutable_workflow_execution_continued_as_new_event_attributes()->mutable_input());
  } else if (event.has_workflow_task_failed_event_attributes()) {
    auto& failed = *event.mutable_workflow_task_failed_event_attributes();
    if (failed.has_failure()) cross(*failed.mutable_failure());
  } else {
    return false;
  }
  return true;
}

bool Border::child_event(api::history::v1::HistoryEvent& event) const {
  if (event.has_start_child_workflow_execution_initiated_event_attributes()) {
    auto& child = *event.mutable_start_child_workflow_execution_initiated_event_attributes();
    all(*child.mutable_input());
    values(*child.mutable_header()->mutable_fields());
  } else if (event.has_child_workflow_execution_completed_event_attributes()) {
    all(*event.mutable_child_workflow_execution_completed_event_attributes()->mutable_result());
  } else if (event.has_child_workflow_execution_failed_event_attributes()) {
    cross(*event.mutable_child_workflow_execution_failed_event_attributes()->mutable_failure());
  } else {
    return false;
  }
  return true;
}

}  // namespace wellhead::orchestration::temporal_engine
