#include "library/storage/postgres/journal_rows.h"

#include <fmt/format.h>

#include <charconv>
#include <utility>

#include "library/meta/digest.h"
#include "library/orchestration/replay.h"

namespace wellhead::storage {
namespace {

using orchestration::Event;
using orchestration::Failure;
using orchestration::WorkflowRecord;

std::optional<meta::Time> optional_time(const Result& result, int row, int column) {
  const auto microseconds = result.optional_integer(row, column);
  if (!microseconds) return std::nullopt;
  return meta::Time(std::chrono::microseconds(*microseconds));
}

std::optional<Failure> optional_failure(const Result& result, int row, int column) {
  if (result.is_null(row, column)) return std::nullopt;
  return meta::from_json<Failure>(result.text(row, column));
}

std::uint64_t seed_of(const Result& result, int row, int column) {
  if (const auto kept = result.optional_integer(row, column)) return static_cast<std::uint64_t>(*kept);
  return orchestration::random_seed(std::string(result.text(row, 0)));
}

WorkflowRecord record_of(const Result& result, int row) {
  return {.execution_id = std::string(result.text(row, 0)),
          .workflow_id = std::string(result.text(row, 1)),
          .workflow_type = std::string(result.text(row, 2)),
          .state = orchestration::workflow_state_from_string(result.text(row, 3)),
          .input = std::string(result.text(row, 4)),
          .priority = static_cast<int>(result.integer(row, 5)),
          .random_seed = seed_of(result, row, 6),
          .cancel_requested = result.boolean(row, 7),
          .paused = result.boolean(row, 8),
          .blocked = optional_failure(result, row, 9),
          .result = result.optional_text(row, 10),
          .failure = optional_failure(result, row, 11),
          .created_at = *optional_time(result, row, 12),
          .started_at = optional_time(result, row, 13),
          .ended_at = optional_time(result, row, 14),
          .parent = result.optional_text(row, 15),
          .parent_sequence = static_cast<orchestration::Sequence>(result.integer(row, 16)),
          .previous = result.optional_text(row, 17),
          .successor = result.optional_text(row, 18),
          .retried = result.boolean(row, 19)};
}

Event event_of(const Result& result, int row) {
  return {.number = result.integer(row, 0),
          .kind = orchestration::event_kind_from_string(result.text(row, 1)),
          .sequence = static_cast<orchestration::Sequence>(result.integer(row, 2)),
          .name = std::string(result.text(row, 3)),
          .attempt = static_cast<int>(result.integer(row, 4)),
          .started_at = optional_time(result, row, 5),
          .at = *optional_time(result, row, 6),
          .payload = std::string(result.text(row, 7))};
}

std::int64_t microseconds(const std::optional<meta::Time>& time) {
  return time ? time->time_since_epoch().count() : -1;
}

std::string digest_of(std::int64_t execution, const Event& event) {
  const auto text =
      fmt::format("{} {} {} {} {} {} {} {}:{}{}", execution, event.number, orchestration::to_string(event.kind),
                  event.sequence, event.attempt, microseconds(event.started_at), microseconds(event.at),
                  event.name.size(), event.name, event.payload);
  const auto hex = meta::row_digest(text).hex();
  return {hex.data(), hex.size()};
}

[[noreturn]] void throw_damaged(const std::string& execution_id, std::int64_t number, std::string_view what) {
  throw meta::Error(meta::ErrorCode::journal_damaged,
                    fmt::format("event {} of execution {} in wellhead_journal.event {}", number, execution_id, what),
                    "Somebody has changed the journal: restore it, or load the zip code again; what is loaded stays");
}

}  // namespace

const std::string_view kSelectRecord = R"(
  SELECT w.execution_id, w.workflow_id, w.workflow_type, w.state, w.input, w.priority, w.random_seed,
         w.cancel_requested, w.paused,
         CASE WHEN w.blocked_epoch = (SELECT epoch FROM wellhead_journal.lease) THEN w.blocked END,
         w.result, w.failure, (extract(epoch FROM w.created_at) * 1000000)::bigint,
         (extract(epoch FROM w.started_at) * 1000000)::bigint, (extract(epoch FROM w.ended_at) * 1000000)::bigint,
         w.parent, w.parent_sequence, w.previous,
         (SELECT s.execution_id FROM wellhead_journal.workflow s WHERE s.previous = w.execution_id), w.retried
  FROM wellhead_journal.workflow w WHERE )";

const std::string_view kSelectHistory = R"(
  SELECT number, kind, sequence, name, attempt, (extract(epoch FROM started_at) * 1000000)::bigint,
         (extract(epoch FROM at) * 1000000)::bigint, payload, replace(digest::text, '-', '')
  FROM wellhead_journal.event WHERE execution_id = $1 ORDER BY number)";

const std::string_view kInsertEvents = R"(
  INSERT INTO wellhead_journal.event
    (execution_id, number, kind, sequence, name, attempt, started_at, at, payload, digest)
  SELECT e.execution_id, e.number, e.kind, e.sequence, e.name, e.attempt, nullif(e.started_at, '')::timestamptz,
         e.at::timestamptz, e.payload, e.digest::uuid
  FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::text[], $6::bigint[], $7::text[], $8::text[],
              $9::text[], $10::text[])
    AS e (execution_id, number, kind, sequence, name, attempt, started_at, at, payload, digest)
  ON CONFLICT DO NOTHING)";

std::optional<std::int64_t> parse_execution(const std::string& execution_id) {
  std::int64_t number = 0;
  const char* end = execution_id.data() + execution_id.size();
  const auto parsed = std::from_chars(execution_id.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) return std::nullopt;
  return number;
}

std::vector<WorkflowRecord> workflow_records(const Result& result) {
  std::vector<WorkflowRecord> found;
  found.reserve(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) found.push_back(record_of(result, row));
  return found;
}

std::vector<Event> history_of(const std::string& execution_id, const Result& result) {
  const auto execution = parse_execution(execution_id).value_or(0);
  std::vector<Event> events;
  events.reserve(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) {
    events.push_back(event_of(result, row));
    const Event& event = events.back();
    if (event.number != row + 1) throw_damaged(execution_id, row + 1, "is missing");
    const auto digest = result.optional_text(row, 8);
    if (digest && *digest != digest_of(execution, event)) {
      throw_damaged(execution_id, event.number, "is not as it was written (its digest differs)");
    }
  }
  return events;
}

void EventColumns::add(std::int64_t execution, const Event& event) {
  executions_.push_back(execution);
  numbers_.push_back(event.number);
  kinds_.emplace_back(orchestration::to_string(event.kind));
  sequences_.push_back(event.sequence);
  names_.push_back(event.name);
  attempts_.push_back(event.attempt);
  starts_.push_back(event.started_at ? meta::to_rfc3339(*event.started_at) : std::string());
  times_.push_back(meta::to_rfc3339(event.at));
  payloads_.push_back(event.payload);
  digests_.push_back(digest_of(execution, event));
}

std::vector<Value> EventColumns::parameters() const {
  return {array_literal(executions_), array_literal(numbers_),  array_literal(kinds_),  array_literal(sequences_),
          array_literal(names_),      array_literal(attempts_), array_literal(starts_), array_literal(times_),
          array_literal(payloads_),   array_literal(digests_)};
}

}  // namespace wellhead::storage
