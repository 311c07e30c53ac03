#include "library/orchestration/embedded/open_workflow.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::embedded {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kHeartbeatInterval{1000};
constexpr milliseconds kNoLimit{0};

WorkflowState end_state_of(const Command& last) {
  if (std::holds_alternative<CompleteWorkflow>(last)) return WorkflowState::completed;
  if (std::holds_alternative<FailWorkflow>(last)) return WorkflowState::failed;
  if (std::holds_alternative<ContinueAsNew>(last)) return WorkflowState::continued;
  return WorkflowState::cancelled;
}

}  // namespace

OpenWorkflow::OpenWorkflow(Surroundings& surroundings, WorkflowRecord record)
    : surroundings_(surroundings), record_(std::move(record)) {}

void OpenWorkflow::give(Job job, meta::Time at) {
  events_.push_back(to_event(job, at));
  jobs_.push_back(std::move(job));
}

void OpenWorkflow::initialize() {
  const meta::Time now = meta::SystemClock().now();
  give(InitializeWorkflow{record_.input, record_.random_seed}, now);
  if (record_.cancel_requested) cancel();
}

void OpenWorkflow::begin() {
  new_state_ = WorkflowState::running;
  try {
    run_ = std::make_unique<WorkflowRun>(
        surroundings_.registry, WorkflowInfo{record_.workflow_type, record_.workflow_id, record_.execution_id});
    initialize();
  } catch (...) {
    blocked_ = to_failure(std::current_exception());
  }
}

void OpenWorkflow::recover(std::span<const Event> history, bool first) {
  if (history.empty()) return begin();
  if (first) new_state_ = WorkflowState::running;
  last_event_ = history.back().number;
  try {
    run_ = std::make_unique<WorkflowRun>(
        surroundings_.registry, WorkflowInfo{record_.workflow_type, record_.workflow_id, record_.execution_id});
    cancelled_ = std::ranges::find(history, EventKind::cancel_requested, &Event::kind) != history.end();
    restore(replay(*run_, history, record_.random_seed));
    if (record_.cancel_requested) cancel();
  } catch (...) {
    blocked_ = to_failure(std::current_exception());
  }
}

void OpenWorkflow::restore(ReplayedState state) {
  for (const auto& [sequence, activity] : state.activities) require_activity(activity.command.activity);
  jobs_ = std::move(state.undelivered);
  children_ = std::move(state.children);
  for (auto& [sequence, activity] : state.activities) {
    Step& step = steps_[sequence];
    step.command = std::move(activity.command);
    step.scheduled_at = activity.scheduled_at;
    step.attempt = activity.failed_attempts + 1;
    step.last_heartbeat = std::move(activity.last_heartbeat);
    set_deadlines(step);
    submit(step);
  }
  for (const auto& [sequence, timer] : state.timers) {
    timers_[sequence] = timer.due;
    surroundings_.set_alarm(timer.due, {record_.execution_id, sequence, Alarm::Kind::timer});
  }
}

void OpenWorkflow::block(const Failure& failure) { blocked_ = failure; }

void OpenWorkflow::require_activity(const std::string& name) const {
  if (surroundings_.registry.activity(name) != nullptr) return;
  throw meta::Error(meta::ErrorCode::not_found, fmt::format("this program knows no activity '{}'", name),
                    "Start the version that does; the workflow goes on from there");
}

OpenWorkflow::Step* OpenWorkflow::find_attempt(const ActivityInfo& info) {
  const auto step = steps_.find(info.sequence);
  return step == steps_.end() || step->second.attempt != info.attempt ? nullptr : &step->second;
}

void OpenWorkflow::note_start(const ActivityStart& start) {
  Step* step = find_attempt(start.info);
  if (step == nullptr) return;
  step->started_at = step->last_sign = start.at;
  const auto& options = step->command.options;
  const auto set = [&](Alarm::Kind kind, milliseconds limit) {
    if (limit == kNoLimit) return;
    surroundings_.set_alarm(start.at + limit, {record_.execution_id, start.info.sequence, kind, start.info.attempt});
  };
  set(Alarm::Kind::start_to_close, options.start_to_close);
  set(Alarm::Kind::heartbeat, options.heartbeat_timeout);
}

