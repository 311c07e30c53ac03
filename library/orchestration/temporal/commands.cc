#include "library/orchestration/temporal/commands.h"

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using CoreCommand = coresdk::workflow_commands::WorkflowCommand;
using std::chrono::milliseconds;

// Temporal wants a limit for every activity. Nobody waits for this one: a lost worker is noticed by its silence.
constexpr std::chrono::days kNoLimit{365};

// The server knows when to give up: what it counts as attempts includes those that a stopping worker interrupted, so
// the number of attempts is bounded by the worker (ActivityWorker).
void set_retry(api::common::v1::RetryPolicy& to, const RetryPolicy& policy) {
  set_duration(*to.mutable_initial_interval(), std::max(policy.initial_interval, milliseconds(1)));
  set_duration(*to.mutable_maximum_interval(),
               std::max({policy.maximum_interval, policy.initial_interval, milliseconds(1)}));
  to.set_backoff_coefficient(std::max(policy.backoff, 1.0));
  for (const auto code : policy.non_retryable) to.add_non_retryable_error_types(std::string(meta::to_string(code)));
}

class ToCore {
 public:
  ToCore(CoreCommand& to, const CommandTerms& terms) : to_(to), terms_(terms) {}

  void operator()(const ScheduleActivity& command) const {
    auto& core = *to_.mutable_schedule_activity();
    const auto& options = command.options;
    core.set_seq(command.sequence);
    core.set_activity_id(std::to_string(command.sequence));
    core.set_activity_type(command.activity);
    core.set_task_queue(task_queue_of(terms_.task_queue, options.task_queue));
    set_payload(*core.add_arguments(), command.input);
    set_payload((*core.mutable_headers())[kTermsHeader],
                to_json(StepTerms{.retry = options.retry,
                                  .start_to_close = options.start_to_close,
                                  .schedule_to_close = options.schedule_to_close,
                                  .heartbeat_timeout = options.heartbeat_timeout,
                                  .reset = terms_.reset}));
    const bool limited = options.start_to_close.count() > 0;
    // The worker is the first to notice that an attempt passes its limits; the server's are for when it is lost.
    set_duration(*core.mutable_start_to_close_timeout(), limited ? options.start_to_close + terms_.liveness : kNoLimit);
    if (options.schedule_to_close.count() > 0) {
      set_duration(*core.mutable_schedule_to_close_timeout(), options.schedule_to_close);
    }
    set_duration(*core.mutable_heartbeat_timeout(), terms_.liveness);
    set_retry(*core.mutable_retry_policy(), options.retry);
    core.set_cancellation_type(coresdk::workflow_commands::TRY_CANCEL);
  }
  void operator()(const RequestCancelActivity& command) const {
    to_.mutable_request_cancel_activity()->set_seq(command.sequence);
  }
  void operator()(const StartTimer& command) const {
    to_.mutable_start_timer()->set_seq(command.sequence);
    set_duration(*to_.mutable_start_timer()->mutable_start_to_fire_timeout(), command.duration);
  }
  void operator()(const CancelTimer& command) const { to_.mutable_cancel_timer()->set_seq(command.sequence); }
  void operator()(const CompleteWorkflow& command) const {
    set_payload(*to_.mutable_complete_workflow_execution()->mutable_result(), command.result);
  }
  void operator()(const FailWorkflow& command) const {
    set_failure(*to_.mutable_fail_workflow_execution()->mutable_failure(), command.failure, false);
  }
  void operator()(const CancelWorkflowExecution&) const { to_.mutable_cancel_workflow_execution(); }
  void operator()(const StartChild& command) const {
    auto& core = *to_.mutable_start_child_workflow_execution();
    core.set_seq(command.sequence);
    core.set_workflow_id(command.workflow_id);
    core.set_workflow_type(command.workflow_type);
    core.set_task_queue(terms_.task_queue);
    set_payload(*core.add_input(), command.input);
    set_payload((*core.mutable_headers())[kSequenceHeader], std::to_string(command.sequence));
    core.set_parent_close_policy(command.on_parent_close == ParentClosePolicy::abandon
                                     ? coresdk::child_workflow::PARENT_CLOSE_POLICY_ABANDON
                                     : coresdk::child_workflow::PARENT_CLOSE_POLICY_REQUEST_CANCEL);
    core.set_workflow_id_reuse_policy(api::enums::v1::WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE);
    core.set_cancellation_type(coresdk::child_workflow::TRY_CANCEL);
    if (terms_.label) terms_.label(core, command.labels);
  }
  void operator()(const RequestCancelChild& command) const {
    to_.mutable_cancel_child_workflow_execution()->set_child_workflow_seq(command.sequence);
  }
  void operator()(const SetPatchMarker& command) const { to_.mutable_set_patch_marker()->set_patch_id(command.patch); }
  void operator()(const ContinueAsNew& command) const {
    set_payload(*to_.mutable_continue_as_new_workflow_execution()->add_arguments(), command.input);
  }

 private:
  CoreCommand& to_;
  const CommandTerms& terms_;
};

}  // namespace

std::string task_queue_of(const std::string& own, const std::string& queue) {
  return queue == "default" ? own : own + "-" + queue;
}

CoreCommand to_core(const Command& command, const CommandTerms& terms) {
  CoreCommand core;
  std::visit(ToCore(core, terms), command);
  return core;
}

}  // namespace wellhead::orchestration::temporal_engine
