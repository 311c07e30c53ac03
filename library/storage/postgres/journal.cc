#include "library/storage/postgres/journal.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "library/meta/fail_point.h"
#include "library/storage/postgres/journal_lease.h"
#include "library/storage/postgres/journal_rows.h"
#include "library/storage/postgres/journal_schedules.h"

namespace wellhead::storage {
namespace {

using orchestration::Event;
using orchestration::EventKind;
using orchestration::Execution;
using orchestration::Failure;
using orchestration::JournalEntry;
using orchestration::Notices;
using orchestration::Payload;
using orchestration::QueryAnswer;
using orchestration::StartedChild;
using orchestration::StartOptions;
using orchestration::WorkflowRecord;
using orchestration::WorkflowState;

// The owner's thread, and whoever starts, follows and looks.
constexpr int kConnections = 4;

constexpr std::string_view kInsert = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input, priority) VALUES ($1, $2, $3, $4)
  ON CONFLICT (workflow_id) WHERE state IN ('queued', 'running') DO NOTHING
  RETURNING execution_id)";
constexpr std::string_view kFindOpen = R"(
  SELECT execution_id FROM wellhead_journal.workflow WHERE workflow_id = $1 AND state IN ('queued', 'running'))";

// Who asks a paused execution to end wants it to end.
constexpr std::string_view kRequestCancel = R"(
  UPDATE wellhead_journal.workflow SET cancel_requested = true, paused = false
  WHERE execution_id = $1 AND state IN ('queued', 'running'))";
constexpr std::string_view kSetPaused = R"(
  UPDATE wellhead_journal.workflow SET paused = $2 WHERE execution_id = $1 AND state IN ('queued', 'running'))";
// The row lock keeps the execution from ending, and from continuing as new, until the signal is there to be taken
// along.
constexpr std::string_view kSignal = R"(
  INSERT INTO wellhead_journal.signal (execution_id, name, payload)
  SELECT execution_id, $2, $3 FROM wellhead_journal.workflow
  WHERE execution_id = $1 AND state IN ('queued', 'running') FOR SHARE)";
constexpr std::string_view kRestart = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input, priority, random_seed, parent,
                                         parent_sequence, on_parent_close, previous, retried)
  SELECT workflow_id, workflow_type, input, priority, $2, parent, parent_sequence, on_parent_close, execution_id, true
  FROM wellhead_journal.workflow WHERE execution_id = $1 AND state IN ('failed', 'cancelled')
  ON CONFLICT DO NOTHING RETURNING execution_id)";

constexpr std::string_view kAsk = R"(
  WITH forgotten AS (DELETE FROM wellhead_journal.query WHERE asked_at < clock_timestamp() - interval '5 minutes')
  INSERT INTO wellhead_journal.query (execution_id, name) VALUES ($1, $2) RETURNING query_id)";
constexpr std::string_view kTakeAnswer = R"(
  DELETE FROM wellhead_journal.query WHERE query_id = $1 AND (answer IS NOT NULL OR failure IS NOT NULL)
  RETURNING answer, failure)";
constexpr std::string_view kAnswer = R"(
  UPDATE wellhead_journal.query SET answer = $2, failure = $3 WHERE query_id = $1)";

constexpr std::string_view kNotices = R"(
  SELECT 'cancel', execution_id, 0::bigint, ''::text, ''::text FROM wellhead_journal.workflow
  WHERE state = 'running' AND cancel_requested
  UNION ALL
  SELECT 'pause', execution_id, 0, '', '' FROM wellhead_journal.workflow WHERE state = 'running' AND paused
  UNION ALL
  SELECT 'signal', s.execution_id, s.signal_id, s.name, s.payload
  FROM wellhead_journal.signal s JOIN wellhead_journal.workflow w USING (execution_id) WHERE w.state = 'running'
  UNION ALL
  SELECT 'query', execution_id, query_id, name, '' FROM wellhead_journal.query WHERE answer IS NULL AND failure IS NULL
  ORDER BY 3)";

constexpr std::string_view kChangeRecords = R"(
  UPDATE wellhead_journal.workflow w
  SET state = coalesce(nullif(c.state, ''), w.state),
      started_at = coalesce(w.started_at, clock_timestamp()),
      ended_at = CASE WHEN c.state IN ('completed', 'failed', 'cancelled', 'continued') THEN clock_timestamp() END,
      result = CASE WHEN c.state = 'completed' THEN c.outcome END,
      failure = CASE WHEN c.state = 'failed' THEN c.outcome END,
      blocked = nullif(c.blocked, ''), blocked_epoch = lease.epoch
  FROM lease, unnest($12::bigint[], $13::text[], $14::text[], $15::text[]) AS c (execution_id, state, outcome, blocked)
  WHERE w.execution_id = c.execution_id)";

