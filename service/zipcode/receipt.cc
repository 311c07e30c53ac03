#include "service/zipcode/receipt.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "service/zipcode/runs.h"

namespace wellhead::zipcode {
namespace {

using resource::ResourceTable;
using storage::Connection;

// Sums over the staged batches and the ledger. A repeated entry is either left out when it is staged (`duplicates` of
// the batch) or staged and left out by the loader; the second kind is what the ledger counts.
constexpr std::string_view kSums = R"sql(
  WITH batches AS (
    SELECT coalesce(sum(entries_received), 0) AS entries, coalesce(sum(duplicates), 0) AS duplicates,
           coalesce(sum(out_of_zip), 0) AS out_of_zip, coalesce(sum(coalesce(further.rejected, batch.rejected)), 0) AS rejected,
           coalesce(sum(erased), 0) AS erased, coalesce(sum(coalesce(further.filtered, batch.filtered)), 0) AS filtered,
           coalesce(sum(coalesce(further.staged, batch.staged)), 0) AS staged, coalesce(sum(missing), 0) AS missing,
           coalesce(bool_and(totals_known), true) AS totals_known, sum(server_total_before) AS total_before,
           sum(server_total_after) AS total_after, coalesce(sum(requests), 0) AS requests,
           coalesce(sum(retries), 0) AS retries, coalesce(sum(bytes_received), 0) AS bytes,
           coalesce(sum(seconds), 0)::float8 AS seconds
      FROM staged_batch batch LEFT JOIN staged_view further
           ON further.run_id = batch.run_id AND further.batch = batch.batch AND further.table_name = $3
     WHERE batch.run_id = $1 AND resource_type = $2
  ), loaded AS (
    SELECT coalesce(sum(inserted), 0) AS inserted, coalesce(sum(updated), 0) AS updated,
           coalesce(sum(unchanged), 0) AS unchanged, coalesce(sum(older), 0) AS older,
           coalesce(sum(rows), 0) AS rows, coalesce(sum(duplicates), 0) AS duplicates
      FROM load_ledger WHERE run_id = $1 AND table_name = $3
  ), repeated AS (  -- entries that were distinct in their batch, but not in the run
    SELECT loaded.duplicates - (loaded.rows - batches.staged) AS entries FROM loaded, batches
  )
  SELECT batches.entries, batches.duplicates + repeated.entries, out_of_zip, rejected, erased, filtered, staged - repeated.entries, inserted, updated, unchanged, older, missing, requests,
         retries, bytes, seconds, totals_known, total_before, total_after
    FROM batches, loaded, repeated)sql";

// Also says how many rows of the zip code this run did not find any more. The ids' order is the bytes' order, whatever
// the database's collation, so that digests from two databases can be compared. {0}: the table, {1}: its key, {2}: its
// column with the patient's id.
constexpr std::string_view kPatientDigest = R"sql(
  SELECT count(*) FILTER (WHERE member.last_seen_run < $1),
         md5(string_agg(uuid_send(t.digest), ''::bytea ORDER BY t.{1} COLLATE "C")
             FILTER (WHERE member.last_seen_run >= $1))::uuid
    FROM zipcode_patient member JOIN {0} t ON t.{2} = member.patient_id
   WHERE member.zipcode = $2)sql";
constexpr std::string_view kDigest = R"sql(
  SELECT count(*) FILTER (WHERE t.last_seen_run < $1),
         md5(string_agg(uuid_send(t.digest), ''::bytea ORDER BY t.{1} COLLATE "C")
             FILTER (WHERE t.last_seen_run >= $1))::uuid
    FROM zipcode_patient member JOIN {0} t ON t.{2} = member.patient_id
   WHERE member.zipcode = $2)sql";

std::string digest_sql(const ResourceTable& table) {
  const auto pattern = table.name() == "patient" ? kPatientDigest : kDigest;
  return fmt::format(fmt::runtime(pattern), storage::quote_identifier(table.name()),
                     storage::quote_identifier(table.targets().front().key),
                     storage::quote_identifier(table.patient_column));
}

Receipt sums_of(Connection& connection, meta::RunId run, const ResourceTable& table) {
  const auto result = connection.query(kSums, {run.value, table.resource(), table.name()});
  Receipt receipt;
  receipt.resource_type = table.resource();
  receipt.table = table.name();
  constexpr auto count_members = std::to_array<std::int64_t Receipt::*>(
      {&Receipt::entries_received, &Receipt::duplicates, &Receipt::out_of_zip, &Receipt::rejected, &Receipt::erased,
       &Receipt::filtered, &Receipt::staged, &Receipt::inserted, &Receipt::updated, &Receipt::unchanged,
       &Receipt::older, &Receipt::missing, &Receipt::requests, &Receipt::retries, &Receipt::bytes_received});
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
  const auto accounted =
      receipt.duplicates + receipt.out_of_zip + receipt.rejected + receipt.erased + receipt.filtered + receipt.staged;
  const auto loaded = receipt.inserted + receipt.updated + receipt.unchanged + receipt.older;
  if (receipt.entries_received == accounted && receipt.staged == loaded) return;
  throw meta::Error(
      meta::ErrorCode::internal,
      fmt::format("the receipt of run {} does not add up for table {}: {} entries received but {} accounted for, "
                  "{} staged but {} loaded",
                  run.value, receipt.table, receipt.entries_received, accounted, receipt.staged, loaded),
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
  const auto result = connection.query(digest_sql(table), {run.run.value, run.zipcode.text()});
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
      "requests, retries, bytes_received, seconds, digest, table_name, place, filtered) VALUES ($1, $2, $3, $4, $5, "
      "$6, "
      "$7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)",
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
       r.digest,
       r.table,
       r.place,
       r.filtered});
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
      "(SELECT count(*) FROM reject WHERE run_id = $1 AND resource_type = 'Patient' AND resource_id IS NULL AND "
      "table_name IS NULL) "
      "FROM run WHERE run_id = $1",
      {run.value});
  const auto missing =
      outside_totals(result.integer(0, 2), result.optional_integer(0, 0), result.optional_integer(0, 1));
  return {missing == 0, missing};
}

LoadOutcome issue_receipt(Connection& connection, const Catalog& catalog, meta::RunId run_id,
                          const storage::Fence& fence) {
  storage::Transaction transaction(connection);
  fence(connection);
  const auto run = read_run(connection, run_id);
  if (!run.open()) return {run.state};  // repeated after its commit was not heard of
  check_all_loaded(connection, run_id);
  connection.execute("SET LOCAL work_mem = '128MB'");

  std::vector<Receipt> receipts;
  for (const auto* table : catalog.tables_of(run.options)) {
    auto receipt = sums_of(connection, run_id, *table);
    if (table->resource() == "Patient") check_patients(connection, run_id, receipt);
    check_sums(receipt, run_id);
    add_digest(connection, run, *table, receipt);
    receipt.place = std::ranges::count(receipts, receipt.resource_type, &Receipt::resource_type);
    // What was asked for once is counted once.
    if (receipt.place > 0) {
      receipt.requests = receipt.retries = receipt.bytes_received = 0;
      receipt.seconds = 0;
    }
    write_receipt(connection, run_id, receipt);
    receipts.push_back(std::move(receipt));
  }
  std::string verdict = "complete";
  for (const auto* const ranked : {"unverified", "incomplete"}) {
    if (std::ranges::count(receipts, ranked, &Receipt::verdict) > 0) verdict = ranked;
  }
  end_run(connection, run, verdict);
  transaction.commit("receipt");
  return {verdict};
}

}  // namespace wellhead::zipcode
