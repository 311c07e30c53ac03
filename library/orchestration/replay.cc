#include "library/orchestration/replay.h"

#include <fmt/format.h>

#include <utility>

#include "library/meta/digest.h"

namespace wellhead::orchestration {
namespace {

bool is_job(EventKind kind) { return kind <= EventKind::cancel_requested; }
bool is_command(EventKind kind) { return kind > EventKind::activation && kind < EventKind::attempt_failed; }

Job to_job(const Event& event, const WorkflowInfo& info) {
  switch (event.kind) {
    case EventKind::workflow_started:
      return InitializeWorkflow{event.payload, random_seed(info.execution_id)};
    case EventKind::activity_completed:
      return ResolveActivity{event.sequence, ActivityCompleted{event.payload}};
    case EventKind::activity_failed:
      return ResolveActivity{event.sequence, ActivityFailed{meta::from_json<Failure>(event.payload)}};
    case EventKind::timer_fired:
      return FireTimer{event.sequence};
    default:
      return CancelWorkflow{};
  }
}

std::string describe(const Event& event) {
  switch (event.kind) {
    case EventKind::activity_scheduled:
      return describe(Command(ScheduleActivity{event.sequence, event.name, {}, {}}));
    case EventKind::activity_cancelled:
      return describe(Command(RequestCancelActivity{event.sequence}));
    case EventKind::timer_started:
      return describe(Command(StartTimer{event.sequence, {}}));
    case EventKind::timer_cancelled:
      return describe(Command(CancelTimer{event.sequence}));
    case EventKind::workflow_completed:
      return describe(Command(CompleteWorkflow{}));
    case EventKind::workflow_failed:
      return describe(Command(FailWorkflow{}));
    case EventKind::workflow_cancelled:
      return describe(Command(CancelWorkflowExecution{}));
    default:
      return std::string(to_string(event.kind));
  }
}

// Walks through a history turn by turn.
class Replayer {
 public:
  Replayer(WorkflowRun& run, std::span<const Event> history) : run_(run), history_(history) {}

  ReplayedState replay() {
    while (next_ < history_.size()) {
      const Event& event = history_[next_++];
      state_.last_event = event.number;
      note_outcome(event);
      if (is_job(event.kind)) {
        jobs_.push_back(to_job(event, run_.info()));
      } else if (event.kind == EventKind::activation) {
        compare_turn(run_.activate({.now = event.at, .replaying = true, .jobs = std::exchange(jobs_, {})}));
      } else if (is_command(event.kind)) {
        differ(event.number, describe(event), "nothing");
      }
    }
    state_.undelivered = std::move(jobs_);
    return std::move(state_);
  }

 private:
  // The commands of a turn follow its activation; notes may stand between them.
  void compare_turn(const std::vector<Command>& commands) {
    for (const Command& command : commands) {
      while (next_ < history_.size() && history_[next_].kind == EventKind::attempt_failed)
        note_outcome(history_[next_++]);
      const bool recorded = next_ < history_.size() && is_command(history_[next_].kind);
      const std::string does = describe(command);
      if (!recorded) differ(state_.last_event + 1, "nothing", does);
      const Event& event = history_[next_++];
      if (describe(event) != does) differ(event.number, describe(event), does);
      state_.last_event = event.number;
      note_command(command, event);
    }
  }

  void note_command(const Command& command, const Event& event) {
    if (const auto* activity = std::get_if<ScheduleActivity>(&command)) {
      OpenActivity& open = state_.activities[activity->sequence];
      open.command = *activity;
      open.command.input = event.payload;
      open.scheduled_at = event.at;
    } else if (const auto* timer = std::get_if<StartTimer>(&command)) {
      const std::chrono::milliseconds duration(meta::from_json<std::int64_t>(event.payload));
      state_.timers[timer->sequence] = {timer->sequence, event.at + duration};
    } else {
      state_.activities.erase(event.sequence);
      state_.timers.erase(event.sequence);
    }
  }

  void note_outcome(const Event& event) {
    state_.last_event = event.number;
    if (event.kind == EventKind::attempt_failed) {
      const auto open = state_.activities.find(event.sequence);
      if (open != state_.activities.end()) ++open->second.failed_attempts;
    } else if (is_job(event.kind)) {
      state_.activities.erase(event.sequence);
      state_.timers.erase(event.sequence);
    }
  }

  [[noreturn]] void differ(std::int64_t number, const std::string& recorded, const std::string& does) const {
    throw meta::Error(meta::ErrorCode::nondeterminism,
                      fmt::format("workflow {} ({}), event {}: its history says \"{}\", its code does \"{}\"",
                                  run_.info().workflow_id, run_.info().workflow_type, number, recorded, does),
                      "Start the version that began it; it goes on from there");
  }

  WorkflowRun& run_;
  std::span<const Event> history_;
  std::size_t next_ = 0;
  std::vector<Job> jobs_;
  ReplayedState state_;
};

struct CommandEvent {
  Event operator()(const ScheduleActivity& command) const {
    return {.kind = EventKind::activity_scheduled,
            .sequence = command.sequence,
            .name = command.activity,
            .payload = command.input};
  }
  Event operator()(const RequestCancelActivity& command) const {
    return {.kind = EventKind::activity_cancelled, .sequence = command.sequence};
  }
  Event operator()(const StartTimer& command) const {
    return {.kind = EventKind::timer_started,
            .sequence = command.sequence,
            .payload = meta::to_json(static_cast<std::int64_t>(command.duration.count()))};
  }
  Event operator()(const CancelTimer& command) const {
    return {.kind = EventKind::timer_cancelled, .sequence = command.sequence};
  }
  Event operator()(const CompleteWorkflow& command) const {
    return {.kind = EventKind::workflow_completed, .payload = command.result};
  }
  Event operator()(const FailWorkflow& command) const {
    return {.kind = EventKind::workflow_failed, .payload = meta::to_json(command.failure)};
  }
  Event operator()(const CancelWorkflowExecution&) const { return {.kind = EventKind::workflow_cancelled}; }
};

struct JobEvent {
  Event operator()(const InitializeWorkflow& job) const {
    return {.kind = EventKind::workflow_started, .payload = job.input};
  }
  Event operator()(const FireTimer& job) const { return {.kind = EventKind::timer_fired, .sequence = job.sequence}; }
  Event operator()(const CancelWorkflow&) const { return {.kind = EventKind::cancel_requested}; }
  Event operator()(const ResolveActivity& job) const {
    if (const auto* completed = std::get_if<ActivityCompleted>(&job.outcome)) {
      return {.kind = EventKind::activity_completed, .sequence = job.sequence, .payload = completed->result};
    }
    Failure failure{.code = "cancelled", .message = "the activity was cancelled"};
    if (const auto* failed = std::get_if<ActivityFailed>(&job.outcome)) failure = failed->failure;
    return {.kind = EventKind::activity_failed, .sequence = job.sequence, .payload = meta::to_json(failure)};
  }
};

}  // namespace

ReplayedState replay(WorkflowRun& run, std::span<const Event> history) { return Replayer(run, history).replay(); }

std::uint64_t random_seed(const std::string& execution_id) { return meta::row_digest(execution_id).low; }

Event to_event(const Job& job, meta::Time at) {
  Event event = std::visit(JobEvent{}, job);
  event.at = at;
  return event;
}

Event to_event(const Command& command, meta::Time at) {
  Event event = std::visit(CommandEvent{}, command);
  event.at = at;
  return event;
}

}  // namespace wellhead::orchestration
