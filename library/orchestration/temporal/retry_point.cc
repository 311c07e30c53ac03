// Going on with an execution that failed or was cancelled: where, and as what; and how an execution is told.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "library/orchestration/replay.h"
#include "library/orchestration/temporal/executions.h"
#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

namespace service = api::workflowservice::v1;

constexpr std::size_t kNowhere = static_cast<std::size_t>(-1);

bool ends_step(const Event& event) {
  return event.sequence != 0 && (is_job(event.kind) || event.kind == EventKind::activity_cancelled ||
                                 event.kind == EventKind::timer_cancelled || event.kind == EventKind::child_cancelled);
}

bool begins_step(const Event& event) {
  return event.kind == EventKind::activity_scheduled || event.kind == EventKind::timer_started ||
         event.kind == EventKind::child_started;
}

// The last turn that had ended before that event.
std::size_t turn_before(const TranslatedHistory& history, std::size_t event) {
  std::size_t found = kNowhere;
  for (std::size_t turn = 0; turn < history.turns.size() && history.turns[turn].first_event <= event; ++turn) {
    found = turn;
  }
  return found;
}

// The turn whose commands are to be given anew because of how the execution ended.
std::size_t cause(const TranslatedHistory& history) {
  const auto& events = history.events;
  if (history.record.failure && history.record.failure->sequence != 0) {
    const auto step = std::ranges::find_if(events, [&](const Event& event) {
      return begins_step(event) && event.sequence == history.record.failure->sequence;
    });
    return turn_before(history, static_cast<std::size_t>(step - events.begin()));
  }
  if (history.record.state == WorkflowState::cancelled) {
    const auto asked = std::ranges::find(events, EventKind::cancel_requested, &Event::kind);
    return turn_before(history, static_cast<std::size_t>(asked - events.begin()));
  }
  return history.turns.empty() ? kNowhere : history.turns.size() - 1;
}

}  // namespace

std::optional<std::int64_t> turn_to_retry(const TranslatedHistory& ended) {
  std::size_t turn = cause(ended);
  if (turn == kNowhere) return std::nullopt;
  // Steps that were open at that turn would be done again; those that are scheduled anew find what they had (their
  // earlier result). So it goes back until none was open.
  std::map<Sequence, std::size_t> begun, ends;
  for (std::size_t i = 0; i < ended.events.size(); ++i) {
    const Event& event = ended.events[i];
    if (event.kind == EventKind::activity_scheduled) begun[event.sequence] = i;
    if (ends_step(event)) ends.try_emplace(event.sequence, i);
  }
  for (bool moved = true; moved;) {
    moved = false;
    const auto first_lost = ended.turns[turn].first_event;
    for (const auto& [sequence, at] : begun) {
      const auto end = ends.find(sequence);
      const bool open = at < first_lost && (end == ends.end() || end->second >= first_lost);
      if (!open) continue;
      turn = turn_before(ended, at);
      moved = true;
      break;
    }
  }
  return ended.turns[turn].event_id;
}

Execution Executions::retry(const std::string& execution_id) {
  const auto seen = look(execution_id);
  if (!seen) {
    throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {} on Temporal", execution_id));
  }
  const auto known = history(execution_id);
  const auto& record = known.record;
  const auto refuse = [&](const char* why) {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("execution {} cannot be retried: {}", execution_id, why));
  };
  if (record.state != WorkflowState::failed && record.state != WorkflowState::cancelled) {
    refuse(is_end(record.state) ? "it did not fail" : "it is running");
  }
  if (latest(record.workflow_id) != execution_id) refuse("it was retried already, or its workflow id is open again");
  const auto event = turn_to_retry(known);
  if (!event) {
    return start(record.workflow_type, record.workflow_id, record.input, {.priority = record.priority});
  }
  return reset(execution_id, *event);
}

Execution Executions::reset(const std::string& execution_id, std::int64_t event_id) {
  service::ResetWorkflowExecutionRequest request;
  request.set_namespace_(client_.name_space());
  request.set_identity(client_.identity());
  *request.mutable_workflow_execution() = execution_of(execution_id);
  request.set_reason("retried from the failed step");
  request.set_workflow_task_finish_event_id(event_id);
  request.set_request_id("retry of " + execution_id);
  request.add_reset_reapply_exclude_types(api::enums::v1::RESET_REAPPLY_EXCLUDE_TYPE_UPDATE);
  const auto answer = client_.call<service::ResetWorkflowExecutionResponse>("ResetWorkflowExecution", request);
  const auto& workflow_id = request.workflow_execution().workflow_id();
  return {workflow_id, execution_id_of(workflow_id, answer.run_id())};
}

WorkflowDescription Executions::describe(const std::string& execution_id, const Description& seen) {
  auto known = history(execution_id);
  for (const auto& activity : seen.pending_activities()) {
    Event event{.kind = EventKind::attempt_failed};
    try {
      event.sequence = static_cast<Sequence>(std::stoul(activity.activity_id()));
      if (activity.heartbeat_details().payloads().empty()) continue;
      const auto details = meta::from_json<HeartbeatDetails>(first_payload(activity.heartbeat_details()));
      for (const auto& failed : details.failed.last) {
        event.attempt = failed.attempt;
        event.started_at = meta::Time(std::chrono::microseconds(failed.started_at));
        event.at = meta::Time(std::chrono::microseconds(failed.ended_at));
        event.payload = meta::to_json(failed.failure);
        known.events.push_back(event);
      }
      if (details.told) {
        known.events.push_back({.kind = EventKind::heartbeat_recorded,
                                .sequence = event.sequence,
                                .at = time_of(activity.last_heartbeat_time()),
                                .payload = *details.told});
      }
    } catch (const std::exception&) {
      continue;  // another program's activity
    }
  }
  return describe_history(known.record, known.events);
}

}  // namespace wellhead::orchestration::temporal_engine
