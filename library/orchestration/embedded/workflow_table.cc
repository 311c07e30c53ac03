#include "library/orchestration/embedded/workflow_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace wellhead::orchestration::embedded {

WorkflowTable::WorkflowTable(const Registry& registry, std::int64_t lease_epoch, ActivityPool& pool,
                             EngineObserver* observer)
    : surroundings_{.registry = registry,
                    .lease_epoch = lease_epoch,
                    .submit = [&pool](ActivityTask task) { pool.submit(std::move(task)); },
                    .withdraw = [&pool](const std::string& execution_id) { return pool.withdraw(execution_id); },
                    .set_alarm = [this](meta::Time at, Alarm alarm) { alarms_.emplace(at, std::move(alarm)); }},
      observer_(observer) {}

OpenWorkflow* WorkflowTable::find(const std::string& execution_id) {
  const auto found = executions_.find(execution_id);
  return found == executions_.end() ? nullptr : &found->second;
}

OpenWorkflow& WorkflowTable::add(const WorkflowRecord& record) {
  if (observer_ != nullptr && record.state == WorkflowState::queued) observer_->workflow_began(record.workflow_type);
  return executions_.try_emplace(record.execution_id, surroundings_, record).first->second;
}

void WorkflowTable::begin(const WorkflowRecord& record) { add(record).begin(); }

void WorkflowTable::recover(const WorkflowRecord& record, std::span<const Event> history) {
  add(record).recover(history, record.state == WorkflowState::queued);
}

void WorkflowTable::block(const WorkflowRecord& record, const Failure& failure) { add(record).block(failure); }

void WorkflowTable::take(Inbox::Contents& contents) {
  for (const auto& start : contents.started) {
    if (auto* open = find(start.info.execution_id)) open->note_start(start);
  }
  for (const auto& heartbeat : contents.heartbeats) {
    if (auto* open = find(heartbeat.info.execution_id)) open->note_heartbeat(heartbeat);
  }
  for (auto& end : contents.ended) {
    if (auto* open = find(end.info.execution_id)) open->resolve(std::move(end));
  }
  for (auto& query : contents.queries) {
    auto* open = find(query.execution_id);
    query.answer.set_value(open == nullptr ? std::nullopt : std::optional(answer(*open, query.name)));
  }
}

// Failures travel as values: an exception would belong to two threads.
QueryAnswer WorkflowTable::answer(OpenWorkflow& open, const std::string& name) {
  QueryAnswer answer;
  try {
    answer.value = open.query(name);
  } catch (...) {
    answer.failure = to_failure(std::current_exception());
  }
  return answer;
}

void WorkflowTable::take_stopping(Inbox::Contents& contents) {
  for (auto& end : contents.ended) {
    if (auto* open = find(end.info.execution_id)) open->resolve_stopping(std::move(end));
  }
}

std::vector<std::pair<std::int64_t, QueryAnswer>> WorkflowTable::notice(const Notices& notices) {
  const std::set<std::string> paused(notices.paused.begin(), notices.paused.end());
  for (auto& [execution_id, open] : executions_) {
    // One that has just begun here is not among the running of the notices yet.
    if (open.record().state == WorkflowState::running) open.set_paused(paused.contains(execution_id));
  }
  for (const auto& execution_id : notices.cancelled) {
    if (auto* open = find(execution_id)) open->cancel();
  }
  for (const auto& signal : notices.signals) {
    if (auto* open = find(signal.execution_id)) open->signal(signal);
  }
  std::vector<std::pair<std::int64_t, QueryAnswer>> answers;
  for (const auto& query : notices.queries) {
    auto* open = find(query.execution_id);
    if (open == nullptr) continue;
    answers.emplace_back(query.id, answer(*open, query.name));
  }
  return answers;
}

void WorkflowTable::notice_started(const StartedChild& child) {
  auto* parent = find(child.parent);
  if (parent == nullptr || !child.conflict) return;
  const auto step = parent->open_children().find(child.sequence);
  if (step == parent->open_children().end()) return;
  parent->resolve_child(child.sequence,
                        StepFailed{{.code = std::string(to_string(meta::ErrorCode::conflict)),
                                    .message = fmt::format("workflow {} is open already", step->second.workflow_id)}});
}

void WorkflowTable::notice_child(const WorkflowRecord& child) {
  auto* parent = child.parent ? find(*child.parent) : nullptr;
  if (parent == nullptr) return;
  if (child.state == WorkflowState::completed) {
    parent->resolve_child(child.parent_sequence, StepCompleted{child.result.value_or("null")});
  } else if (child.state == WorkflowState::failed) {
    parent->resolve_child(child.parent_sequence, StepFailed{child.failure.value_or(Failure{})});
  } else if (child.state == WorkflowState::cancelled) {
    parent->resolve_child(child.parent_sequence, StepCancelled{});
  }
}

void WorkflowTable::tell_parent(const OpenWorkflow& child) {
  auto* parent = child.record().parent ? find(*child.record().parent) : nullptr;
  auto outcome = parent == nullptr ? std::nullopt : child.outcome();
  if (outcome) parent->resolve_child(child.record().parent_sequence, std::move(*outcome));
}

std::vector<std::string> WorkflowTable::waiting_for_children() const {
  std::vector<std::string> waiting;
  for (const auto& [execution_id, open] : executions_) {
    if (!open.open_children().empty()) waiting.push_back(execution_id);
  }
  return waiting;
}

void WorkflowTable::ring(meta::Time now) {
  while (!alarms_.empty() && alarms_.begin()->first <= now) {
    const Alarm alarm = std::move(alarms_.begin()->second);
    alarms_.erase(alarms_.begin());
    if (auto* open = find(alarm.execution_id)) open->ring(alarm, now);
  }
}

std::optional<meta::Time> WorkflowTable::next_alarm() const {
  if (alarms_.empty()) return std::nullopt;
  return alarms_.begin()->first;
}

std::size_t WorkflowTable::roots() const {
  return static_cast<std::size_t>(
      std::ranges::count_if(executions_, [](const auto& entry) { return !entry.second.record().parent; }));
}

std::vector<JournalEntry> WorkflowTable::run_turns(meta::Time now) {
  std::vector<JournalEntry> entries;
  for (auto& [execution_id, open] : executions_) {
    open.run_turn(now);
    if (auto entry = open.take_entry()) entries.push_back(std::move(*entry));
  }
  return entries;
}

std::vector<std::string> WorkflowTable::dispatch() {
  // What is submitted first gets a free slot first.
  std::vector<OpenWorkflow*> in_order;
  in_order.reserve(executions_.size());
  for (auto& [execution_id, open] : executions_) in_order.push_back(&open);
  std::ranges::stable_sort(in_order, {}, [](const OpenWorkflow* open) { return open->record().priority; });
  std::vector<std::string> gone;
  for (OpenWorkflow* open : in_order) {
    if (!open->dispatch()) gone.push_back(open->record().execution_id);
  }
  for (const auto& execution_id : gone) {
    const OpenWorkflow& open = executions_.at(execution_id);
    if (!open.blocked()) {
      tell_parent(open);
      if (observer_ != nullptr) observer_->workflow_ended(open.record().workflow_type, open.end_state());
    }
    executions_.erase(execution_id);
  }
  return gone;
}

}  // namespace wellhead::orchestration::embedded
