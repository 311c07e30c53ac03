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
#include "library/orchestration/schedule.h"

namespace wellhead::orchestration {

enum class EventKind {
  // jobs
  workflow_started,
  activity_completed,
  activity_failed,
  timer_fired,
  cancel_requested,
  child_completed,
  child_failed,
  signal_received,
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
  child_started,
  child_cancelled,
  patch_marked,
  workflow_continued,
  // notes: they tell about open steps and are no part of a turn
  attempt_failed,
  heartbeat_recorded,
  retried,  // the events before it are those of an earlier execution that its failed step ended
};
inline bool is_job(EventKind kind) { return kind < EventKind::activation; }
inline bool is_command(EventKind kind) { return kind > EventKind::activation && kind < EventKind::attempt_failed; }
inline bool is_note(EventKind kind) { return kind >= EventKind::attempt_failed; }
std::string_view to_string(EventKind kind);
EventKind event_kind_from_string(std::string_view text);

// The payload of an activation at which the engine found the history long; otherwise it is null.
inline constexpr std::string_view kContinueAsNewSuggested = R"("continue as new suggested")";

struct Event {
  std::int64_t number = 0;  // from 1 in its execution
  EventKind kind = EventKind::activation;
  Sequence sequence = 0;                 // of the step; 0 when it is about the workflow
  std::string name;                      // the activity's, child's type, signal's or patch's
  int attempt = 0;                       // in activity_completed, activity_failed, attempt_failed
  std::optional<meta::Time> started_at;  // of that attempt
  meta::Time at{};
  // Input, result, Failure, or a timer's milliseconds, as JSON; by kind. Of child_started: see ChildStart.
  Payload payload = "null";
};

// The payload of child_started.
struct ChildStart {
  std::string workflow_id;
  Payload input;
  std::string on_parent_close;

  static constexpr auto kFields =
      meta::fields(meta::field("workflow_id", &ChildStart::workflow_id), meta::field("input", &ChildStart::input),
                   meta::field("on_parent_close", &ChildStart::on_parent_close));
};

struct WorkflowRecord {
  std::string execution_id;
  std::string workflow_id;
  std::string workflow_type;
  WorkflowState state = WorkflowState::queued;
  Payload input;
  int priority = kNormalPriority;
  std::uint64_t random_seed = 0;
  bool cancel_requested = false;
  bool paused = false;
  std::optional<Failure> blocked;
  std::optional<Payload> result;
  std::optional<Failure> failure;
  meta::Time created_at{};
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
  // Of a child: whose, and which of its steps it is.
  std::optional<std::string> parent;
  Sequence parent_sequence = 0;
  std::optional<std::string> previous;   // it goes on with that one
  std::optional<std::string> successor;  // goes on with this one
  bool retried = false;                  // previous failed; its kept history is this one's from the beginning
};

// What one execution has to write: events, numbered on from its last, and the record's changes.
struct JournalEntry {
  std::string execution_id;
  std::vector<Event> events;
  std::optional<WorkflowState> state;        // ends take result or failure from the last event
  std::optional<Failure> blocked;            // it cannot go on under this owner; the next one tries again
  std::vector<std::int64_t> signals;         // taken in by these events
  std::vector<Sequence> cancelled_children;  // asked to end
  bool closes_children = false;              // it ends: children are told so, by their policy
};

// A child that an append has started, or could not start because its workflow id is open.
struct StartedChild {
  std::string parent;
  Sequence sequence = 0;
  bool conflict = false;
};

// What other processes want of the running executions.
struct Notices {
  struct Signal {
    std::int64_t id = 0;
    std::string execution_id;
    std::string name;
    Payload payload;
  };
  struct Query {
    std::int64_t id = 0;
    std::string execution_id;
    std::string name;
  };
  std::vector<std::string> cancelled;
  std::vector<std::string> paused;  // all that are
  std::vector<Signal> signals;      // in order of arrival
  std::vector<Query> queries;
};

struct QueryAnswer {
  Payload value = "null";
  std::optional<Failure> failure;
};

struct ScheduleRecord : ScheduleDescription {
  std::int64_t revision = 0;  // grows with every change
  std::int64_t triggers = 0;  // asked for, not yet answered
};

// What the owner makes of one schedule at a moment.
struct ScheduleStep {
  struct Start {
    meta::Time scheduled_at{};
    std::string workflow_id;
  };
  std::string schedule_id;
  std::int64_t revision = 0;  // of the record that it was decided from
  std::optional<meta::Time> next_at;
  std::optional<meta::Time> buffered_at;
  std::int64_t triggers = 0;         // answered
  std::vector<Start> starts;         // of the schedule's action
  std::vector<std::string> cancels;  // workflow ids
  std::int64_t skipped_overlap = 0;  // more than before
  std::int64_t missed_catchup = 0;
  std::optional<std::string> pause;  // it cannot go on; why
};

struct DueSchedules {
  std::vector<ScheduleRecord> due;    // not all, if there are many; of the recent actions, the open ones at least
  std::optional<meta::Time> next_at;  // of the others
};

class Journal {
 public:
  virtual ~Journal() = default;

