#include "library/storage/postgres/journal_schedules.h"

#include <fmt/format.h>

#include <map>
#include <string_view>
#include <utility>

#include "library/storage/postgres/journal.h"

namespace wellhead::storage {
namespace {

using orchestration::DueSchedules;
using orchestration::Schedule;
using orchestration::ScheduleRecord;
using orchestration::ScheduleStep;

// A round of the owner deals with so many at most.
constexpr int kMostDue = 200;

constexpr std::string_view kColumns = R"(
  s.schedule_id, s.every_milliseconds, s.cron, s.workflow_type, s.input, s.priority, s.overlap, s.catchup_milliseconds,
  s.paused, s.note, (extract(epoch FROM s.created_at) * 1000000)::bigint,
  (extract(epoch FROM s.next_at) * 1000000)::bigint, (extract(epoch FROM s.buffered_at) * 1000000)::bigint,
  s.actions, s.skipped_overlap, s.missed_catchup, s.revision, s.triggers)";

constexpr std::string_view kInsertSchedule = R"(
  INSERT INTO wellhead_journal.schedule (schedule_id, every_milliseconds, cron, workflow_type, input, priority, overlap,
                                         catchup_milliseconds, paused, note, next_at)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::timestamptz)
  ON CONFLICT DO NOTHING)";
constexpr std::string_view kDelete = "DELETE FROM wellhead_journal.schedule WHERE schedule_id = $1";
constexpr std::string_view kSetSchedulePaused = R"(
  UPDATE wellhead_journal.schedule
  SET next_at = CASE WHEN $2 OR paused THEN $4::timestamptz ELSE next_at END,
      buffered_at = CASE WHEN NOT $2 THEN buffered_at END,
      note = coalesce(nullif($3, ''), note), paused = $2, revision = DEFAULT
  WHERE schedule_id = $1)";
constexpr std::string_view kTrigger =
    "UPDATE wellhead_journal.schedule SET triggers = triggers + 1, revision = DEFAULT WHERE schedule_id = $1";

constexpr std::string_view kDue = R"(
  s.next_at <= $1::timestamptz OR s.triggers > 0
  OR (s.buffered_at IS NOT NULL AND NOT EXISTS (
        SELECT FROM wellhead_journal.schedule_action a JOIN wellhead_journal.workflow w USING (workflow_id)
        WHERE a.schedule_id = s.schedule_id AND w.state IN ('queued', 'running'))))";
constexpr std::string_view kNext =
    "SELECT (extract(epoch FROM min(next_at)) * 1000000)::bigint "
    "FROM wellhead_journal.schedule WHERE next_at > $1::timestamptz";

constexpr std::string_view kActions = R"(
  SELECT a.schedule_id, (extract(epoch FROM a.scheduled_at) * 1000000)::bigint,
         (extract(epoch FROM a.started_at) * 1000000)::bigint, a.workflow_id, w.execution_id, w.state
  FROM wellhead_journal.schedule_action a
  JOIN LATERAL (SELECT execution_id, state FROM wellhead_journal.workflow w WHERE w.workflow_id = a.workflow_id
                ORDER BY execution_id DESC LIMIT 1) AS w ON true
  WHERE a.schedule_id = ANY ($1::text[]) ORDER BY a.number)";

constexpr std::string_view kAdvance = R"(
  UPDATE wellhead_journal.schedule
  SET next_at = $3::timestamptz, buffered_at = $4::timestamptz, triggers = triggers - $5, actions = actions + $6,
      skipped_overlap = skipped_overlap + $7, missed_catchup = missed_catchup + $8,
      paused = paused OR $9::text IS NOT NULL, note = coalesce($9, note), revision = DEFAULT
  WHERE schedule_id = $1 AND revision = $2)";
constexpr std::string_view kStart = R"(
  INSERT INTO wellhead_journal.workflow (workflow_id, workflow_type, input, priority)
  SELECT $2, workflow_type, input, priority FROM wellhead_journal.schedule WHERE schedule_id = $1
  ON CONFLICT (workflow_id) WHERE state IN ('queued', 'running') DO NOTHING)";
constexpr std::string_view kNoteStart = R"(
  INSERT INTO wellhead_journal.schedule_action (schedule_id, scheduled_at, workflow_id)
  VALUES ($1, $2::timestamptz, $3))";
constexpr std::string_view kCancel = R"(
  UPDATE wellhead_journal.workflow SET cancel_requested = true, paused = false
  WHERE workflow_id = ANY ($1::text[]) AND state IN ('queued', 'running'))";
constexpr std::string_view kForget = R"(
  DELETE FROM wellhead_journal.schedule_action a
  WHERE a.schedule_id = $1
    AND a.number <= (SELECT number FROM wellhead_journal.schedule_action WHERE schedule_id = $1
                     ORDER BY number DESC OFFSET $2 LIMIT 1)
    AND NOT EXISTS (SELECT FROM wellhead_journal.workflow w
                    WHERE w.workflow_id = a.workflow_id AND w.state IN ('queued', 'running')))";

std::optional<std::string> text_of(const std::optional<meta::Time>& time) {
  if (!time) return std::nullopt;
  return meta::to_rfc3339(*time);
}

std::optional<meta::Time> time_of(const Result& result, int row, int column) {
  const auto microseconds = result.optional_integer(row, column);
  if (!microseconds) return std::nullopt;
  return meta::Time(std::chrono::microseconds(*microseconds));
}

