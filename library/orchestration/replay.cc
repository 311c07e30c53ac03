#include "library/orchestration/replay.h"

#include <fmt/format.h>

#include <utility>

#include "library/meta/digest.h"

namespace wellhead::orchestration {
namespace {

Job to_job(const Event& event, std::uint64_t seed) {
  switch (event.kind) {
    case EventKind::workflow_started:
      return InitializeWorkflow{event.payload, seed};
    case EventKind::activity_completed:
      return ResolveActivity{event.sequence, StepCompleted{event.payload}};
    case EventKind::activity_failed:
      return ResolveActivity{event.sequence, StepFailed{meta::from_json<Failure>(event.payload)}};
    case EventKind::timer_fired:
      return FireTimer{event.sequence};
    case EventKind::child_completed:
      return ResolveChild{event.sequence, StepCompleted{event.payload}};
    case EventKind::child_failed:
      return ResolveChild{event.sequence, StepFailed{meta::from_json<Failure>(event.payload)}};
    case EventKind::signal_received:
      return SignalWorkflow{event.name, event.payload};
    default:
      return CancelWorkflow{};
  }
}

StartChild child_of(const Event& event) {
  const auto start = meta::from_json<ChildStart>(event.payload);
  const auto policy = start.on_parent_close == to_string(ParentClosePolicy::abandon)
                          ? ParentClosePolicy::abandon
                          : ParentClosePolicy::request_cancel;
  return {event.sequence, event.name, start.workflow_id, start.input, policy};
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
    case EventKind::child_started:
      return describe(Command(child_of(event)));
    case EventKind::child_cancelled:
      return describe(Command(RequestCancelChild{event.sequence}));
    case EventKind::patch_marked:
      return describe(Command(SetPatchMarker{event.name}));
    case EventKind::workflow_continued:
      return describe(Command(ContinueAsNew{}));
    default:
      return std::string(to_string(event.kind));
  }
}

// Walks through a history turn by turn.
class Replayer {
 public:
  Replayer(WorkflowRun& run, std::span<const Event> history, std::uint64_t seed)
      : run_(run), history_(history), seed_(seed) {
    for (const Event& event : history_) {
      if (event.kind == EventKind::patch_marked) jobs_.emplace_back(NotifyHasPatch{event.name});
    }
  }

  ReplayedState replay() {
    while (next_ < history_.size()) {
      const Event& event = history_[next_++];
      state_.last_event = event.number;
      note_outcome(event);
      if (is_job(event.kind)) {
        jobs_.push_back(to_job(event, seed_));
      } else if (event.kind == EventKind::activation) {
        compare_turn(run_.activate({.now = event.at,
                                    .replaying = true,
                                    .continue_as_new_suggested = event.payload == kContinueAsNewSuggested,
                                    .jobs = std::exchange(jobs_, {})}));
      } else if (is_command(event.kind)) {
        differ(event.number, describe(event), "nothing");
      }
    }
    std::erase_if(jobs_, [](const Job& job) { return std::holds_alternative<NotifyHasPatch>(job); });
    state_.undelivered = std::move(jobs_);
    return std::move(state_);
  }

 private:
  // The commands of a turn follow its activation; notes may stand between them.
  void compare_turn(const std::vector<Command>& commands) {
    for (const Command& command : commands) {
      while (next_ < history_.size() && is_note(history_[next_].kind)) note_outcome(history_[next_++]);
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
    } else if (std::holds_alternative<StartChild>(command)) {
      state_.children[event.sequence] = child_of(event);
    } else {
      close_step(event.sequence);
    }
  }

  void close_step(Sequence sequence) {
    state_.activities.erase(sequence);
    state_.timers.erase(sequence);
    state_.children.erase(sequence);
  }

  void note_outcome(const Event& event) {
    state_.last_event = event.number;
    if (is_job(event.kind)) return close_step(event.sequence);
    if (event.kind == EventKind::retried) {
      for (auto& [sequence, activity] : state_.activities) activity.failed_attempts = 0;
    }
    const auto open = state_.activities.find(event.sequence);
    if (open == state_.activities.end()) return;
    if (event.kind == EventKind::attempt_failed) ++open->second.failed_attempts;
    if (event.kind == EventKind::heartbeat_recorded) open->second.last_heartbeat = event.payload;
  }

  [[noreturn]] void differ(std::int64_t number, const std::string& recorded, const std::string& does) const {
    throw meta::Error(meta::ErrorCode::nondeterminism,
                      fmt::format("workflow {} ({}), event {}: its history says \"{}\", its code does \"{}\"",
                                  run_.info().workflow_id, run_.info().workflow_type, number, recorded, does),
                      "Start the version that began it; it goes on from there");
  }

  WorkflowRun& run_;
  std::span<const Event> history_;
  std::uint64_t seed_;
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
  Event operator()(const StartChild& command) const {
    return {.kind = EventKind::child_started,
            .sequence = command.sequence,
            .name = command.workflow_type,
            .payload = meta::to_json(
                ChildStart{command.workflow_id, command.input, std::string(to_string(command.on_parent_close))})};
  }
  Event operator()(const RequestCancelChild& command) const {
    return {.kind = EventKind::child_cancelled, .sequence = command.sequence};
  }
  Event operator()(const SetPatchMarker& command) const {
    return {.kind = EventKind::patch_marked, .name = command.patch};
  }
  Event operator()(const ContinueAsNew& command) const {
    return {.kind = EventKind::workflow_continued, .payload = command.input};
  }
};

struct JobEvent {
  Event operator()(const InitializeWorkflow& job) const {
    return {.kind = EventKind::workflow_started, .payload = job.input};
  }
  Event operator()(const FireTimer& job) const { return {.kind = EventKind::timer_fired, .sequence = job.sequence}; }
  Event operator()(const CancelWorkflow&) const { return {.kind = EventKind::cancel_requested}; }
  Event operator()(const ResolveActivity& job) const {
    return outcome(job.sequence, job.outcome, EventKind::activity_completed, EventKind::activity_failed);
  }
  Event operator()(const ResolveChild& job) const {
    return outcome(job.sequence, job.outcome, EventKind::child_completed, EventKind::child_failed);
  }
  Event operator()(const SignalWorkflow& job) const {
    return {.kind = EventKind::signal_received, .name = job.name, .payload = job.payload};
  }
  Event operator()(const NotifyHasPatch&) const {
    throw meta::Error(meta::ErrorCode::internal, "what a history says of patches is not journaled again");
  }
  Event operator()(const UpdateRandomSeed&) const {
    throw meta::Error(meta::ErrorCode::internal, "a journal knows one random seed an execution");
  }

  static Event outcome(Sequence sequence, const StepOutcome& outcome, EventKind completed, EventKind failed) {
    if (const auto* result = std::get_if<StepCompleted>(&outcome)) {
      return {.kind = completed, .sequence = sequence, .payload = result->result};
    }
    Failure failure{.code = "cancelled", .message = "the step was cancelled"};
    if (const auto* error = std::get_if<StepFailed>(&outcome)) failure = error->failure;
    return {.kind = failed, .sequence = sequence, .payload = meta::to_json(failure)};
  }
};

}  // namespace

ReplayedState replay(WorkflowRun& run, std::span<const Event> history, std::optional<std::uint64_t> seed) {
  return Replayer(run, history, seed.value_or(random_seed(run.info().execution_id))).replay();
}

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