  // ---- for any process

  // Inserts a queued execution, or finds the open one of the same workflow id.
  virtual Execution start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                          const StartOptions& options = {}) = 0;
  virtual std::optional<WorkflowRecord> find(const std::string& execution_id) = 0;
  virtual std::optional<std::string> latest_execution(const std::string& workflow_id) = 0;
  // Throws Error{journal_damaged} when an event is missing or is not as it was written, and Error{database_version}
  // when a newer program wrote it.
  virtual std::vector<Event> history(const std::string& execution_id) = 0;
  // These three: false when it is not open, and then nothing is written.
  virtual bool request_cancel(const std::string& execution_id) = 0;
  virtual bool set_paused(const std::string& execution_id, bool paused) = 0;
  virtual bool signal(const std::string& execution_id, const std::string& name, const Payload& payload) = 0;
  // Inserts a queued execution that goes on with one that has ended, beginning with the given history. Throws
  // Error{conflict} when that one has a successor already, or its workflow id is open.
  virtual Execution restart(const std::string& execution_id, std::span<const Event> history) = 0;
  // Puts a question to the owner. It and its answer are forgotten with take_answer(), or some minutes later.
  virtual std::int64_t ask(const std::string& execution_id, const std::string& query) = 0;
  virtual std::optional<QueryAnswer> take_answer(std::int64_t query_id) = 0;

  // False when there is one of that id.
  virtual bool create_schedule(const Schedule& schedule, std::optional<meta::Time> next_at) = 0;
  // These three: false when there is none of that id. next_at: when it is unpaused; one that was not paused keeps its
  // own. An empty note changes nothing.
  virtual bool delete_schedule(const std::string& schedule_id) = 0;
  virtual bool set_schedule_paused(const std::string& schedule_id, bool paused, const std::string& note,
                                   std::optional<meta::Time> next_at) = 0;
  virtual bool trigger_schedule(const std::string& schedule_id) = 0;
  // By id; all, or that one.
  virtual std::vector<ScheduleRecord> schedules(const std::optional<std::string>& schedule_id) = 0;

  // ---- ownership: one owner at a time. The lease expires on the journal's clock; the epoch grows with every owner.

  // The new epoch; nullopt while another owner's lease is neither expired nor given up nor left behind by a dead
  // process.
  virtual std::optional<std::int64_t> acquire_lease(const std::string& owner, std::chrono::milliseconds duration) = 0;
  // Throws Error{lease_lost} when the epoch is not the current one any more.
  virtual void renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) = 0;
  virtual void release_lease(std::int64_t epoch) = 0;

  // ---- for the owner

  virtual std::vector<WorkflowRecord> running() = 0;
  // Queued executions by priority, then age: every child, and at most `limit` others.
  virtual std::vector<WorkflowRecord> queued(std::size_t limit) = 0;
  virtual std::vector<WorkflowRecord> children(const std::string& execution_id) = 0;
  virtual Notices notices() = 0;
  virtual void answer(std::int64_t query_id, const QueryAnswer& answer) = 0;
  // Writes all entries in one transaction that checks the epoch under a row lock; starts the children and the
  // continuations that the events tell of in the same transaction, and says what became of the children. Repeating an
  // append whose outcome is unknown (database_unreachable) is safe. Throws Error{lease_lost}; then nothing was written.
  virtual std::vector<StartedChild> append(std::int64_t epoch, std::span<const JournalEntry> entries) = 0;
  // Schedules with a time that is not after now, with triggers, or with a buffered time and no open action.
  virtual DueSchedules due_schedules(meta::Time now) = 0;
  // In one transaction that checks the epoch: starts, cancels, and moves the schedule on. False when the schedule is of
  // another revision, and then nothing is written: so nothing is fired twice. Throws Error{lease_lost}.
  virtual bool advance_schedule(std::int64_t epoch, const ScheduleStep& step) = 0;
};

}  // namespace wellhead::orchestration
