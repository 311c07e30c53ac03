#include "library/orchestration/embedded/workflow_table.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::embedded {

WorkflowTable::WorkflowTable(const Registry& registry, std::int64_t lease_epoch, Submit submit)
    : registry_(registry), lease_epoch_(lease_epoch), submit_(std::move(submit)) {}

std::unique_ptr<WorkflowRun> WorkflowTable::make_run(const WorkflowRecord& record) const {
  return std::make_unique<WorkflowRun>(registry_,
                                       WorkflowInfo{record.workflow_type, record.workflow_id, record.execution_id});
}

void WorkflowTable::initialize(Open& open, const WorkflowRecord& record) {
  const meta::Time now = meta::SystemClock().now();
  const auto give = [&](const Job& job) {
    open.jobs.push_back(job);
    open.events.push_back(to_event(job, now));
  };
  give(InitializeWorkflow{record.input, random_seed(record.execution_id)});
  open.cancelled = record.cancel_requested;
  if (open.cancelled) give(CancelWorkflow{});
}

void WorkflowTable::begin(const WorkflowRecord& record) {
  Open& open = executions_[record.execution_id];
  open.new_state = WorkflowState::running;
  try {
    open.run = make_run(record);
    initialize(open, record);
  } catch (...) {
    open.blocked = to_failure(std::current_exception());
  }
}

void WorkflowTable::recover(const WorkflowRecord& record, std::span<const Event> history) {
  Open& open = executions_[record.execution_id];
  try {
    open.run = make_run(record);
    if (history.empty()) return initialize(open, record);
    open.cancelled =
        std::ranges::any_of(history, [](const Event& event) { return event.kind == EventKind::cancel_requested; });
    restore(record.execution_id, open, replay(*open.run, history));
  } catch (...) {
    open.blocked = to_failure(std::current_exception());
    open.last_event = history.empty() ? 0 : history.back().number;
  }
}

void WorkflowTable::restore(const std::string& execution_id, Open& open, ReplayedState state) {
  for (const auto& [sequence, activity] : state.activities) require_activity(activity.command.activity);
  open.last_event = state.last_event;
  open.jobs = std::move(state.undelivered);
  for (auto& [sequence, activity] : state.activities) {
    Step& step = open.steps[sequence];
    step.command = std::move(activity.command);
    step.attempt = activity.failed_attempts + 1;
    submit(open, step);
  }
  for (const auto& [sequence, timer] : state.timers) {
    open.timers[sequence] = timer.due;
    alarms_.emplace(timer.due, Alarm{execution_id, sequence, false});
  }
}

void WorkflowTable::require_activity(const std::string& name) const {
  if (registry_.activity(name) != nullptr) return;
  throw meta::Error(meta::ErrorCode::not_found, fmt::format("this program knows no activity '{}'", name),
                    "Start the version that does; the workflow goes on from there");
}

void WorkflowTable::resolve(ActivityEnd end) {
  const auto found = executions_.find(end.info.execution_id);
  if (found == executions_.end()) return;
  Open& open = found->second;
  const auto step = open.steps.find(end.info.sequence);
  if (step == open.steps.end() || step->second.attempt != end.info.attempt) return;
  if (const auto* error = std::get_if<std::exception_ptr>(&end.outcome)) {
    return fail_attempt(open, step->second, end, *error);
  }
  const Job job = ResolveActivity{end.info.sequence, ActivityCompleted{std::get<Payload>(std::move(end.outcome))}};
  Event event = to_event(job, end.ended_at);
  event.attempt = end.info.attempt;
  event.started_at = end.started_at;
  open.jobs.push_back(job);
  open.events.push_back(std::move(event));
  open.steps.erase(step);
}

void WorkflowTable::fail_attempt(Open& open, Step& step, const ActivityEnd& end, const std::exception_ptr& error) {
  Failure failure = to_failure(error);
  failure.step = step.command.activity;
  const Job job = ResolveActivity{end.info.sequence, ActivityFailed{failure}};
  Event event = to_event(job, end.ended_at);
  event.attempt = end.info.attempt;
  event.started_at = end.started_at;
  const RetryPolicy& policy = step.command.options.retry;
  const meta::Error failed = to_error(failure);
  if (!policy.allows_another(failed, step.attempt)) {
    open.jobs.push_back(job);
    open.events.push_back(std::move(event));
    open.steps.erase(end.info.sequence);
    return;
  }
  event.kind = EventKind::attempt_failed;
  open.events.push_back(std::move(event));
  const auto wait = policy.wait_after(failed, step.attempt, std::uniform_real_distribution<>()(jitter_));
  spdlog::warn("{}: {} failed, attempt {} follows in {} ms: {}", end.info.workflow_id, end.info.activity,
               step.attempt + 1, wait.count(), failed.what());
  ++step.attempt;
  step.last_heartbeat = end.last_heartbeat;
  alarms_.emplace(end.ended_at + wait, Alarm{end.info.execution_id, end.info.sequence, true});
}

void WorkflowTable::resolve_stopping(ActivityEnd end) {
  if (std::holds_alternative<Payload>(end.outcome)) resolve(std::move(end));
}