constexpr std::string_view kStartChild = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input, priority, parent, parent_sequence,
                                         on_parent_close)
  SELECT $3, $4, $5, priority, execution_id, $2::integer, $6 FROM wellhead_journal.workflow WHERE execution_id = $1
  ON CONFLICT DO NOTHING RETURNING execution_id)";
constexpr std::string_view kFindChild = R"(
  SELECT execution_id FROM wellhead_journal.workflow WHERE parent = $1 AND parent_sequence = $2)";
constexpr std::string_view kCancelChildren = R"(
  UPDATE wellhead_journal.workflow SET cancel_requested = true, paused = false
  WHERE parent = $1 AND state IN ('queued', 'running')
    AND (parent_sequence = ANY ($2::integer[]) OR ($3 AND on_parent_close = 'request_cancel')))";

constexpr std::string_view kContinue = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input, priority, cancel_requested, paused, parent,
                                         parent_sequence, on_parent_close, previous)
  SELECT workflow_id, workflow_type, $2, priority, cancel_requested, paused, parent, parent_sequence, on_parent_close,
         execution_id
  FROM wellhead_journal.workflow WHERE execution_id = $1
  ON CONFLICT DO NOTHING)";
constexpr std::string_view kMoveSignals = R"(
  UPDATE wellhead_journal.signal SET execution_id = (
    SELECT execution_id FROM wellhead_journal.workflow WHERE previous = $1)
  WHERE execution_id = $1)";

// One statement, so one transaction and one round trip. Events that are there already were written by an earlier try of
// the same append: only the owner of the epoch writes, and it numbers them.
const std::string& append_statement() {
  static const std::string statement = [] {
    std::string events(kInsertEvents);
    constexpr std::string_view from = "FROM unnest(";
    events.replace(events.find(from), from.size(), "FROM lease, unnest(");
    return fmt::format(
        "WITH lease AS MATERIALIZED (SELECT epoch FROM wellhead_journal.lease WHERE epoch = $11 FOR KEY SHARE),"
        " written AS ({}), changed AS ({}), taken AS (DELETE FROM wellhead_journal.signal USING lease"
        " WHERE signal_id = ANY ($16::bigint[])) SELECT count(*) FROM lease",
        events, kChangeRecords);
  }();
  return statement;
}

std::vector<Value> append_parameters(std::int64_t epoch, std::span<const JournalEntry> entries) {
  EventColumns events;
  std::vector<std::int64_t> changed;
  std::vector<std::int64_t> signals;
  std::vector<std::string> states, outcomes, blocked;
  for (const JournalEntry& entry : entries) {
    const std::int64_t execution = std::stoll(entry.execution_id);
    for (const Event& event : entry.events) events.add(execution, event);
    signals.insert(signals.end(), entry.signals.begin(), entry.signals.end());
    if (!entry.state && !entry.blocked) continue;
    changed.push_back(execution);
    states.emplace_back(entry.state ? to_string(*entry.state) : "");
    outcomes.push_back(entry.events.empty() ? "null" : entry.events.back().payload);
    blocked.push_back(entry.blocked ? meta::to_json(*entry.blocked) : std::string());
  }
  auto parameters = events.parameters();
  for (Value value :
       std::initializer_list<Value>{epoch, array_literal(changed), array_literal(states), array_literal(outcomes),
                                    array_literal(blocked), array_literal(signals)}) {
    parameters.push_back(std::move(value));
  }
  return parameters;
}

bool needs_more(const JournalEntry& entry) {
  return entry.closes_children || !entry.cancelled_children.empty() || entry.state == WorkflowState::continued ||
         std::ranges::find(entry.events, EventKind::child_started, &Event::kind) != entry.events.end();
}

// Starts children and continuations, and tells children to end, after the entries' own rows are written.
std::vector<StartedChild> write_more(Connection& connection, const JournalEntry& entry) {
  std::vector<StartedChild> started;
  const std::int64_t execution = std::stoll(entry.execution_id);
  for (const Event& event : entry.events) {
    if (event.kind != EventKind::child_started) continue;
    const auto child = meta::from_json<orchestration::ChildStart>(event.payload);
    const std::int64_t sequence = event.sequence;
    const bool inserted = !connection
                               .query(kStartChild, {execution, sequence, child.workflow_id, event.name, child.input,
                                                    child.on_parent_close})
                               .empty();
    const bool there = inserted || !connection.query(kFindChild, {execution, sequence}).empty();
    started.push_back({entry.execution_id, event.sequence, !there});
  }
  if (entry.closes_children || !entry.cancelled_children.empty()) {
    const std::vector<std::int64_t> sequences(entry.cancelled_children.begin(), entry.cancelled_children.end());
    connection.query(kCancelChildren, {execution, array_literal(sequences), entry.closes_children});
  }
  if (entry.state == WorkflowState::continued) {
    connection.query(kContinue, {execution, entry.events.back().payload});
    connection.query(kMoveSignals, {execution});
  }
  return started;
}

}  // namespace

