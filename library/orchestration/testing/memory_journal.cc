#include "library/orchestration/testing/memory_journal.h"

#include <algorithm>

namespace wellhead::orchestration::testing {
namespace {

meta::Time now() { return meta::SystemClock().now(); }

void apply(WorkflowRecord& record, const JournalEntry& entry) {
  if (entry.blocked) record.blocked = entry.blocked;
  if (!entry.state) return;
  record.state = *entry.state;
  if (*entry.state == WorkflowState::running) record.started_at = now();
  if (!is_end(*entry.state)) return;
  record.ended_at = now();
  const Payload& outcome = entry.events.back().payload;
  if (*entry.state == WorkflowState::completed) record.result = outcome;
  if (*entry.state == WorkflowState::failed) record.failure = meta::from_json<Failure>(outcome);
}

}  // namespace

std::unique_lock<std::mutex> MemoryJournal::enter() const {
  std::unique_lock lock(mutex_);
  if (failing_) throw meta::Error(*failing_, "the journal fails as it was told");
  return lock;
}

void MemoryJournal::check(std::int64_t epoch) const {
  if (epoch != epoch_) throw meta::Error(meta::ErrorCode::lease_lost, "the lease has another owner");
}

Execution MemoryJournal::start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input) {
  const auto lock = enter();
  for (const auto& [id, stored] : executions_) {
    if (stored.record.workflow_id == workflow_id && !is_end(stored.record.state))
      return {workflow_id, std::to_string(id), true};
  }
  const auto id = ++last_execution_;
  executions_[id].record = {.execution_id = std::to_string(id),
                            .workflow_id = workflow_id,
                            .workflow_type = workflow_type,
                            .input = input,
                            .created_at = now()};
  return {workflow_id, std::to_string(id), false};
}

std::optional<WorkflowRecord> MemoryJournal::find(const std::string& execution_id) {
  const auto lock = enter();
  const auto found = executions_.find(std::stoll(execution_id));
  if (found == executions_.end()) return std::nullopt;
  return found->second.record;
}

std::optional<std::string> MemoryJournal::latest_execution(const std::string& workflow_id) {
  const auto lock = enter();
  std::optional<std::string> latest;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.workflow_id == workflow_id) latest = std::to_string(id);
  }
  return latest;
}

std::vector<Event> MemoryJournal::history(const std::string& execution_id) {
  const auto lock = enter();
  const auto found = executions_.find(std::stoll(execution_id));
  return found == executions_.end() ? std::vector<Event>{} : found->second.events;
}

bool MemoryJournal::request_cancel(const std::string& execution_id) {
  const auto lock = enter();
  const auto found = executions_.find(std::stoll(execution_id));
  if (found == executions_.end() || is_end(found->second.record.state)) return false;
  found->second.record.cancel_requested = true;
  return true;
}

std::optional<std::int64_t> MemoryJournal::acquire_lease(const std::string&, std::chrono::milliseconds duration) {
  const auto lock = enter();
  const auto at = std::chrono::steady_clock::now();
  if (lease_expires_ > at) return std::nullopt;
  lease_expires_ = at + duration;
  for (auto& [id, stored] : executions_) stored.record.blocked.reset();
  return ++epoch_;
}

void MemoryJournal::renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) {
  const auto lock = enter();
  check(epoch);
  lease_expires_ = std::chrono::steady_clock::now() + duration;
}

void MemoryJournal::release_lease(std::int64_t epoch) {
  const auto lock = enter();
  if (epoch == epoch_) lease_expires_ = {};
}

std::vector<WorkflowRecord> MemoryJournal::in_state(WorkflowState state, std::size_t limit) const {
  std::vector<WorkflowRecord> found;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.state == state && found.size() < limit) found.push_back(stored.record);
  }
  return found;
}

std::vector<WorkflowRecord> MemoryJournal::running() {
  const auto lock = enter();
  return in_state(WorkflowState::running, executions_.size());
}

std::vector<WorkflowRecord> MemoryJournal::queued(std::size_t limit) {
  const auto lock = enter();
  return in_state(WorkflowState::queued, limit);
}

std::vector<std::string> MemoryJournal::cancel_requests() {
  const auto lock = enter();
  std::vector<std::string> found;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.cancel_requested && stored.record.state == WorkflowState::running)
      found.push_back(std::to_string(id));
  }
  return found;
}

void MemoryJournal::append(std::int64_t epoch, std::span<const JournalEntry> entries) {
  const auto lock = enter();
  check(epoch);
  ++appends_;
  for (const JournalEntry& entry : entries) {
    Stored& stored = executions_.at(std::stoll(entry.execution_id));
    for (const Event& event : entry.events) {
      if (event.number == static_cast<std::int64_t>(stored.events.size()) + 1) stored.events.push_back(event);
    }
    apply(stored.record, entry);
  }
}

void MemoryJournal::steal_lease() {
  const std::unique_lock lock(mutex_);
  ++epoch_;
  lease_expires_ = {};
}

void MemoryJournal::set_failing(std::optional<meta::ErrorCode> code) {
  const std::unique_lock lock(mutex_);
  failing_ = code;
}

std::size_t MemoryJournal::appends() const {
  const std::unique_lock lock(mutex_);
  return appends_;
}

}  // namespace wellhead::orchestration::testing