void WorkflowTable::cancel(const std::string& execution_id) {
  const auto found = executions_.find(execution_id);
  if (found == executions_.end() || std::exchange(found->second.cancelled, true)) return;
  found->second.jobs.emplace_back(CancelWorkflow{});
  found->second.events.push_back(to_event(Job(CancelWorkflow{}), meta::SystemClock().now()));
}

void WorkflowTable::ring(meta::Time now) {
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const Alarm alarm = std::move(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    const auto found = executions_.find(alarm.execution_id);
    if (found == executions_.end()) continue;
    Open& open = found->second;
    if (alarm.retry) {
      const auto step = open.steps.find(alarm.sequence);
      if (step != open.steps.end()) submit(open, step->second);
    } else if (open.timers.erase(alarm.sequence) > 0) {
      open.jobs.emplace_back(FireTimer{alarm.sequence});
      open.events.push_back(to_event(Job(FireTimer{alarm.sequence}), now));
    }
  }
}

std::optional<meta::Time> WorkflowTable::next_alarm() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->first;
}

std::vector<JournalEntry> WorkflowTable::run_turns(meta::Time now) {
  std::vector<JournalEntry> entries;
  for (auto& [execution_id, open] : executions_) {
    if (!open.jobs.empty() && !open.blocked) activate(open, now);
    if (auto entry = take_entry(execution_id, open)) entries.push_back(std::move(*entry));
  }
  return entries;
}

void WorkflowTable::activate(Open& open, meta::Time now) {
  try {
    std::vector<Command> commands = open.run->activate({.now = now, .jobs = std::exchange(open.jobs, {})});
    for (const Command& command : commands) {
      if (const auto* schedule = std::get_if<ScheduleActivity>(&command)) require_activity(schedule->activity);
    }
    open.turn_at = now;
    open.events.push_back({.kind = EventKind::activation, .at = now});
    for (const Command& command : commands) open.events.push_back(to_event(command, now));
    open.commands = std::move(commands);
  } catch (...) {
    // The jobs' events stay: they are journaled, and given to the workflow again once it can go on.
    open.blocked = to_failure(std::current_exception());
  }
  if (!open.run->ended() || open.blocked) return;
  const Command& last = open.commands.back();
  open.new_state = std::holds_alternative<CompleteWorkflow>(last) ? WorkflowState::completed
                   : std::holds_alternative<FailWorkflow>(last)   ? WorkflowState::failed
                                                                  : WorkflowState::cancelled;
}

std::optional<JournalEntry> WorkflowTable::take_entry(const std::string& execution_id, Open& open) {
  if (open.events.empty() && !open.new_state && !open.blocked) return std::nullopt;
  for (Event& event : open.events) event.number = ++open.last_event;
  return JournalEntry{execution_id, std::exchange(open.events, {}), std::exchange(open.new_state, std::nullopt),
                      open.blocked};
}

std::vector<std::string> WorkflowTable::dispatch() {
  std::vector<std::string> gone;
  for (auto& [execution_id, open] : executions_) {
    if (open.blocked) {
      spdlog::error("workflow is blocked: {}", open.blocked->message);
    } else if (!open.run->ended()) {
      for (const Command& command : std::exchange(open.commands, {})) execute(open, command);
      continue;
    }
    for (auto& [sequence, step] : open.steps) step.stop.request_stop();
    gone.push_back(execution_id);
  }
  for (const auto& execution_id : gone) executions_.erase(execution_id);
  return gone;
}

void WorkflowTable::execute(Open& open, const Command& command) {
  if (const auto* schedule = std::get_if<ScheduleActivity>(&command)) {
    Step& step = open.steps[schedule->sequence];
    step.command = *schedule;
    submit(open, step);
  } else if (const auto* start = std::get_if<StartTimer>(&command)) {
    const meta::Time due = open.turn_at + start->duration;
    open.timers[start->sequence] = due;
    alarms_.emplace(due, Alarm{open.run->info().execution_id, start->sequence, false});
  } else if (const auto* cancelled = std::get_if<RequestCancelActivity>(&command)) {
    const auto step = open.steps.find(cancelled->sequence);
    if (step == open.steps.end()) return;
    step->second.stop.request_stop();
    open.steps.erase(step);
  } else if (const auto* timer = std::get_if<CancelTimer>(&command)) {
    open.timers.erase(timer->sequence);
  }
}

void WorkflowTable::submit(const Open& open, const Step& step) {
  const WorkflowInfo& info = open.run->info();
  submit_(step.command.options.task_queue, {.info = {.workflow_id = info.workflow_id,
                                                     .execution_id = info.execution_id,
                                                     .activity = step.command.activity,
                                                     .sequence = step.command.sequence,
                                                     .attempt = step.attempt,
                                                     .lease_epoch = lease_epoch_},
                                            .function = registry_.activity(step.command.activity),
                                            .input = step.command.input,
                                            .last_heartbeat = step.last_heartbeat,
                                            .stop = step.stop});
}

}  // namespace wellhead::orchestration::embedded
