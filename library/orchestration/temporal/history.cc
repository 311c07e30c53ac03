#include "library/orchestration/temporal/history.h"

#include <fmt/format.h>

#include <map>
#include <set>
#include <utility>

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using api::history::v1::HistoryEvent;

Sequence sequence_of(const std::string& id) {
  try {
    return static_cast<Sequence>(std::stoul(id));
  } catch (const std::exception&) {
    return 0;
  }
}

constexpr const char* kPatchMarker = "core_patch";
constexpr const char* kPatchData = "patch-data";
struct PatchData {
  std::string id;
  static constexpr auto kFields = meta::fields(meta::field("id", &PatchData::id));
};

class Translation {
 public:
  Translation(const std::string& workflow_id, const std::string& run_id) {
    out_.record.workflow_id = workflow_id;
    out_.record.execution_id = execution_id_of(workflow_id, run_id);
  }

  void take(const HistoryEvent& event) {
    at_ = time_of(event.event_time());
    if (take_workflow(event) || take_task(event) || take_activity(event) || take_activity_end(event) ||
        take_timer(event) || take_child(event))
      return;
    take_end(event);
  }

  TranslatedHistory finish() {
    out_.record.paused = paused_;
    return std::move(out_);
  }

 private:
  void add(Event event) {
    event.number = static_cast<std::int64_t>(out_.events.size()) + 1;
    event.at = at_;
    out_.events.push_back(std::move(event));
  }

  bool take_workflow(const HistoryEvent& event) {
    if (event.has_workflow_execution_started_event_attributes()) {
      start(event.workflow_execution_started_event_attributes());
    } else if (event.has_workflow_execution_signaled_event_attributes()) {
      const auto& signal = event.workflow_execution_signaled_event_attributes();
      if (signal.signal_name() == kPauseSignal) {
        paused_ = first_payload(signal.input()) == "true";
      } else {
        add({.kind = EventKind::signal_received,
             .name = signal.signal_name(),
             .payload = first_payload(signal.input())});
      }
    } else if (event.has_workflow_execution_cancel_requested_event_attributes()) {
      paused_ = false;
      out_.record.cancel_requested = true;
      add({.kind = EventKind::cancel_requested});
    } else if (event.has_marker_recorded_event_attributes()) {
      const auto& marker = event.marker_recorded_event_attributes();
      const auto data = marker.details().find(kPatchData);
      if (marker.marker_name() == kPatchMarker && data != marker.details().end()) {
        add({.kind = EventKind::patch_marked, .name = meta::from_json<PatchData>(first_payload(data->second)).id});
      }
    } else {
      return false;
    }
    return true;
  }

  void start(const api::history::v1::WorkflowExecutionStartedEventAttributes& started) {
    auto& record = out_.record;
    record.workflow_type = started.workflow_type().name();
    record.input = first_payload(started.input());
    record.priority = started.priority().priority_key() == 0 ? kNormalPriority : started.priority().priority_key();
    record.created_at = at_;
    if (!started.continued_execution_run_id().empty()) {
      record.previous = execution_id_of(record.workflow_id, started.continued_execution_run_id());
    }
    if (started.has_parent_workflow_execution()) {
      record.parent = execution_id_of(started.parent_workflow_execution().workflow_id(),
                                      started.parent_workflow_execution().run_id());
    }
    add({.kind = EventKind::workflow_started, .payload = record.input});
  }

  bool take_task(const HistoryEvent& event) {
    if (event.has_workflow_task_started_event_attributes()) {
      task_at_ = at_;
      suggested_ = event.workflow_task_started_event_attributes().suggest_continue_as_new();
      if (!out_.record.started_at) {
        out_.record.started_at = at_;
        out_.record.state = WorkflowState::running;
      }
    } else if (event.has_workflow_task_completed_event_attributes()) {
      out_.record.blocked.reset();
      out_.failed_by.reset();
      if (!paused_) {
        add({.kind = EventKind::activation});
        out_.events.back().at = task_at_;
        if (suggested_) out_.events.back().payload = kContinueAsNewSuggested;
      }
      out_.turns.push_back({event.event_id(), out_.events.size()});
    } else if (event.has_workflow_task_failed_event_attributes()) {
      fail_task(event.workflow_task_failed_event_attributes());
    } else {
      return event.has_workflow_task_scheduled_event_attributes() ||
             event.has_workflow_task_timed_out_event_attributes();
    }
    return true;
  }

