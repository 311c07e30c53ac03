#include "library/storage/postgres/journal.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "library/storage/postgres/journal_lease.h"

namespace wellhead::storage {
namespace {

using orchestration::Event;
using orchestration::Execution;
using orchestration::Failure;
using orchestration::JournalEntry;
using orchestration::Payload;
using orchestration::WorkflowRecord;
using orchestration::WorkflowState;

// The owner's thread, and whoever starts, follows and looks.
constexpr int kConnections = 4;

constexpr std::string_view kInsert = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input) VALUES ($1, $2, $3)
  ON CONFLICT (workflow_id) WHERE state IN ('queued', 'running') DO NOTHING
  RETURNING execution_id)";
constexpr std::string_view kFindOpen = R"(
  SELECT execution_id FROM wellhead_journal.workflow WHERE workflow_id = $1 AND state IN ('queued', 'running'))";

constexpr std::string_view kRecord = R"(
  SELECT execution_id, workflow_id, workflow_type, state, input, cancel_requested,
         CASE WHEN blocked_epoch = (SELECT epoch FROM wellhead_journal.lease) THEN blocked END,
         result, failure, (extract(epoch FROM created_at) * 1000000)::bigint,
         (extract(epoch FROM started_at) * 1000000)::bigint, (extract(epoch FROM ended_at) * 1000000)::bigint
  FROM wellhead_journal.workflow WHERE )";

constexpr std::string_view kHistory = R"(
  SELECT number, kind, sequence, name, attempt, (extract(epoch FROM started_at) * 1000000)::bigint,
         (extract(epoch FROM at) * 1000000)::bigint, payload
  FROM wellhead_journal.event WHERE execution_id = $1 ORDER BY number)";

constexpr std::string_view kRequestCancel = R"(
  UPDATE wellhead_journal.workflow SET cancel_requested = true
  WHERE execution_id = $1 AND state IN ('queued', 'running'))";
constexpr std::string_view kCancelRequests = R"(
  SELECT execution_id FROM wellhead_journal.workflow WHERE state = 'running' AND cancel_requested ORDER BY execution_id)";

// One statement, so one transaction and one round trip. Events that are there already were written by an earlier try of
// the same append: only the owner of the epoch writes, and it numbers them.
constexpr std::string_view kAppend = R"(
  WITH lease AS MATERIALIZED (SELECT epoch FROM wellhead_journal.lease WHERE epoch = $1 FOR KEY SHARE),
  written AS (
    INSERT INTO wellhead_journal.event (execution_id, number, kind, sequence, name, attempt, started_at, at, payload)
    SELECT e.execution_id, e.number, e.kind, e.sequence, e.name, e.attempt, nullif(e.started_at, '')::timestamptz,
           e.at::timestamptz, e.payload
    FROM lease, unnest($2::bigint[], $3::bigint[], $4::text[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
                       $9::text[], $10::text[])
      AS e (execution_id, number, kind, sequence, name, attempt, started_at, at, payload)
    ON CONFLICT DO NOTHING),
  changed AS (
    UPDATE wellhead_journal.workflow w
    SET state = coalesce(nullif(c.state, ''), w.state),
        started_at = coalesce(w.started_at, clock_timestamp()),
        ended_at = CASE WHEN c.state IN ('completed', 'failed', 'cancelled') THEN clock_timestamp() END,
        result = CASE WHEN c.state = 'completed' THEN c.outcome END,
        failure = CASE WHEN c.state = 'failed' THEN c.outcome END,
        blocked = nullif(c.blocked, ''), blocked_epoch = lease.epoch
    FROM lease, unnest($11::bigint[], $12::text[], $13::text[], $14::text[]) AS c (execution_id, state, outcome, blocked)
    WHERE w.execution_id = c.execution_id)
  SELECT count(*) FROM lease)";