struct PostgresJournal::State {
  explicit State(const std::string& url)
      : pool(url, kConnections, {.application_name = "wellhead journal"}), lease(url) {}

  ConnectionPool pool;
  JournalLease lease;
};

PostgresJournal::PostgresJournal(const std::string& url) : state_(std::make_unique<State>(url)) {}

PostgresJournal::~PostgresJournal() = default;

Execution PostgresJournal::start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                                 const StartOptions& options) {
  auto connection = state_->pool.borrow();
  for (;;) {
    const Result inserted = connection->query(kInsert, {workflow_id, workflow_type, input, options.priority});
    if (!inserted.empty()) return {workflow_id, std::string(inserted.text(0, 0)), false};
    // Unless it has ended in between.
    const Result open = connection->query(kFindOpen, {workflow_id});
    if (!open.empty()) return {workflow_id, std::string(open.text(0, 0)), true};
  }
}

std::optional<WorkflowRecord> PostgresJournal::find(const std::string& execution_id) {
  const auto execution = parse_execution(execution_id);
  if (!execution) return std::nullopt;
  auto connection = state_->pool.borrow();
  auto found = workflow_records(connection->query(std::string(kSelectRecord) + "w.execution_id = $1", {*execution}));
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::optional<std::string> PostgresJournal::latest_execution(const std::string& workflow_id) {
  auto connection = state_->pool.borrow();
  const Result found = connection->query(
      "SELECT max(execution_id) FROM wellhead_journal.workflow WHERE workflow_id = $1", {workflow_id});
  return found.optional_text(0, 0);
}

std::vector<Event> PostgresJournal::history(const std::string& execution_id) {
  const auto execution = parse_execution(execution_id);
  if (!execution) return {};
  auto connection = state_->pool.borrow();
  return history_of(execution_id, connection->query(kSelectHistory, {*execution}));
}

bool PostgresJournal::request_cancel(const std::string& execution_id) {
  const auto execution = parse_execution(execution_id);
  return execution && state_->pool.borrow()->query(kRequestCancel, {*execution}).affected_rows() > 0;
}

bool PostgresJournal::set_paused(const std::string& execution_id, bool paused) {
  const auto execution = parse_execution(execution_id);
  return execution && state_->pool.borrow()->query(kSetPaused, {*execution, paused}).affected_rows() > 0;
}

bool PostgresJournal::signal(const std::string& execution_id, const std::string& name, const Payload& payload) {
  const auto execution = parse_execution(execution_id);
  return execution && state_->pool.borrow()->query(kSignal, {*execution, name, payload}).affected_rows() > 0;
}

Execution PostgresJournal::restart(const std::string& execution_id, std::span<const Event> history) {
  const auto ended = find(execution_id);
  if (!ended) throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {}", execution_id));
  auto connection = state_->pool.borrow();
  Transaction transaction(*connection);
  const Result inserted =
      connection->query(kRestart, {std::stoll(execution_id), static_cast<std::int64_t>(ended->random_seed)});
  if (inserted.empty()) {
    throw meta::Error(
        meta::ErrorCode::conflict,
        fmt::format("execution {} cannot be retried: it was retried already, or its workflow is open again",
                    execution_id),
        "Look for its latest execution");
  }
  EventColumns events;
  for (const Event& event : history) events.add(inserted.integer(0, 0), event);
  connection->query(kInsertEvents, events.parameters());
  transaction.commit();
  return {ended->workflow_id, std::string(inserted.text(0, 0)), false};
}

std::int64_t PostgresJournal::ask(const std::string& execution_id, const std::string& query) {
  return state_->pool.borrow()->query(kAsk, {std::stoll(execution_id), query}).integer(0, 0);
}

std::optional<QueryAnswer> PostgresJournal::take_answer(std::int64_t query_id) {
  auto connection = state_->pool.borrow();
  const Result row = connection->query(kTakeAnswer, {query_id});
  if (row.empty()) return std::nullopt;
  QueryAnswer answer;
  if (!row.is_null(0, 1)) answer.failure = meta::from_json<Failure>(row.text(0, 1));
  answer.value = row.optional_text(0, 0).value_or("null");
  return answer;
}

void PostgresJournal::answer(std::int64_t query_id, const QueryAnswer& answer) {
  std::optional<std::string> value;
  std::optional<std::string> failure;
  if (answer.failure) {
    failure = meta::to_json(*answer.failure);
  } else {
    value = answer.value;
  }
  state_->pool.borrow()->query(kAnswer, {query_id, value, failure});
}

std::optional<std::int64_t> PostgresJournal::acquire_lease(const std::string& owner,
                                                           std::chrono::milliseconds duration) {
  return state_->lease.acquire(owner, duration);
}

void PostgresJournal::renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) {
  state_->lease.renew(epoch, duration);
}

