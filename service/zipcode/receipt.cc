#include "service/zipcode/receipt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "service/zipcode/runs.h"

namespace wellhead::zipcode {
namespace {

using storage::Connection;

// Sums over the staged batches and the ledger. A repeated entry is either left out when it is staged (`duplicates` of
// the batch) or staged and left out by the loader; the second kind is what the ledger counts.
constexpr std::string_view kSums = R"sql(
  WITH batches AS (
    SELECT coalesce(sum(entries_received), 0) AS entries, coalesce(sum(duplicates), 0) AS duplicates,
           coalesce(sum(out_of_zip), 0) AS out_of_zip, coalesce(sum(rejected), 0) AS rejected,
           coalesce(sum(erased), 0) AS erased, coalesce(sum(staged), 0) AS staged, coalesce(sum(missing), 0) AS missing,
           coalesce(bool_and(totals_known), true) AS totals_known, sum(server_total_before) AS total_before,
           sum(server_total_after) AS total_after, coalesce(sum(requests), 0) AS requests,
           coalesce(sum(retries), 0) AS retries, coalesce(sum(bytes_received), 0) AS bytes,
           coalesce(sum(seconds), 0)::float8 AS seconds
      FROM staged_batch WHERE run_id = $1 AND resource_type = $2
  ), loaded AS (
    SELECT coalesce(sum(inserted), 0) AS inserted, coalesce(sum(updated), 0) AS updated,
           coalesce(sum(unchanged), 0) AS unchanged, coalesce(sum(older), 0) AS older,
           coalesce(sum(rows), 0) AS rows, coalesce(sum(duplicates), 0) AS duplicates
      FROM load_ledger WHERE run_id = $1 AND table_name = $3
  ), repeated AS (  -- entries that were distinct in their batch, but not in the run
    SELECT loaded.duplicates - (loaded.rows - batches.staged) AS entries FROM loaded, batches
  )
  SELECT batches.entries, batches.duplicates + repeated.entries, out_of_zip, rejected, erased, staged - repeated.entries, inserted, updated, unchanged, older, missing, requests,
         retries, bytes, seconds, totals_known, total_before, total_after
    FROM batches, loaded, repeated)sql";

// Also says how many rows of the zip code this run did not find any more. The ids' order is the bytes' order, whatever
// the database's collation, so that digests from two databases can be compared.
constexpr std::string_view kPatientDigest = R"sql(
  SELECT count(*) FILTER (WHERE member.last_seen_run < $1),
         md5(string_agg(uuid_send(patient.digest), ''::bytea ORDER BY patient.id COLLATE "C")
             FILTER (WHERE member.last_seen_run >= $1))::uuid
    FROM zipcode_patient member JOIN patient ON patient.id = member.patient_id
   WHERE member.zipcode = $2)sql";
constexpr std::string_view kObservationDigest = R"sql(
  SELECT count(*) FILTER (WHERE observation.last_seen_run < $1),
         md5(string_agg(uuid_send(observation.digest), ''::bytea ORDER BY observation.id COLLATE "C")
             FILTER (WHERE observation.last_seen_run >= $1))::uuid
    FROM zipcode_patient member JOIN observation ON observation.patient_id = member.patient_id
   WHERE member.zipcode = $2)sql";

struct ResourceTable {
  std::string_view resource_type;
  std::string_view table;
  std::string_view digest_query;
};

constexpr ResourceTable kPatients{"Patient", "patient", kPatientDigest};
constexpr ResourceTable kObservations{"Observation", "observation", kObservationDigest};

Receipt sums_of(Connection& connection, meta::RunId run, const ResourceTable& table) {
  const auto result = connection.query(kSums, {run.value, table.resource_type, table.table});
  Receipt receipt;
  receipt.resource_type = table.resource_type;
  constexpr auto count_members = std::to_array<std::int64_t Receipt::*>(
      {&Receipt::entries_received, &Receipt::duplicates, &Receipt::out_of_zip, &Receipt::rejected, &Receipt::erased,
       &Receipt::staged, &Receipt::inserted, &Receipt::updated, &Receipt::unchanged, &Receipt::older, &Receipt::missing,
       &Receipt::requests, &Receipt::retries, &Receipt::bytes_received});
  int column = 0;
  for (const auto count : count_members) receipt.*count = result.integer(0, column++);
  receipt.seconds = result.number(0, column++);
  const bool totals_known = result.boolean(0, column++);
  if (totals_known) {
    receipt.server_total_before = result.optional_integer(0, column);
    receipt.server_total_after = result.optional_integer(0, column + 1);
  }
  receipt.verdict = receipt.missing > 0 ? "incomplete" : totals_known ? "complete" : "unverified";
  return receipt;
}

void check_sums(const Receipt& receipt, meta::RunId run) {
  const auto accounted = receipt.duplicates + receipt.out_of_zip + receipt.rejected + receipt.erased + receipt.staged;
  const auto loaded = receipt.inserted + receipt.updated + receipt.unchanged + receipt.older;
  if (receipt.entries_received == accounted && receipt.staged == loaded) return;
  throw meta::Error(
      meta::ErrorCode::internal,
      fmt::format("the receipt of run {} does not add up for {}: {} entries received but {} accounted for, "
                  "{} staged but {} loaded",
                  run.value, receipt.resource_type, receipt.entries_received, accounted, receipt.staged, loaded),
      "This is a defect of Wellhead; the rows are kept, loading the zip code again starts afresh");
}