  void fail_task(const api::history::v1::WorkflowTaskFailedEventAttributes& failed) {
    if (failed.cause() == api::enums::v1::WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW) {
      out_.base_run_id = failed.base_run_id();
      out_.record.previous = execution_id_of(out_.record.workflow_id, failed.base_run_id());
      out_.record.retried = true;
      return;
    }
    if (failed.cause() == api::enums::v1::WORKFLOW_TASK_FAILED_CAUSE_UNHANDLED_COMMAND) return;
    out_.record.blocked = failure_of(failed.failure());
    out_.failed_by = failed.identity();
  }

  bool take_activity(const HistoryEvent& event) {
    if (event.has_activity_task_scheduled_event_attributes()) {
      const auto& scheduled = event.activity_task_scheduled_event_attributes();
      const Sequence sequence = sequence_of(scheduled.activity_id());
      steps_[event.event_id()] = {.sequence = sequence};
      add({.kind = EventKind::activity_scheduled,
           .sequence = sequence,
           .name = scheduled.activity_type().name(),
           .payload = first_payload(scheduled.input())});
    } else if (event.has_activity_task_started_event_attributes()) {
      const auto& started = event.activity_task_started_event_attributes();
      Step& step = steps_[started.scheduled_event_id()];
      step.started_at = at_;
      step.started_event = event.event_id();
      if (started.has_last_failure()) step.last_failure = started.last_failure();
    } else if (event.has_activity_task_cancel_requested_event_attributes()) {
      Step& step = steps_[event.activity_task_cancel_requested_event_attributes().scheduled_event_id()];
      step.closed = true;
      add({.kind = EventKind::activity_cancelled, .sequence = step.sequence});
    } else {
      return event.has_activity_task_canceled_event_attributes();
    }
    return true;
  }

  bool take_activity_end(const HistoryEvent& event) {
    if (event.has_activity_task_completed_event_attributes()) {
      const auto& completed = event.activity_task_completed_event_attributes();
      const auto& result = completed.result().payloads();
      end_activity(completed.scheduled_event_id(), result.empty() ? FailedAttempts{} : attached(result[0]),
                   EventKind::activity_completed, first_payload(completed.result()));
    } else if (event.has_activity_task_failed_event_attributes()) {
      const auto& failed = event.activity_task_failed_event_attributes();
      fail_activity(failed.scheduled_event_id(), failed.failure(), failed.retry_state());
    } else if (event.has_activity_task_timed_out_event_attributes()) {
      const auto& late = event.activity_task_timed_out_event_attributes();
      fail_activity(late.scheduled_event_id(), late.failure(), late.retry_state());
    } else {
      return false;
    }
    return true;
  }

  void fail_activity(std::int64_t scheduled_event, const api::failure::v1::Failure& failure,
                     api::enums::v1::RetryState retry_state) {
    // As core tells the workflow.
    api::failure::v1::Failure step;
    *step.mutable_cause() = failure;
    step.mutable_activity_failure_info()->set_retry_state(retry_state);
    end_activity(scheduled_event, attached(failure), EventKind::activity_failed, meta::to_json(failure_of(step)));
  }

  void end_activity(std::int64_t scheduled_event, FailedAttempts failed, EventKind kind, Payload payload) {
    Step& step = steps_[scheduled_event];
    if (step.closed) return;
    step.closed = true;
    // A worker that was lost could not tell of its attempt.
    if (failed.count == 0 && step.last_failure && step.last_failure->has_timeout_failure_info()) {
      failed.add({.attempt = 1, .started_at = 0, .ended_at = 0, .failure = failure_of(*step.last_failure)});
    }
    for (const auto& attempt : failed.last) add_failed(step.sequence, attempt);
    add({.kind = kind,
         .sequence = step.sequence,
         .attempt = failed.count + 1,
         .started_at = step.started_at,
         .payload = std::move(payload)});
  }

