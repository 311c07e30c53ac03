#include "service/zipcode/route_queries.h"

#include <string>

namespace wellhead::zipcode {
namespace {

std::string moment_text(const std::string& value) {
  return "to_char(" + value + " AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')";
}

// The members of a run, as zipcode::Run is described (runs.h).
std::string run_members() {
  return "'run', r.run_id, 'zipcode', r.zipcode, 'source_url', r.source_url, 'state', r.state, 'requested_at', " +
         moment_text("r.requested_at") + ", 'started_at', " + moment_text("r.started_at") + ", 'finished_at', " +
         moment_text("r.finished_at") +
         ", 'seconds', round(extract(epoch FROM coalesce(r.finished_at, clock_timestamp()) - r.started_at), 3), "
         "'failed_step', r.failed_step, 'error', r.error, 'options', r.options, 'paused', r.paused";
}

std::string run_summary(const std::string& run) {
  return "json_build_object('run', " + run + ".run_id, 'state', " + run + ".state, 'requested_at', " +
         moment_text(run + ".requested_at") + ", 'finished_at', " + moment_text(run + ".finished_at") + ")";
}

// As zipcode::Progress is described, without the run.
constexpr const char* kProgress = R"sql(
  (SELECT json_build_object(
      'patients_expected', r.patients_before,
      'patient_pages', coalesce(sum((result->>'pages')::bigint) FILTER (WHERE resource_type = 'Patient'), 0),
      'observation_batches', count(*) FILTER (WHERE resource_type = 'Observation'),
      'patients_staged', coalesce(sum(staged) FILTER (WHERE resource_type = 'Patient'), 0),
      'patients_covered', coalesce(sum((result->>'patients')::bigint) FILTER (WHERE resource_type = 'Observation'), 0),
      'observations_staged', coalesce(sum(staged) FILTER (WHERE resource_type = 'Observation'), 0),
      'rows_loaded', (SELECT coalesce(sum(rows), 0) FROM load_ledger WHERE run_id = r.run_id),
      'rejected', coalesce(sum(rejected), 0),
      'requests', coalesce(sum(requests), 0),
      'retries', coalesce(sum(retries), 0),
      'bytes_received', coalesce(sum(bytes_received), 0),
      'others_staged', sum(staged) FILTER (WHERE resource_type NOT IN ('Patient', 'Observation')))
     FROM staged_batch WHERE run_id = r.run_id))sql";

// As zipcode::Receipt is described.
constexpr const char* kReceipts = R"sql(
  (SELECT coalesce(json_agg(json_build_object(
      'resource_type', resource_type, 'table', table_name, 'verdict', verdict,
      'server_total_before', server_total_before, 'server_total_after', server_total_after,
      'entries_received', entries_received, 'duplicates', duplicates, 'out_of_zip', out_of_zip, 'rejected', rejected,
      'erased', erased, 'filtered', filtered, 'staged', staged, 'inserted', inserted, 'updated', updated, 'unchanged', unchanged,
      'older', older, 'missing', missing, 'no_longer_found', no_longer_found, 'requests', requests, 'retries', retries,
      'bytes_received', bytes_received, 'seconds', seconds, 'digest', replace(digest::text, '-', ''))
      ORDER BY resource_type = 'Patient' DESC, resource_type = 'Observation' DESC, resource_type, place), '[]')
     FROM receipt WHERE run_id = r.run_id))sql";

std::string run_sql() {
  return "SELECT r.run_id, json_strip_nulls(json_build_object(" + run_members() + ")) FROM run r";
}

std::string run_detail_sql() {
  return "SELECT r.run_id, json_strip_nulls(json_build_object(" + run_members() + ", 'receipts', " + kReceipts +
         ")) FROM run r WHERE r.run_id = $1";
}

std::string progress_sql() {
  return std::string("SELECT r.run_id, json_strip_nulls(") + kProgress + ") FROM run r WHERE r.run_id = $1";
}

std::string runs_sql(bool by_zipcode, bool by_state) {
  int next = 1;
  std::string conditions;
  if (by_zipcode) conditions += "r.zipcode = $" + std::to_string(next++) + " AND ";
  if (by_state) conditions += "r.state = $" + std::to_string(next++) + " AND ";
  const std::string before = std::to_string(next++);
  return run_sql() + " WHERE " + conditions + "r.run_id < $" + before + "::bigint ORDER BY r.run_id DESC LIMIT $" +
         std::to_string(next) + "::bigint";
}

// A zip code that was asked for and has not begun to load stands in `run` only. The counts are those of the last
// complete run's receipts, so that a list costs no count over the rows.
std::string zipcode_sql(const std::string& known, const std::string& queued, const std::string& rest) {
  return "SELECT z.zipcode, json_strip_nulls(json_build_object('zipcode', z.zipcode, 'patients', coalesce(n.patients, "
         "0), "
         "'observations', coalesce(n.observations, 0), 'last_run', " +
         run_summary("r") + ", 'last_complete_run', CASE WHEN c.run_id IS NOT NULL THEN " + run_summary("c") +
         " END, 'as_of', " + moment_text("coalesce(c.started_at, c.requested_at)") +
         ", 'age_seconds', floor(extract(epoch FROM clock_timestamp() - coalesce(c.started_at, c.requested_at))))) "
         "FROM (SELECT zipcode, last_complete_run FROM zipcode WHERE " +
         known + " UNION ALL SELECT zipcode, NULL FROM run q WHERE state IN ('queued', 'running') AND " + queued +
         " AND NOT EXISTS (SELECT FROM zipcode k WHERE k.zipcode = q.zipcode)) z "
         "CROSS JOIN LATERAL (SELECT * FROM run WHERE run.zipcode = z.zipcode ORDER BY run_id DESC LIMIT 1) r "
         "LEFT JOIN run c ON c.run_id = z.last_complete_run "
         "LEFT JOIN LATERAL (SELECT sum(staged) FILTER (WHERE resource_type = 'Patient') AS patients, "
         "sum(staged) FILTER (WHERE resource_type = 'Observation') AS observations FROM ("
         "SELECT resource_type, staged FROM receipt WHERE run_id = z.last_complete_run AND place = 0 UNION ALL "
         "SELECT resource_type, staged FROM staged_batch WHERE z.last_complete_run IS NULL AND run_id = r.run_id) "
         "staged) n "
         "ON true" +
         rest;
}

}  // namespace

RouteStatements::RouteStatements()
    : zipcodes(zipcode_sql("zipcode > $1", "q.zipcode > $1", " ORDER BY z.zipcode LIMIT $2::bigint")),
      zipcode(zipcode_sql("zipcode = $1", "q.zipcode = $1", "")),
      run(run_sql() + " WHERE r.run_id = $1"),
      run_detail(run_detail_sql()),
      progress(progress_sql()) {
  for (const bool by_zipcode : {false, true}) {
    for (const bool by_state : {false, true}) {
      runs_[by_zipcode ? 1 : 0][by_state ? 1 : 0] =
          std::make_unique<storage::Statement>(runs_sql(by_zipcode, by_state));
    }
  }
}

}  // namespace wellhead::zipcode
