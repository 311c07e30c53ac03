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
      step.result = event.payload;
      end(step, State::completed, event);
      break;
    case EventKind::activity_failed:
      step.attempts.push_back(attempt_of(event));
      end(step, State::failed, event);
      break;
    case EventKind::timer_fired:
      end(step, State::completed, event);
      break;
    case EventKind::activity_cancelled:
    case EventKind::timer_cancelled:
      end(step, State::cancelled, event);
      break;
    default:
      break;
  }
}

std::vector<StepDescription> steps_of(std::span<const Event> history) {
  std::vector<StepDescription> steps;
  for (const Event& event : history) {
    if (event.kind == EventKind::activity_scheduled || event.kind == EventKind::timer_started) {
      const bool timer = event.kind == EventKind::timer_started;
      steps.push_back({.sequence = event.sequence,
                       .name = timer ? "sleep" : event.name,
                       .input = event.payload,
                       .scheduled_at = event.at});
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
          .input = record.input,
          .result = record.result,
          .failure = record.failure,
          .created_at = record.created_at,
          .started_at = record.started_at,
          .ended_at = record.ended_at,
          .steps = steps_of(history)};
}

}  // namespace wellhead::orchestration
