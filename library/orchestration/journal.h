// The journal's port: where the embedded engine keeps what must outlive the process. Implemented on PostgreSQL
// (library/storage/postgres/journal.h) and, for tests, in memory (testing/memory_journal.h). Thread-safe.
//
// An execution's history is a list of events. An `activation` event closes a turn: the job events before it (up to the
// previous one) were given to the workflow together, at the activation's time, and the command events after it are what
// the workflow answered. So a replay sees the same turns.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/activation.h"
#include "library/orchestration/engine.h"

namespace wellhead::orchestration {

enum class EventKind {
  // jobs
  workflow_started,
  activity_completed,
  activity_failed,
  timer_fired,
  cancel_requested,
  // end of a turn's jobs
  activation,
  // commands
  activity_scheduled,
  activity_cancelled,
  timer_started,
  timer_cancelled,
  workflow_completed,
  workflow_failed,
  workflow_cancelled,
  // notes: replay does not look at them
  attempt_failed,
};
std::string_view to_string(EventKind kind);
EventKind event_kind_from_string(std::string_view text);

struct Event {
  std::int64_t number = 0;  // from 1 in its execution
  EventKind kind = EventKind::activation;
  Sequence sequence = 0;                 // of the step; 0 when it is about the workflow
  std::string name;                      // the activity's, in activity_scheduled
  int attempt = 0;                       // in activity_completed, activity_failed, attempt_failed
  std::optional<meta::Time> started_at;  // of that attempt
  meta::Time at{};
  // Input, result, Failure, or a timer's milliseconds, as JSON; by kind.
  Payload payload = "null";
};

struct WorkflowRecord {
  std::string execution_id;
  std::string workflow_id;
  std::string workflow_type;
  WorkflowState state = WorkflowState::queued;
  Payload input;
  bool cancel_requested = false;
  std::optional<Failure> blocked;
  std::optional<Payload> result;
  std::optional<Failure> failure;
  meta::Time created_at{};
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
};

// What one execution has to write: events, numbered on from its last, and the record's changes.
struct JournalEntry {
  std::string execution_id;
  std::vector<Event> events;
  std::optional<WorkflowState> state;  // ends take result or failure from the last event
  std::optional<Failure> blocked;      // it cannot go on under this owner; the next one tries again
};

class Journal {
 public:
  virtual ~Journal() = default;

  // ---- for any process

  // Inserts a queued execution, or finds the open one of the same workflow id.
  virtual Execution start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input) = 0;
  virtual std::optional<WorkflowRecord> find(const std::string& execution_id) = 0;
  virtual std::optional<std::string> latest_execution(const std::string& workflow_id) = 0;
  virtual std::vector<Event> history(const std::string& execution_id) = 0;
  // False when it is not open.
  virtual bool request_cancel(const std::string& execution_id) = 0;

  // ---- ownership: one owner at a time. The lease expires on the journal's clock; the epoch grows with every owner.

  // The new epoch; nullopt while another owner's lease is neither expired nor given up nor left behind by a dead
  // process.
  virtual std::optional<std::int64_t> acquire_lease(const std::string& owner, std::chrono::milliseconds duration) = 0;
  // Throws Error{lease_lost} when the epoch is not the current one any more.
  virtual void renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) = 0;
  virtual void release_lease(std::int64_t epoch) = 0;

  // ---- for the owner

  virtual std::vector<WorkflowRecord> running() = 0;
  // The oldest queued executions.
  virtual std::vector<WorkflowRecord> queued(std::size_t limit) = 0;
  // Of running executions, those asked to end.
  virtual std::vector<std::string> cancel_requests() = 0;
  // Writes all entries in one transaction that checks the epoch under a row lock. Repeating an append whose outcome is
  // unknown (database_unreachable) is safe. Throws Error{lease_lost}; then nothing was written.
  virtual void append(std::int64_t epoch, std::span<const JournalEntry> entries) = 0;
};

}  // namespace wellhead::orchestration