void PostgresJournal::release_lease(std::int64_t epoch) { state_->lease.release(epoch); }

std::vector<WorkflowRecord> PostgresJournal::running() {
  auto connection = state_->pool.borrow();
  return workflow_records(
      connection->query(std::string(kSelectRecord) + "w.state = 'running' ORDER BY w.execution_id"));
}

std::vector<WorkflowRecord> PostgresJournal::queued(std::size_t limit) {
  auto connection = state_->pool.borrow();
  return workflow_records(connection->query(
      std::string(kSelectRecord) +
          "w.state = 'queued' AND (w.parent IS NOT NULL OR w.execution_id IN ("
          "SELECT execution_id FROM wellhead_journal.workflow WHERE state = 'queued' AND parent IS NULL "
          "ORDER BY priority, execution_id LIMIT $1)) ORDER BY w.priority, w.execution_id",
      {static_cast<std::int64_t>(limit)}));
}

std::vector<WorkflowRecord> PostgresJournal::children(const std::string& execution_id) {
  auto connection = state_->pool.borrow();
  return workflow_records(connection->query(std::string(kSelectRecord) + "w.parent = $1 ORDER BY w.execution_id",
                                            {std::stoll(execution_id)}));
}

Notices PostgresJournal::notices() {
  auto connection = state_->pool.borrow();
  const Result rows = connection->query(kNotices);
  Notices notices;
  for (int row = 0; row < rows.rows(); ++row) {
    const std::string_view kind = rows.text(row, 0);
    std::string execution(rows.text(row, 1));
    if (kind == "cancel") {
      notices.cancelled.push_back(std::move(execution));
    } else if (kind == "pause") {
      notices.paused.push_back(std::move(execution));
    } else if (kind == "signal") {
      notices.signals.push_back(
          {rows.integer(row, 2), std::move(execution), std::string(rows.text(row, 3)), std::string(rows.text(row, 4))});
    } else {
      notices.queries.push_back({rows.integer(row, 2), std::move(execution), std::string(rows.text(row, 3))});
    }
  }
  return notices;
}

std::vector<StartedChild> PostgresJournal::append(std::int64_t epoch, std::span<const JournalEntry> entries) {
  auto connection = state_->pool.borrow();
  const auto write = [&] {
    const Result written = connection->query(append_statement(), append_parameters(epoch, entries));
    if (written.integer(0, 0) == 0) throw_lease_lost();
  };
  std::vector<StartedChild> started;
  meta::fail_point("journal_append", "before");
  if (std::ranges::none_of(entries, needs_more)) {
    write();
  } else {
    Transaction transaction(*connection);
    write();
    for (const JournalEntry& entry : entries) {
      for (auto& child : write_more(*connection, entry)) started.push_back(std::move(child));
    }
    transaction.commit();
  }
  meta::fail_point("journal_append", "after");
  return started;
}

bool PostgresJournal::create_schedule(const orchestration::Schedule& schedule, std::optional<meta::Time> next_at) {
  return storage::create_schedule(*state_->pool.borrow(), schedule, next_at);
}

bool PostgresJournal::delete_schedule(const std::string& schedule_id) {
  return storage::delete_schedule(*state_->pool.borrow(), schedule_id);
}

bool PostgresJournal::set_schedule_paused(const std::string& schedule_id, bool paused, const std::string& note,
                                          std::optional<meta::Time> next_at) {
  return storage::set_schedule_paused(*state_->pool.borrow(), schedule_id, paused, note, next_at);
}

bool PostgresJournal::trigger_schedule(const std::string& schedule_id) {
  return storage::trigger_schedule(*state_->pool.borrow(), schedule_id);
}

std::vector<orchestration::ScheduleRecord> PostgresJournal::schedules(const std::optional<std::string>& schedule_id) {
  return storage::read_schedules(*state_->pool.borrow(), schedule_id);
}

orchestration::DueSchedules PostgresJournal::due_schedules(meta::Time now) {
  return storage::due_schedules(*state_->pool.borrow(), now);
}

bool PostgresJournal::advance_schedule(std::int64_t epoch, const orchestration::ScheduleStep& step) {
  return storage::advance_schedule(*state_->pool.borrow(), epoch, step);
}

}  // namespace wellhead::storage