void OpenWorkflow::note_heartbeat(const ActivityHeartbeat& heartbeat) {
  Step* step = find_attempt(heartbeat.info);
  if (step == nullptr) return;
  step->last_sign = heartbeat.at;
  if (step->last_heartbeat == heartbeat.details) return;
  step->last_heartbeat = heartbeat.details;
  events_.push_back({.kind = EventKind::heartbeat_recorded,
                     .sequence = heartbeat.info.sequence,
                     .attempt = heartbeat.info.attempt,
                     .at = heartbeat.at,
                     .payload = heartbeat.details});
}

void OpenWorkflow::resolve(ActivityEnd end) {
  Step* step = find_attempt(end.info);
  if (step == nullptr) return;
  if (const auto* error = std::get_if<std::exception_ptr>(&end.outcome)) return fail_attempt(*step, end, *error, false);
  give(ResolveActivity{end.info.sequence, StepCompleted{std::get<Payload>(std::move(end.outcome))}}, end.ended_at);
  events_.back().attempt = end.info.attempt;
  events_.back().started_at = end.started_at;
  steps_.erase(end.info.sequence);
}

void OpenWorkflow::fail_attempt(Step& step, const ActivityEnd& end, const std::exception_ptr& error, bool final) {
  Failure failure = to_failure(error);
  failure.step = step.command.activity;
  failure.sequence = end.info.sequence;
  const RetryPolicy& policy = step.command.options.retry;
  const meta::Error failed = to_error(failure);
  const bool again = !final && policy.allows_another(failed, step.attempt);
  Job job = ResolveActivity{end.info.sequence, StepFailed{failure}};
  Event event = to_event(job, end.ended_at);
  event.attempt = end.info.attempt;
  event.started_at = end.started_at;
  if (again) event.kind = EventKind::attempt_failed;
  events_.push_back(std::move(event));
  if (!again) {
    jobs_.push_back(std::move(job));
    steps_.erase(end.info.sequence);
    return;
  }
  const auto wait = policy.wait_after(failed, step.attempt, std::uniform_real_distribution<>()(surroundings_.jitter));
  spdlog::warn("{}: {} failed, attempt {} follows in {} ms: {}", end.info.workflow_id, end.info.activity,
               step.attempt + 1, wait.count(), failed.what());
  ++step.attempt;
  if (end.last_heartbeat) step.last_heartbeat = end.last_heartbeat;
  step.started_at = step.last_sign = std::nullopt;
  surroundings_.set_alarm(end.ended_at + wait,
                          {record_.execution_id, end.info.sequence, Alarm::Kind::retry, step.attempt});
}

void OpenWorkflow::resolve_stopping(ActivityEnd end) {
  if (std::holds_alternative<Payload>(end.outcome)) return resolve(std::move(end));
  if (end.last_heartbeat) note_heartbeat({end.info, *end.last_heartbeat, end.ended_at});
}

void OpenWorkflow::resolve_child(Sequence sequence, StepOutcome outcome) {
  if (children_.erase(sequence) > 0) give(ResolveChild{sequence, std::move(outcome)}, meta::SystemClock().now());
}

void OpenWorkflow::cancel() {
  if (std::exchange(cancelled_, true)) return;
  give(CancelWorkflow{}, meta::SystemClock().now());
}

void OpenWorkflow::signal(const Notices::Signal& signal) {
  if (std::ranges::find(signals_, signal.id) != signals_.end()) return;
  signals_.push_back(signal.id);
  give(SignalWorkflow{signal.name, signal.payload}, meta::SystemClock().now());
}

void OpenWorkflow::set_paused(bool paused) {
  if (record_.paused == paused) return;
  record_.paused = paused;
  spdlog::info("{} is {}", record_.workflow_id, paused ? "paused" : "resumed");
  if (paused) {
    for (const Sequence sequence : surroundings_.withdraw(record_.execution_id)) {
      const auto step = steps_.find(sequence);
      if (step != steps_.end()) step->second.held = true;
    }
    return;
  }
  for (auto& [sequence, step] : steps_) {
    if (std::exchange(step.held, false)) submit(step);
  }
}

