// Histories as people read them: one entry a step, with its attempts.
#include <algorithm>

#include "library/orchestration/replay.h"

namespace wellhead::orchestration {
namespace {

using State = StepDescription::State;

AttemptDescription attempt_of(const Event& event) {
  AttemptDescription attempt{.attempt = event.attempt, .started_at = event.started_at, .ended_at = event.at};
  if (event.kind != EventKind::activity_completed) attempt.failure = meta::from_json<Failure>(event.payload);
  return attempt;
}

void end(StepDescription& step, State state, const Event& event) {
  step.state = state;
  step.ended_at = event.at;
}

void add_outcome(StepDescription& step, const Event& event) {
  switch (event.kind) {
    case EventKind::attempt_failed:
      step.attempts.push_back(attempt_of(event));
      break;
    case EventKind::activity_completed:
      step.attempts.push_back(attempt_of(event));
      [[fallthrough]];
    case EventKind::child_completed:
      step.result = event.payload;
      end(step, State::completed, event);
      break;
    case EventKind::activity_failed:
    case EventKind::child_failed:
      step.attempts.push_back(attempt_of(event));
      end(step, State::failed, event);
      break;
    case EventKind::timer_fired:
      end(step, State::completed, event);
      break;
    case EventKind::heartbeat_recorded:
      step.heartbeat = event.payload;
      break;
    case EventKind::activity_cancelled:
    case EventKind::timer_cancelled:
    case EventKind::child_cancelled:
      end(step, State::cancelled, event);
      break;
    default:
      break;
  }
}

std::optional<StepDescription> step_of(const Event& event) {
  using enum StepDescription::Kind;
  StepDescription step{
      .sequence = event.sequence, .name = event.name, .input = event.payload, .scheduled_at = event.at};
  switch (event.kind) {
    case EventKind::activity_scheduled:
      return step;
    case EventKind::timer_started:
      step.kind = timer;
      step.name = "sleep";
      return step;
    case EventKind::child_started: {
      auto start = meta::from_json<ChildStart>(event.payload);
      step.kind = child;
      step.child_workflow_id = std::move(start.workflow_id);
      step.input = std::move(start.input);
      return step;
    }
    default:
      return std::nullopt;
  }
}

std::vector<StepDescription> steps_of(std::span<const Event> history) {
  std::vector<StepDescription> steps;
  for (const Event& event : history) {
    if (auto scheduled = step_of(event)) {
      steps.push_back(std::move(*scheduled));
    } else if (event.sequence != 0) {
      const auto step = std::ranges::lower_bound(steps, event.sequence, {}, &StepDescription::sequence);
      if (step != steps.end() && step->sequence == event.sequence) add_outcome(*step, event);
    }
  }
  return steps;
}

}  // namespace

WorkflowDescription describe_history(const WorkflowRecord& record, std::span<const Event> history) {
  return {.workflow_type = record.workflow_type,
          .workflow_id = record.workflow_id,
          .execution_id = record.execution_id,
          .state = record.state,
          .blocked = record.blocked,
          .paused = record.paused,
          .priority = record.priority,
          .previous = record.previous,
          .retried = record.retried,
          .input = record.input,
          .result = record.result,
          .failure = record.failure,
          .created_at = record.created_at,
          .started_at = record.started_at,
          .ended_at = record.ended_at,
          .steps = steps_of(history)};
}

}  // namespace wellhead::orchestration