  void add_failed(Sequence sequence, const FailedAttempt& attempt) {
    const auto time = [](std::int64_t since) { return meta::Time(std::chrono::microseconds(since)); };
    add({.kind = EventKind::attempt_failed,
         .sequence = sequence,
         .attempt = attempt.attempt,
         .payload = meta::to_json(attempt.failure)});
    if (attempt.started_at == 0) return;
    out_.events.back().started_at = time(attempt.started_at);
    out_.events.back().at = time(attempt.ended_at);
  }

  bool take_timer(const HistoryEvent& event) {
    if (event.has_timer_started_event_attributes()) {
      const auto& timer = event.timer_started_event_attributes();
      const auto wait = milliseconds_of(timer.start_to_fire_timeout()).count();
      add({.kind = EventKind::timer_started,
           .sequence = sequence_of(timer.timer_id()),
           .payload = meta::to_json(static_cast<std::int64_t>(wait))});
    } else if (event.has_timer_fired_event_attributes()) {
      add({.kind = EventKind::timer_fired, .sequence = sequence_of(event.timer_fired_event_attributes().timer_id())});
    } else if (event.has_timer_canceled_event_attributes()) {
      add({.kind = EventKind::timer_cancelled,
           .sequence = sequence_of(event.timer_canceled_event_attributes().timer_id())});
    } else {
      return false;
    }
    return true;
  }

  bool take_child(const HistoryEvent& event) {
    if (event.has_start_child_workflow_execution_initiated_event_attributes()) {
      const auto& child = event.start_child_workflow_execution_initiated_event_attributes();
      const auto header = child.header().fields().find(kSequenceHeader);
      const Sequence sequence = header == child.header().fields().end() ? 0 : sequence_of(payload_of(header->second));
      steps_[event.event_id()] = {.sequence = sequence};
      children_[child.workflow_id()] = event.event_id();
      const auto policy = child.parent_close_policy() == api::enums::v1::PARENT_CLOSE_POLICY_ABANDON
                              ? ParentClosePolicy::abandon
                              : ParentClosePolicy::request_cancel;
      add({.kind = EventKind::child_started,
           .sequence = sequence,
           .name = child.workflow_type().name(),
           .payload = meta::to_json(
               ChildStart{child.workflow_id(), first_payload(child.input()), std::string(to_string(policy))})});
    } else if (event.has_request_cancel_external_workflow_execution_initiated_event_attributes()) {
      const auto& cancel = event.request_cancel_external_workflow_execution_initiated_event_attributes();
      const auto child = children_.find(cancel.workflow_execution().workflow_id());
      if (!cancel.child_workflow_only() || child == children_.end()) return true;
      steps_[child->second].closed = true;
      add({.kind = EventKind::child_cancelled, .sequence = steps_[child->second].sequence});
    } else {
      return take_child_end(event);
    }
    return true;
  }

  bool take_child_end(const HistoryEvent& event) {
    if (event.has_start_child_workflow_execution_failed_event_attributes()) {
      const auto& failed = event.start_child_workflow_execution_failed_event_attributes();
      fail_child(failed.initiated_event_id(), child_is_open(failed.workflow_id()));
    } else if (event.has_child_workflow_execution_completed_event_attributes()) {
      const auto& completed = event.child_workflow_execution_completed_event_attributes();
      end_child(completed.initiated_event_id(), EventKind::child_completed, first_payload(completed.result()));
    } else if (event.has_child_workflow_execution_failed_event_attributes()) {
      const auto& failed = event.child_workflow_execution_failed_event_attributes();
      fail_child(failed.initiated_event_id(), failure_of(failed.failure()));
    } else if (event.has_child_workflow_execution_canceled_event_attributes()) {
      fail_child(event.child_workflow_execution_canceled_event_attributes().initiated_event_id(),
                 {.code = "cancelled", .message = "the step was cancelled"});
    } else if (event.has_child_workflow_execution_terminated_event_attributes()) {
      fail_child(event.child_workflow_execution_terminated_event_attributes().initiated_event_id(),
                 {.code = "cancelled", .message = "it was terminated"});
    } else if (event.has_child_workflow_execution_timed_out_event_attributes()) {
      fail_child(event.child_workflow_execution_timed_out_event_attributes().initiated_event_id(),
                 {.code = "activity_timeout", .message = "it passed its limit"});
    } else {
      return false;
    }
    return true;
  }

