#include "library/orchestration/testing/memory_journal.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "library/orchestration/replay.h"

namespace wellhead::orchestration::testing {
namespace {

meta::Time now() { return meta::SystemClock().now(); }

}  // namespace

std::unique_lock<std::mutex> MemoryJournal::enter() const {
  std::unique_lock lock(mutex_);
  if (failing_) throw meta::Error(*failing_, "the journal fails as it was told");
  return lock;
}

void MemoryJournal::check(std::int64_t epoch) const {
  if (epoch != epoch_) throw meta::Error(meta::ErrorCode::lease_lost, "the lease has another owner");
}

WorkflowRecord& MemoryJournal::insert(const std::string& workflow_type, const std::string& workflow_id,
                                      const Payload& input) {
  const auto id = std::to_string(++last_execution_);
  WorkflowRecord& record = executions_[last_execution_].record;
  record.execution_id = id;
  record.workflow_id = workflow_id;
  record.workflow_type = workflow_type;
  record.input = input;
  record.random_seed = random_seed(id);
  record.created_at = now();
  return record;
}

MemoryJournal::Stored* MemoryJournal::open_workflow(const std::string& workflow_id) {
  for (auto& [id, stored] : executions_) {
    if (stored.record.workflow_id == workflow_id && !is_end(stored.record.state)) return &stored;
  }
  return nullptr;
}

MemoryJournal::Stored* MemoryJournal::open_execution(const std::string& execution_id) {
  const auto found = executions_.find(std::stoll(execution_id));
  return found == executions_.end() || is_end(found->second.record.state) ? nullptr : &found->second;
}

Execution MemoryJournal::start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                               const StartOptions& options) {
  const auto lock = enter();
  if (const Stored* open = open_workflow(workflow_id)) return {workflow_id, open->record.execution_id, true};
  WorkflowRecord& record = insert(workflow_type, workflow_id, input);
  record.priority = options.priority;
  return {workflow_id, record.execution_id, false};
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
  Stored* open = open_execution(execution_id);
  if (open == nullptr) return false;
  open->record.cancel_requested = true;
  open->record.paused = false;
  return true;
}

bool MemoryJournal::set_paused(const std::string& execution_id, bool paused) {
  const auto lock = enter();
  Stored* open = open_execution(execution_id);
  if (open != nullptr) open->record.paused = paused;
  return open != nullptr;
}

bool MemoryJournal::signal(const std::string& execution_id, const std::string& name, const Payload& payload) {
  const auto lock = enter();
  const Stored* open = open_execution(execution_id);
  if (open != nullptr) signals_.push_back({++last_notice_, execution_id, name, payload});
  return open != nullptr;
}

Execution MemoryJournal::restart(const std::string& execution_id, std::span<const Event> history) {
  const auto lock = enter();
  Stored& ended = executions_.at(std::stoll(execution_id));
  if (ended.record.successor || open_workflow(ended.record.workflow_id) != nullptr) {
    throw meta::Error(meta::ErrorCode::conflict, "somebody goes on with it already");
  }
  const WorkflowRecord old = ended.record;
  WorkflowRecord& record = insert(old.workflow_type, old.workflow_id, old.input);
  ended.record.successor = record.execution_id;
  record.priority = old.priority;
  record.random_seed = old.random_seed;
  record.previous = execution_id;
  record.retried = true;
  record.parent = old.parent;
  record.parent_sequence = old.parent_sequence;
  executions_.at(std::stoll(record.execution_id)).events.assign(history.begin(), history.end());
  return {record.workflow_id, record.execution_id, false};
}

std::int64_t MemoryJournal::ask(const std::string& execution_id, const std::string& query) {
  const auto lock = enter();
  queries_.push_back({++last_notice_, execution_id, query});
  return last_notice_;
}

std::optional<QueryAnswer> MemoryJournal::take_answer(std::int64_t query_id) {
  const auto lock = enter();
  const auto found = answers_.find(query_id);
  if (found == answers_.end()) return std::nullopt;
  return answers_.extract(found).mapped();
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

std::vector<WorkflowRecord> MemoryJournal::running() {
  const auto lock = enter();
  std::vector<WorkflowRecord> found;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.state == WorkflowState::running) found.push_back(stored.record);
  }
  return found;
}

std::vector<WorkflowRecord> MemoryJournal::queued(std::size_t limit) {
  const auto lock = enter();
  std::vector<WorkflowRecord> found;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.state == WorkflowState::queued) found.push_back(stored.record);
  }
  std::ranges::stable_sort(found, {}, &WorkflowRecord::priority);
  std::erase_if(found, [&limit](const WorkflowRecord& record) {
    if (record.parent) return false;
    if (limit == 0) return true;
    --limit;
    return false;
  });
  return found;
}