void OpenWorkflow::ring(const Alarm& alarm, meta::Time now) {
  if (alarm.kind == Alarm::Kind::timer) {
    if (timers_.erase(alarm.sequence) > 0) give(FireTimer{alarm.sequence}, now);
    return;
  }
  if (alarm.kind != Alarm::Kind::retry) return time_out(alarm, now);
  const auto step = steps_.find(alarm.sequence);
  if (step != steps_.end() && step->second.attempt == alarm.attempt) submit(step->second);
}

// Whether the alarm's limit has really passed: a heartbeat may have moved it.
bool OpenWorkflow::is_late(const Step& step, const Alarm& alarm, meta::Time now) const {
  if (alarm.kind == Alarm::Kind::schedule_to_close) return true;
  if (step.attempt != alarm.attempt || !step.started_at) return false;
  if (alarm.kind == Alarm::Kind::start_to_close) return true;
  const meta::Time due = *step.last_sign + step.command.options.heartbeat_timeout;
  if (due <= now) return true;
  surroundings_.set_alarm(due, alarm);
  return false;
}

void OpenWorkflow::time_out(const Alarm& alarm, meta::Time now) {
  const auto found = steps_.find(alarm.sequence);
  if (found == steps_.end() || !is_late(found->second, alarm, now)) return;
  Step& step = found->second;
  const bool final = alarm.kind == Alarm::Kind::schedule_to_close;
  const auto& options = step.command.options;
  const char* limit = final                                  ? "schedule-to-close"
                      : alarm.kind == Alarm::Kind::heartbeat ? "heartbeat"
                                                             : "start-to-close";
  const auto length = final                                  ? options.schedule_to_close
                      : alarm.kind == Alarm::Kind::heartbeat ? options.heartbeat_timeout
                                                             : options.start_to_close;
  const meta::Error error(meta::ErrorCode::activity_timeout,
                          fmt::format("{} passed its {} limit of {} ms in attempt {}", step.command.activity, limit,
                                      length.count(), step.attempt));
  step.stop.request_stop();
  step.stop = {};
  ActivityEnd end{.started_at = step.started_at.value_or(step.scheduled_at), .ended_at = now};
  end.info = {.workflow_id = record_.workflow_id,
              .execution_id = record_.execution_id,
              .activity = step.command.activity,
              .sequence = alarm.sequence,
              .attempt = step.attempt};
  fail_attempt(step, end, std::make_exception_ptr(error), final);
}

void OpenWorkflow::run_turn(meta::Time now) {
  if (jobs_.empty() || blocked_ || record_.paused) return;
  try {
    std::vector<Command> commands = run_->activate({.now = now, .jobs = std::exchange(jobs_, {})});
    require_activities(commands);
    turn_at_ = now;
    events_.push_back({.kind = EventKind::activation, .at = now});
    for (const Command& command : commands) events_.push_back(to_event(command, now));
    commands_ = std::move(commands);
  } catch (...) {
    // The jobs' events stay: they are journaled, and given to the workflow again once it can go on.
    blocked_ = to_failure(std::current_exception());
    return;
  }
  if (run_->ended()) new_state_ = end_state_of(commands_.back());
}

void OpenWorkflow::require_activities(const std::vector<Command>& commands) const {
  for (const Command& command : commands) {
    if (const auto* schedule = std::get_if<ScheduleActivity>(&command)) require_activity(schedule->activity);
  }
}

std::optional<JournalEntry> OpenWorkflow::take_entry() {
  if (events_.empty() && !new_state_ && !blocked_) return std::nullopt;
  for (Event& event : events_) event.number = ++last_event_;
  JournalEntry entry{.execution_id = record_.execution_id,
                     .events = std::exchange(events_, {}),
                     .state = new_state_,
                     .blocked = blocked_,
                     .signals = std::exchange(signals_, {})};
  for (const Command& command : commands_) {
    if (const auto* cancelled = std::get_if<RequestCancelChild>(&command)) {
      entry.cancelled_children.push_back(cancelled->sequence);
    }
  }
  const bool ends = new_state_ && is_end(*new_state_);
  entry.closes_children = ends && *new_state_ != WorkflowState::continued && !children_.empty();
  if (!ends) new_state_.reset();
  return entry;
}