  static Failure child_is_open(const std::string& workflow_id) {
    return {.code = "conflict", .message = fmt::format("workflow {} is open already", workflow_id)};
  }
  void fail_child(std::int64_t initiated_event, const Failure& failure) {
    end_child(initiated_event, EventKind::child_failed, meta::to_json(failure));
  }
  void end_child(std::int64_t initiated_event, EventKind kind, Payload payload) {
    Step& step = steps_[initiated_event];
    if (std::exchange(step.closed, true)) return;
    add({.kind = kind, .sequence = step.sequence, .payload = std::move(payload)});
  }

  void take_end(const HistoryEvent& event) {
    auto& record = out_.record;
    if (event.has_workflow_execution_completed_event_attributes()) {
      record.result = first_payload(event.workflow_execution_completed_event_attributes().result());
      end(WorkflowState::completed, EventKind::workflow_completed, *record.result);
    } else if (event.has_workflow_execution_failed_event_attributes()) {
      fail(failure_of(event.workflow_execution_failed_event_attributes().failure()));
    } else if (event.has_workflow_execution_canceled_event_attributes()) {
      end(WorkflowState::cancelled, EventKind::workflow_cancelled, "null");
    } else if (event.has_workflow_execution_continued_as_new_event_attributes()) {
      const auto& next = event.workflow_execution_continued_as_new_event_attributes();
      record.successor = execution_id_of(record.workflow_id, next.new_execution_run_id());
      end(WorkflowState::continued, EventKind::workflow_continued, first_payload(next.input()));
    } else if (event.has_workflow_execution_terminated_event_attributes()) {
      const auto& terminated = event.workflow_execution_terminated_event_attributes();
      fail({.code = "cancelled",
            .message = fmt::format("it was terminated by {}: {}", terminated.identity(), terminated.reason())});
    } else if (event.has_workflow_execution_timed_out_event_attributes()) {
      fail({.code = "activity_timeout", .message = "the workflow passed its limit"});
    }
  }
  void fail(const Failure& failure) {
    out_.record.failure = failure;
    end(WorkflowState::failed, EventKind::workflow_failed, meta::to_json(failure));
  }
  void end(WorkflowState state, EventKind kind, Payload payload) {
    out_.record.state = state;
    out_.record.ended_at = at_;
    out_.record.blocked.reset();
    add({.kind = kind, .payload = std::move(payload)});
  }

  struct Step {
    Sequence sequence = 0;
    std::optional<meta::Time> started_at;
    std::int64_t started_event = 0;
    std::optional<api::failure::v1::Failure> last_failure;
    bool closed = false;
  };
  TranslatedHistory out_;
  meta::Time at_{}, task_at_{};
  bool suggested_ = false;
  bool paused_ = false;
  std::map<std::int64_t, Step> steps_;            // by the event that scheduled it
  std::map<std::string, std::int64_t> children_;  // by workflow id
};

}  // namespace

TranslatedHistory translate(const std::string& workflow_id, const std::string& run_id,
                            const api::history::v1::History& history) {
  Translation translation(workflow_id, run_id);
  for (const auto& event : history.events()) translation.take(event);
  return translation.finish();
}

}  // namespace wellhead::orchestration::temporal_engine