std::vector<WorkflowRecord> MemoryJournal::children(const std::string& execution_id) {
  const auto lock = enter();
  std::vector<WorkflowRecord> found;
  for (const auto& [id, stored] : executions_) {
    if (stored.record.parent == execution_id) found.push_back(stored.record);
  }
  return found;
}

Notices MemoryJournal::notices() {
  const auto lock = enter();
  Notices notices;
  const auto runs = [this](const std::string& execution_id) {
    return executions_.at(std::stoll(execution_id)).record.state == WorkflowState::running;
  };
  for (const auto& [id, stored] : executions_) {
    if (stored.record.state != WorkflowState::running) continue;
    if (stored.record.cancel_requested) notices.cancelled.push_back(stored.record.execution_id);
    if (stored.record.paused) notices.paused.push_back(stored.record.execution_id);
  }
  std::ranges::copy_if(signals_, std::back_inserter(notices.signals),
                       [&](const auto& signal) { return runs(signal.execution_id); });
  notices.queries = std::exchange(queries_, {});
  return notices;
}

void MemoryJournal::answer(std::int64_t query_id, const QueryAnswer& answer) {
  const auto lock = enter();
  answers_[query_id] = answer;
}

std::vector<StartedChild> MemoryJournal::append(std::int64_t epoch, std::span<const JournalEntry> entries) {
  const auto lock = enter();
  check(epoch);
  ++appends_;
  std::vector<StartedChild> started;
  for (const JournalEntry& entry : entries) {
    Stored& stored = executions_.at(std::stoll(entry.execution_id));
    for (const Event& event : entry.events) {
      if (event.number != static_cast<std::int64_t>(stored.events.size()) + 1) continue;
      stored.events.push_back(event);
      if (event.kind == EventKind::child_started) {
        if (const auto child = start_child(stored, event)) started.push_back(*child);
      }
    }
    apply(stored, entry);
  }
  return started;
}

std::optional<StartedChild> MemoryJournal::start_child(const Stored& parent, const Event& event) {
  const auto start = meta::from_json<ChildStart>(event.payload);
  const std::string parent_id = parent.record.execution_id;
  StartedChild child{parent_id, event.sequence, open_workflow(start.workflow_id) != nullptr};
  if (child.conflict) return child;
  WorkflowRecord& record = insert(event.name, start.workflow_id, start.input);
  record.priority = parent.record.priority;
  record.parent = parent_id;
  record.parent_sequence = event.sequence;
  abandoned_[record.execution_id] = start.on_parent_close == to_string(ParentClosePolicy::abandon);
  return child;
}

void MemoryJournal::apply(Stored& stored, const JournalEntry& entry) {
  WorkflowRecord& record = stored.record;
  std::erase_if(signals_,
                [&](const auto& signal) { return std::ranges::find(entry.signals, signal.id) != entry.signals.end(); });
  for (auto& [id, other] : executions_) {
    if (other.record.parent != record.execution_id) continue;
    const bool named =
        std::ranges::find(entry.cancelled_children, other.record.parent_sequence) != entry.cancelled_children.end();
    if (named || (entry.closes_children && !abandoned_[other.record.execution_id]))
      other.record.cancel_requested = true;
  }
  if (entry.blocked) record.blocked = entry.blocked;
  if (!entry.state) return;
  record.state = *entry.state;
  if (*entry.state == WorkflowState::running) record.started_at = now();
  if (!is_end(*entry.state)) return;
  record.ended_at = now();
  const Payload outcome = entry.events.back().payload;
  if (*entry.state == WorkflowState::completed) record.result = outcome;
  if (*entry.state == WorkflowState::failed) record.failure = meta::from_json<Failure>(outcome);
  if (*entry.state == WorkflowState::continued) continue_as_new(stored, outcome);
}

void MemoryJournal::continue_as_new(Stored& stored, const Payload& input) {
  WorkflowRecord& ended = stored.record;
  WorkflowRecord& record = insert(ended.workflow_type, ended.workflow_id, input);
  ended.successor = record.execution_id;
  record.priority = ended.priority;
  record.paused = ended.paused;
  record.cancel_requested = ended.cancel_requested;
  record.previous = ended.execution_id;
  record.parent = ended.parent;
  record.parent_sequence = ended.parent_sequence;
  for (auto& signal : signals_) {
    if (signal.execution_id == ended.execution_id) signal.execution_id = record.execution_id;
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
