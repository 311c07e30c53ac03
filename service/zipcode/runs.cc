#include "service/zipcode/runs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "library/meta/error.h"
#include "service/resource/resource_table.h"

namespace wellhead::zipcode {
namespace {

using storage::Connection;
using storage::Result;

constexpr std::string_view kSelectRun = R"sql(
  SELECT run_id, zipcode, source_url, state,
         to_char(requested_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         to_char(started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         to_char(finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
         extract(epoch FROM coalesce(finished_at, clock_timestamp()) - started_at)::float8,
         failed_step, error, options::text, paused
    FROM run )sql";

Run run_of(const Result& result, int row) {
  Run run;
  run.run = {result.integer(row, 0)};
  run.zipcode = meta::Zipcode::parse(result.text(row, 1));
  run.source_url = result.text(row, 2);
  run.state = result.text(row, 3);
  run.requested_at = result.text(row, 4);
  run.started_at = result.optional_text(row, 5);
  run.finished_at = result.optional_text(row, 6);
  if (!result.is_null(row, 7)) run.seconds = result.number(row, 7);
  run.failed_step = result.optional_text(row, 8);
  run.error = result.optional_text(row, 9);
  run.options = meta::from_json<LoadOptions>(result.text(row, 10));
  run.paused = result.boolean(row, 11);
  return run;
}

std::vector<Run> runs_of(const Result& result) {
  std::vector<Run> runs;
  runs.reserve(static_cast<std::size_t>(result.rows()));
  for (int row = 0; row < result.rows(); ++row) runs.push_back(run_of(result, row));
  return runs;
}

std::string with_thousands(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

}  // namespace

RequestedRun request_run(Connection& connection, const meta::Zipcode& zipcode, std::string_view source_url,
                         const LoadOptions& options) {
  // Two requests may race for the unique index of open runs, and the run found may end before it is read.
  for (int attempt = 0; attempt < 10; ++attempt) {
    const auto open = connection.query("SELECT run_id FROM run WHERE zipcode = $1 AND state IN ('queued', 'running')",
                                       {zipcode.text()});
    if (!open.empty()) return {{open.integer(0, 0)}, true};
    const auto inserted = connection.query(
        "INSERT INTO run (zipcode, source_url, options) VALUES ($1, $2, $3::jsonb) "
        "ON CONFLICT (zipcode) WHERE state IN ('queued', 'running') DO NOTHING RETURNING run_id",
        {zipcode.text(), source_url, meta::to_json(options)});
    if (!inserted.empty()) return {{inserted.integer(0, 0)}, false};
  }
  throw meta::Error(meta::ErrorCode::database_conflict,
                    fmt::format("no run could be queued for zip code {}", zipcode.text()), "Try again");
}

void reopen_run(Connection& connection, const Run& run) {
  const auto refuse = [&](std::string why) {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("run {} cannot be retried: {}", run.run.value, why),
                      "`wellhead runs` lists what runs");
  };
  try {
    const auto reopened = connection.query(
        "UPDATE run SET state = CASE WHEN started_at IS NULL THEN 'queued' ELSE 'running' END, failed_step = NULL, "
        "error = NULL, finished_at = NULL WHERE run_id = $1 AND state IN ('failed', 'cancelled') AND NOT retry_barred",
        {run.run.value});
    if (reopened.affected_rows() == 0)
      refuse("it was retried already, or a patient that it has received was erased since");
  } catch (const meta::Error& error) {
    if (error.code() != meta::ErrorCode::database_conflict) throw;
    refuse(fmt::format("zip code {} is loading in another run", run.zipcode.text()));
  }
}

Run read_run(Connection& connection, meta::RunId run) {
  const auto result = connection.query(std::string(kSelectRun) + "WHERE run_id = $1", {run.value});
  if (result.empty()) {
    throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no run {}", run.value),
                      "`wellhead runs` lists them");
  }
  return run_of(result, 0);
}

std::vector<Run> read_runs(Connection& connection, std::optional<meta::Zipcode> zipcode, int limit) {
  const std::optional<std::string> only = zipcode ? std::optional(zipcode->text()) : std::nullopt;
  return runs_of(connection.query(
      std::string(kSelectRun) + "WHERE $1::text IS NULL OR zipcode = $1 ORDER BY run_id DESC LIMIT $2", {only, limit}));
}

std::vector<Run> read_open_runs(Connection& connection) {
  return runs_of(connection.query(std::string(kSelectRun) + "WHERE state IN ('queued', 'running') ORDER BY run_id"));
}

std::vector<Receipt> read_receipts(Connection& connection, meta::RunId run) {
  const auto result = connection.query(
      "SELECT resource_type, verdict, server_total_before, server_total_after, entries_received, duplicates, "
      "out_of_zip, "
      "rejected, erased, staged, inserted, updated, unchanged, older, missing, no_longer_found, requests, retries, "
      "bytes_received, seconds, replace(digest::text, '-', ''), table_name, place, filtered FROM receipt "
      "WHERE run_id = $1 ORDER BY resource_type = 'Patient' DESC, resource_type = 'Observation' DESC, resource_type, "
      "place",
      {run.value});
  constexpr auto count_members = std::to_array<std::int64_t Receipt::*>(
      {&Receipt::entries_received, &Receipt::duplicates, &Receipt::out_of_zip, &Receipt::rejected, &Receipt::erased,
       &Receipt::staged, &Receipt::inserted, &Receipt::updated, &Receipt::unchanged, &Receipt::older, &Receipt::missing,
       &Receipt::no_longer_found, &Receipt::requests, &Receipt::retries, &Receipt::bytes_received});
  std::vector<Receipt> receipts;
  for (int row = 0; row < result.rows(); ++row) {
    Receipt receipt;
    receipt.resource_type = result.text(row, 0);
    receipt.verdict = result.text(row, 1);
    receipt.server_total_before = result.optional_integer(row, 2);
    receipt.server_total_after = result.optional_integer(row, 3);
    int column = 4;
    for (const auto count : count_members) receipt.*count = result.integer(row, column++);
    receipt.seconds = result.number(row, column++);
    receipt.digest = result.optional_text(row, column++);
    receipt.table = result.text(row, column++);
    receipt.place = result.integer(row, column++);
    receipt.filtered = result.integer(row, column);
    receipts.push_back(std::move(receipt));
  }
  return receipts;
}

Progress read_progress(Connection& connection, meta::RunId run) {
  const auto result = connection.query(
      R"sql(
      SELECT (SELECT patients_before FROM run WHERE run_id = $1),
             coalesce(sum((result->>'pages')::bigint) FILTER (WHERE resource_type = 'Patient'), 0),
             count(*) FILTER (WHERE resource_type = 'Observation'),
             coalesce(sum(staged) FILTER (WHERE resource_type = 'Patient'), 0),
             coalesce(sum((result->>'patients')::bigint) FILTER (WHERE resource_type = 'Observation'), 0),
             coalesce(sum(staged) FILTER (WHERE resource_type = 'Observation'), 0),
             (SELECT coalesce(sum(rows), 0) FROM load_ledger WHERE run_id = $1),
             coalesce(sum(rejected), 0), coalesce(sum(requests), 0), coalesce(sum(retries), 0),
             coalesce(sum(bytes_received), 0),
             sum(staged) FILTER (WHERE resource_type NOT IN ('Patient', 'Observation'))
        FROM staged_batch WHERE run_id = $1)sql",
      {run.value});
  Progress progress;
  progress.run = read_run(connection, run);
  progress.patients_expected = result.optional_integer(0, 0);
  constexpr auto sum_members = std::to_array<std::int64_t Progress::*>(
      {&Progress::patient_pages, &Progress::observation_batches, &Progress::patients_staged,
       &Progress::patients_covered, &Progress::observations_staged, &Progress::rows_loaded, &Progress::rejected,
       &Progress::requests, &Progress::retries, &Progress::bytes_received});
  int column = 1;
  for (const auto sum : sum_members) progress.*sum = result.integer(0, column++);
  progress.others_staged = result.optional_integer(0, column);
  return progress;
}

std::string receipt_sentence(const Run& run, const std::vector<Receipt>& receipts) {
  if (run.state == "failed") {
    return fmt::format("failed at {}: {}", run.failed_step.value_or("an unknown step"),
                       run.error.value_or("no reason kept"));
  }
  if (run.open() || receipts.empty()) return run.state;
  std::string counts;
  std::int64_t rejected = 0;
  std::int64_t missing = 0;
  for (const auto& receipt : receipts) {
    const auto noun = receipt.place == 0 ? resource::plural_of_type(receipt.resource_type) : "in " + receipt.table;
    counts += fmt::format("{} {}, ", with_thousands(receipt.staged), noun);
    rejected += receipt.rejected;
    if (receipt.place == 0) missing += receipt.missing;
  }
  const auto when = run.finished_at.value_or(run.requested_at);
  const auto unknown = run.state == "unverified" ? " (the server gives no totals to check against)" : "";
  return fmt::format("{} as of {}: {}{} rejected, {} missing{}", run.state, when, counts, with_thousands(rejected),
                     with_thousands(missing), unknown);
}

}  // namespace wellhead::zipcode