// The sums alone would take rows that were never loaded for repeated entries.
void check_all_loaded(Connection& connection, meta::RunId run) {
  const auto result = connection.query(
      "SELECT count(*), coalesce(sum(staged.rows), 0) FROM staged_blob staged "
      "LEFT JOIN load_ledger loaded USING (run_id, batch, table_name, blob_key) "
      "WHERE staged.run_id = $1 AND loaded.rows IS DISTINCT FROM staged.rows",
      {run.value});
  if (result.integer(0, 0) == 0) return;
  throw meta::Error(
      meta::ErrorCode::internal,
      fmt::format("the receipt of run {} cannot be issued: {} staged blobs with {} rows are not in the ledger",
                  run.value, result.integer(0, 0), result.integer(0, 1)),
      "This is a defect of Wellhead; the rows are kept, loading the zip code again starts afresh");
}

void add_digest(Connection& connection, const Run& run, const ResourceTable& table, Receipt& receipt) {
  const auto result = connection.query(table.digest_query, {run.run.value, run.zipcode.text()});
  receipt.no_longer_found = result.integer(0, 0);
  receipt.digest = result.optional_text(0, 1);
}

void check_patients(Connection& connection, meta::RunId run, Receipt& receipt) {
  const auto totals =
      connection.query("SELECT patients_before, patients_after FROM run WHERE run_id = $1", {run.value});
  receipt.server_total_before = totals.optional_integer(0, 0);
  receipt.server_total_after = totals.optional_integer(0, 1);
  receipt.missing = check_patient_totals(connection, run).missing;
  const bool known = receipt.server_total_before && receipt.server_total_after;
  receipt.verdict = receipt.missing > 0 ? "incomplete" : known ? "complete" : "unverified";
}

void write_receipt(Connection& connection, meta::RunId run, const Receipt& r) {
  connection.query(
      "INSERT INTO receipt (run_id, resource_type, verdict, server_total_before, server_total_after, entries_received, "
      "duplicates, out_of_zip, rejected, erased, staged, inserted, updated, unchanged, older, missing, "
      "no_longer_found, "
      "requests, retries, bytes_received, seconds, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, "
      "$13, "
      "$14, $15, $16, $17, $18, $19, $20, $21, $22)",
      {run.value,
       r.resource_type,
       r.verdict,
       r.server_total_before,
       r.server_total_after,
       r.entries_received,
       r.duplicates,
       r.out_of_zip,
       r.rejected,
       r.erased,
       r.staged,
       r.inserted,
       r.updated,
       r.unchanged,
       r.older,
       r.missing,
       r.no_longer_found,
       r.requests,
       r.retries,
       r.bytes_received,
       r.seconds,
       r.digest});
}

void end_run(Connection& connection, const Run& run, const std::string& verdict) {
  connection.query("UPDATE run SET state = $2, finished_at = clock_timestamp() WHERE run_id = $1",
                   {run.run.value, verdict});
  if (verdict == "incomplete") return;
  connection.query("UPDATE zipcode SET last_complete_run = greatest(last_complete_run, $1::bigint) WHERE zipcode = $2",
                   {run.run.value, run.zipcode.text()});
  connection.query("DELETE FROM run_patient WHERE run_id = $1", {run.run.value});
}

}  // namespace

std::int64_t outside_totals(std::int64_t distinct, std::optional<std::int64_t> before,
                            std::optional<std::int64_t> after) {
  if (!before || !after) return 0;
  const auto [low, high] = std::minmax(*before, *after);
  if (distinct < low) return low - distinct;
  return distinct > high ? distinct - high : 0;
}

TotalsChecked check_patient_totals(Connection& connection, meta::RunId run) {
  const auto result = connection.query(
      "SELECT patients_before, patients_after, (SELECT count(*) FROM run_patient WHERE run_id = $1) + "
      "(SELECT count(*) FROM reject WHERE run_id = $1 AND resource_type = 'Patient' AND resource_id IS NULL) "
      "FROM run WHERE run_id = $1",
      {run.value});
  const auto missing =
      outside_totals(result.integer(0, 2), result.optional_integer(0, 0), result.optional_integer(0, 1));
  return {missing == 0, missing};
}

LoadOutcome issue_receipt(Connection& connection, meta::RunId run_id, const storage::Fence& fence) {
  storage::Transaction transaction(connection);
  fence(connection);
  const auto run = read_run(connection, run_id);
  if (!run.open()) return {run.state};  // repeated after its commit was not heard of
  check_all_loaded(connection, run_id);
  connection.execute("SET LOCAL work_mem = '128MB'");

  auto patients = sums_of(connection, run_id, kPatients);
  check_patients(connection, run_id, patients);
  auto observations = sums_of(connection, run_id, kObservations);
  std::string verdict = "complete";
  for (auto* const receipt : {&patients, &observations}) {
    check_sums(*receipt, run_id);
    add_digest(connection, run, receipt == &patients ? kPatients : kObservations, *receipt);
    write_receipt(connection, run_id, *receipt);
  }
  for (const auto* const ranked : {"unverified", "incomplete"}) {
    if (patients.verdict == ranked || observations.verdict == ranked) verdict = ranked;
  }
  end_run(connection, run, verdict);
  transaction.commit("receipt");
  return {verdict};
}

}  // namespace wellhead::zipcode