std::optional<std::chrono::milliseconds> duration_of(const Result& result, int row, int column) {
  const auto count = result.optional_integer(row, column);
  if (!count) return std::nullopt;
  return std::chrono::milliseconds(*count);
}

Value count_of(const std::optional<std::chrono::milliseconds>& duration) {
  return duration ? Value(duration->count()) : Value(nullptr);
}

ScheduleRecord schedule_of_row(const Result& result, int row) {
  ScheduleRecord record;
  Schedule& schedule = record.schedule;
  schedule.id = result.text(row, 0);
  schedule.spec = {duration_of(result, row, 1), std::string(result.text(row, 2))};
  schedule.action = {std::string(result.text(row, 3)), std::string(result.text(row, 4)),
                     static_cast<int>(result.integer(row, 5))};
  schedule.overlap = orchestration::overlap_policy_from_string(result.text(row, 6));
  schedule.catchup_window = duration_of(result, row, 7);
  schedule.paused = result.boolean(row, 8);
  schedule.note = result.text(row, 9);
  record.created_at = *time_of(result, row, 10);
  record.next_at = time_of(result, row, 11);
  record.buffered_at = time_of(result, row, 12);
  record.actions = result.integer(row, 13);
  record.skipped_overlap = result.integer(row, 14);
  record.missed_catchup = result.integer(row, 15);
  record.revision = result.integer(row, 16);
  record.triggers = result.integer(row, 17);
  return record;
}

std::vector<ScheduleRecord> records_of(Connection& connection, const Result& rows) {
  std::vector<ScheduleRecord> records;
  std::vector<std::string> ids;
  std::map<std::string, std::size_t> positions;
  for (int row = 0; row < rows.rows(); ++row) {
    records.push_back(schedule_of_row(rows, row));
    ids.push_back(records.back().schedule.id);
    positions[ids.back()] = records.size() - 1;
  }
  if (records.empty()) return records;
  const Result actions = connection.query(kActions, {array_literal(ids)});
  for (int row = 0; row < actions.rows(); ++row) {
    records[positions.at(std::string(actions.text(row, 0)))].recent.push_back(
        {*time_of(actions, row, 1), *time_of(actions, row, 2), std::string(actions.text(row, 3)),
         std::string(actions.text(row, 4)), orchestration::workflow_state_from_string(actions.text(row, 5))});
  }
  return records;
}

}  // namespace

bool create_schedule(Connection& connection, const Schedule& schedule, const std::optional<meta::Time>& next_at) {
  const std::optional<std::string> cron =
      schedule.spec.cron.empty() ? std::nullopt : std::optional<std::string>(schedule.spec.cron);
  return connection
             .query(kInsertSchedule,
                    {schedule.id, count_of(schedule.spec.every), cron, schedule.action.workflow_type,
                     schedule.action.input, schedule.action.priority, to_string(schedule.overlap),
                     count_of(schedule.catchup_window), schedule.paused, schedule.note, text_of(next_at)})
             .affected_rows() > 0;
}

bool delete_schedule(Connection& connection, const std::string& schedule_id) {
  return connection.query(kDelete, {schedule_id}).affected_rows() > 0;
}

bool set_schedule_paused(Connection& connection, const std::string& schedule_id, bool paused, const std::string& note,
                         const std::optional<meta::Time>& next_at) {
  return connection.query(kSetSchedulePaused, {schedule_id, paused, note, text_of(next_at)}).affected_rows() > 0;
}

bool trigger_schedule(Connection& connection, const std::string& schedule_id) {
  return connection.query(kTrigger, {schedule_id}).affected_rows() > 0;
}

std::vector<ScheduleRecord> read_schedules(Connection& connection, const std::optional<std::string>& schedule_id) {
  return records_of(connection,
                    connection.query(fmt::format("SELECT {} FROM wellhead_journal.schedule s "
                                                 "WHERE $1::text IS NULL OR schedule_id = $1 ORDER BY schedule_id",
                                                 kColumns),
                                     {schedule_id}));
}

DueSchedules due_schedules(Connection& connection, meta::Time now) {
  DueSchedules found;
  found.due = records_of(connection, connection.query(fmt::format("SELECT {} FROM wellhead_journal.schedule s WHERE {} "
                                                                  "ORDER BY s.next_at NULLS FIRST LIMIT {}",
                                                                  kColumns, kDue, kMostDue),
                                                      {meta::to_rfc3339(now)}));
  found.next_at = time_of(connection.query(kNext, {meta::to_rfc3339(now)}), 0, 0);
  if (found.due.size() == static_cast<std::size_t>(kMostDue)) found.next_at = now;
  return found;
}

bool advance_schedule(Connection& connection, std::int64_t epoch, const ScheduleStep& step) {
  Transaction transaction(connection);
  check_lease(connection, epoch);
  const Result moved = connection.query(
      kAdvance, {step.schedule_id, step.revision, text_of(step.next_at), text_of(step.buffered_at), step.triggers,
                 step.starts.size(), step.skipped_overlap, step.missed_catchup, step.pause});
  if (moved.affected_rows() == 0) return false;
  for (const auto& start : step.starts) {
    connection.query(kStart, {step.schedule_id, start.workflow_id});
    connection.query(kNoteStart, {step.schedule_id, meta::to_rfc3339(start.scheduled_at), start.workflow_id});
  }
  if (!step.cancels.empty()) connection.query(kCancel, {array_literal(step.cancels)});
  if (!step.starts.empty()) connection.query(kForget, {step.schedule_id, orchestration::kRecentActions});
  transaction.commit();
  return true;
}

}  // namespace wellhead::storage