bool OpenWorkflow::dispatch() {
  if (blocked_) {
    spdlog::error("workflow {} is blocked: {}", record_.workflow_id, blocked_->message);
  } else if (!run_->ended()) {
    record_.state = WorkflowState::running;
    for (const Command& command : std::exchange(commands_, {})) execute(command);
    return true;
  }
  for (auto& [sequence, step] : steps_) step.stop.request_stop();
  surroundings_.withdraw(record_.execution_id);
  return false;
}

void OpenWorkflow::execute(const Command& command) {
  if (const auto* activity = std::get_if<ScheduleActivity>(&command)) {
    schedule(*activity);
  } else if (const auto* start = std::get_if<StartTimer>(&command)) {
    const meta::Time due = turn_at_ + start->duration;
    timers_[start->sequence] = due;
    surroundings_.set_alarm(due, {record_.execution_id, start->sequence, Alarm::Kind::timer});
  } else if (const auto* child = std::get_if<StartChild>(&command)) {
    children_[child->sequence] = *child;
  } else if (const auto* activity_given_up = std::get_if<RequestCancelActivity>(&command)) {
    give_up_step(activity_given_up->sequence);
  } else if (const auto* timer = std::get_if<CancelTimer>(&command)) {
    timers_.erase(timer->sequence);
  } else if (const auto* child_given_up = std::get_if<RequestCancelChild>(&command)) {
    children_.erase(child_given_up->sequence);
  }
}

void OpenWorkflow::schedule(const ScheduleActivity& command) {
  Step& step = steps_[command.sequence];
  step.command = command;
  step.scheduled_at = turn_at_;
  set_deadlines(step);
  submit(step);
}

void OpenWorkflow::set_deadlines(const Step& step) {
  const auto limit = step.command.options.schedule_to_close;
  if (limit == kNoLimit) return;
  surroundings_.set_alarm(step.scheduled_at + limit,
                          {record_.execution_id, step.command.sequence, Alarm::Kind::schedule_to_close});
}

void OpenWorkflow::give_up_step(Sequence sequence) {
  const auto step = steps_.find(sequence);
  if (step == steps_.end()) return;
  step->second.stop.request_stop();
  steps_.erase(step);
}

void OpenWorkflow::submit(Step& step) {
  if (record_.paused) {
    step.held = true;
    return;
  }
  const auto& options = step.command.options;
  const bool silence_matters = options.heartbeat_timeout != kNoLimit;
  surroundings_.submit({.info = {.workflow_id = record_.workflow_id,
                                 .execution_id = record_.execution_id,
                                 .activity = step.command.activity,
                                 .sequence = step.command.sequence,
                                 .attempt = step.attempt,
                                 .lease_epoch = surroundings_.lease_epoch},
                        .task_queue = options.task_queue,
                        .priority = record_.priority,
                        .function = surroundings_.registry.activity(step.command.activity),
                        .input = step.command.input,
                        .last_heartbeat = step.last_heartbeat,
                        .tell_start = silence_matters || options.start_to_close != kNoLimit,
                        .heartbeat_interval = silence_matters
                                                  ? std::min(kHeartbeatInterval, options.heartbeat_timeout / 3)
                                                  : kHeartbeatInterval,
                        .stop = step.stop});
}

Payload OpenWorkflow::query(const std::string& name) {
  if (blocked_ || !run_) {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("workflow {} is blocked", record_.workflow_id));
  }
  return run_->query(name);
}

std::optional<StepOutcome> OpenWorkflow::outcome() const {
  const Command& last = commands_.back();
  if (const auto* completed = std::get_if<CompleteWorkflow>(&last)) return StepCompleted{completed->result};
  if (const auto* failed = std::get_if<FailWorkflow>(&last)) return StepFailed{failed->failure};
  if (std::holds_alternative<CancelWorkflowExecution>(last)) return StepCancelled{};
  return std::nullopt;
}

}  // namespace wellhead::orchestration::embedded