std::optional<std::int64_t> parse_execution(const std::string& execution_id) {
  std::int64_t number = 0;
  const char* end = execution_id.data() + execution_id.size();
  const auto parsed = std::from_chars(execution_id.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<meta::Time> optional_time(const Result& result, int row, int column) {
  const auto microseconds = result.optional_integer(row, column);
  if (!microseconds) return std::nullopt;
  return meta::Time(std::chrono::microseconds(*microseconds));
}

std::optional<Failure> optional_failure(const Result& result, int row, int column) {
  if (result.is_null(row, column)) return std::nullopt;
  return meta::from_json<Failure>(result.text(row, column));
}

std::vector<WorkflowRecord> records(const Result& result) {
  std::vector<WorkflowRecord> found;
  for (int row = 0; row < result.rows(); ++row) {
    found.push_back({.execution_id = std::string(result.text(row, 0)),
                     .workflow_id = std::string(result.text(row, 1)),
                     .workflow_type = std::string(result.text(row, 2)),
                     .state = orchestration::workflow_state_from_string(result.text(row, 3)),
                     .input = std::string(result.text(row, 4)),
                     .cancel_requested = result.boolean(row, 5),
                     .blocked = optional_failure(result, row, 6),
                     .result = result.optional_text(row, 7),
                     .failure = optional_failure(result, row, 8),
                     .created_at = *optional_time(result, row, 9),
                     .started_at = optional_time(result, row, 10),
                     .ended_at = optional_time(result, row, 11)});
  }
  return found;
}

Event event(const Result& result, int row) {
  return {.number = result.integer(row, 0),
          .kind = orchestration::event_kind_from_string(result.text(row, 1)),
          .sequence = static_cast<orchestration::Sequence>(result.integer(row, 2)),
          .name = std::string(result.text(row, 3)),
          .attempt = static_cast<int>(result.integer(row, 4)),
          .started_at = optional_time(result, row, 5),
          .at = *optional_time(result, row, 6),
          .payload = std::string(result.text(row, 7))};
}

// The columns of an append, as unnest takes them.
class AppendColumns {
 public:
  explicit AppendColumns(std::span<const JournalEntry> entries) {
    for (const JournalEntry& entry : entries) {
      const std::int64_t execution = std::stoll(entry.execution_id);
      for (const Event& event : entry.events) add(execution, event);
      if (entry.state || entry.blocked) add_change(execution, entry);
    }
  }

  std::vector<Value> parameters(std::int64_t epoch) const {
    return {epoch,
            array_literal(executions_),
            array_literal(numbers_),
            array_literal(kinds_),
            array_literal(sequences_),
            array_literal(names_),
            array_literal(attempts_),
            array_literal(starts_),
            array_literal(times_),
            array_literal(payloads_),
            array_literal(changed_),
            array_literal(states_),
            array_literal(outcomes_),
            array_literal(blocked_)};
  }

 private:
  void add(std::int64_t execution, const Event& event) {
    executions_.push_back(execution);
    numbers_.push_back(event.number);
    kinds_.emplace_back(to_string(event.kind));
    sequences_.push_back(event.sequence);
    names_.push_back(event.name);
    attempts_.push_back(event.attempt);
    starts_.push_back(event.started_at ? meta::to_rfc3339(*event.started_at) : std::string());
    times_.push_back(meta::to_rfc3339(event.at));
    payloads_.push_back(event.payload);
  }

  void add_change(std::int64_t execution, const JournalEntry& entry) {
    changed_.push_back(execution);
    states_.emplace_back(entry.state ? to_string(*entry.state) : "");
    outcomes_.push_back(entry.events.empty() ? "null" : entry.events.back().payload);
    blocked_.push_back(entry.blocked ? meta::to_json(*entry.blocked) : std::string());
  }

  std::vector<std::int64_t> executions_, numbers_, sequences_, attempts_, changed_;
  std::vector<std::string> kinds_, names_, starts_, times_, payloads_, states_, outcomes_, blocked_;
};

}  // namespace

struct PostgresJournal::State {
  explicit State(const std::string& url)
      : pool(url, kConnections, {.application_name = "wellhead journal"}), lease(url) {}

  ConnectionPool pool;
  JournalLease lease;
};

PostgresJournal::PostgresJournal(std::string url) : state_(std::make_unique<State>(url)) {}

PostgresJournal::~PostgresJournal() = default;

Execution PostgresJournal::start(const std::string& workflow_type, const std::string& workflow_id,
                                 const Payload& input) {
  auto connection = state_->pool.borrow();
  return start_in(*connection, workflow_type, workflow_id, input);
}

Execution PostgresJournal::start_in(Connection& connection, const std::string& workflow_type,
                                    const std::string& workflow_id, const Payload& input) {
  for (;;) {
    const Result inserted = connection.query(kInsert, {workflow_id, workflow_type, input});
    if (!inserted.empty()) return {workflow_id, std::string(inserted.text(0, 0)), false};
    // Unless it has ended in between.
    const Result open = connection.query(kFindOpen, {workflow_id});
    if (!open.empty()) return {workflow_id, std::string(open.text(0, 0)), true};
  }
}

std::optional<WorkflowRecord> PostgresJournal::find(const std::string& execution_id) {
  const auto execution = parse_execution(execution_id);
  if (!execution) return std::nullopt;
  auto connection = state_->pool.borrow();
  auto found = records(connection->query(std::string(kRecord) + "execution_id = $1", {*execution}));
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
  const Result rows = connection->query(kHistory, {*execution});
  std::vector<Event> events;
  events.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) events.push_back(event(rows, row));
  return events;
}

bool PostgresJournal::request_cancel(const std::string& execution_id) {
  const auto execution = parse_execution(execution_id);
  if (!execution) return false;
  auto connection = state_->pool.borrow();
  return connection->query(kRequestCancel, {*execution}).affected_rows() > 0;
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
  return records(connection->query(std::string(kRecord) + "state = 'running' ORDER BY execution_id"));
}

std::vector<WorkflowRecord> PostgresJournal::queued(std::size_t limit) {
  auto connection = state_->pool.borrow();
  return records(connection->query(std::string(kRecord) + "state = 'queued' ORDER BY execution_id LIMIT $1",
                                   {static_cast<std::int64_t>(limit)}));
}

std::vector<std::string> PostgresJournal::cancel_requests() {
  auto connection = state_->pool.borrow();
  const Result rows = connection->query(kCancelRequests);
  std::vector<std::string> executions;
  for (int row = 0; row < rows.rows(); ++row) executions.emplace_back(rows.text(row, 0));
  return executions;
}

void PostgresJournal::append(std::int64_t epoch, std::span<const JournalEntry> entries) {
  auto connection = state_->pool.borrow();
  const Result written = connection->query(kAppend, AppendColumns(entries).parameters(epoch));
  if (written.integer(0, 0) == 0) throw_lease_lost();
}

}  // namespace wellhead::storage
