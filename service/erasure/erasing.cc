#include "service/erasure/erasing.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <iterator>
#include <optional>

#include "library/meta/error.h"

namespace wellhead::erasure {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::quote_identifier;

constexpr std::string_view kTables = R"(
CREATE TEMPORARY TABLE erase_patient (patient_id text COLLATE "C" PRIMARY KEY) ON COMMIT DROP;
CREATE TEMPORARY TABLE erase_run (run_id bigint PRIMARY KEY) ON COMMIT DROP;
CREATE TEMPORARY TABLE moved_raw (
  from_blob bigint, from_frame integer, from_index integer, to_blob bigint, to_frame integer, to_index integer
) ON COMMIT DROP;
)";

// Every load of the patients' zip codes, for older versions of their resources lie in the blobs of earlier runs.
constexpr std::string_view kRuns = R"(
INSERT INTO erase_run
SELECT run_id FROM run WHERE zipcode IN (SELECT zipcode FROM zipcode_patient JOIN erase_patient USING (patient_id))
UNION SELECT run_id FROM run_patient JOIN erase_patient USING (patient_id))";

constexpr std::string_view kLoading = R"(
SELECT r.run_id, r.zipcode FROM run_patient JOIN erase_patient USING (patient_id) JOIN run r USING (run_id)
 WHERE r.state IN ('queued', 'running') LIMIT 1)";

constexpr std::string_view kRawBlobs = R"(
SELECT raw_blob_id, blob_key, frames FROM raw_blob
 WHERE raw_blob_id IN (SELECT raw_blob_id FROM staged_batch JOIN erase_run USING (run_id))
 ORDER BY raw_blob_id)";

constexpr std::string_view kDropBlob = R"(
WITH gone AS (DELETE FROM raw_blob WHERE raw_blob_id = ANY ($1::bigint[]) RETURNING blob_key)
INSERT INTO erased_blob (blob_key) SELECT blob_key FROM gone ON CONFLICT DO NOTHING)";

// {0}: a table with raw positions.
constexpr std::string_view kPoint = R"(
UPDATE {0} t SET raw_blob_id = m.to_blob, raw_frame = m.to_frame, raw_index = m.to_index
  FROM moved_raw m
 WHERE t.raw_blob_id = m.from_blob AND t.raw_frame = m.from_frame AND t.raw_index = m.from_index)";
// Of what no longer has a raw resource, though its row stays.
constexpr std::string_view kUnpoint = R"(
UPDATE {0} SET raw_blob_id = NULL, raw_frame = NULL, raw_index = NULL WHERE raw_blob_id = ANY ($1::bigint[]))";

// {0}: table, {1}: its column of the patient's id.
constexpr std::string_view kDeleteRows = "DELETE FROM {0} t USING erase_patient e WHERE t.{1} = e.patient_id";
// {0}: the part, {1}: its parent's key, {2}: the table, {3}: its key, {4}: its column of the patient's id.
constexpr std::string_view kDeleteParts =
    "DELETE FROM {0} part USING {2} t, erase_patient e WHERE part.{1} = t.{3} AND t.{4} = e.patient_id";

// By their id wherever it stands in the JSON: rather a reject too many.
constexpr std::string_view kDeleteRejects = R"(
DELETE FROM reject r USING erase_patient e
 WHERE (r.resource_type = 'Patient' AND r.resource_id = e.patient_id)
    OR position(convert_to(e.patient_id, 'UTF8') IN r.raw) > 0)";

// A run that received one of them and could be retried would load what it has staged.
constexpr std::string_view kBarRetry = R"(
UPDATE run SET retry_barred = true
 WHERE state IN ('failed', 'cancelled')
   AND run_id IN (SELECT run_id FROM run_patient JOIN erase_patient USING (patient_id)))";
// A blob that an open run has as well is not of theirs: it has received none of them.
constexpr std::string_view kDropStaged = R"(
WITH gone AS (
  UPDATE staged_blob b SET removed_at = clock_timestamp()
    FROM erase_run e JOIN run r USING (run_id)
   WHERE b.run_id = e.run_id AND b.removed_at IS NULL
     AND (r.state IN ('complete', 'unverified', 'incomplete') OR r.retry_barred)
     AND NOT EXISTS (SELECT FROM staged_blob other JOIN run o USING (run_id)
                      WHERE other.blob_key = b.blob_key AND o.state IN ('queued', 'running'))
  RETURNING b.blob_key)
INSERT INTO erased_blob (blob_key) SELECT DISTINCT blob_key FROM gone ON CONFLICT DO NOTHING)";

}  // namespace

void Erasing::choose(const std::vector<std::string>& patients) {
  patients_.insert(patients.begin(), patients.end());
  counts.patients = static_cast<std::int64_t>(patients_.size());
  connection_.execute(kTables);
  connection_.query("INSERT INTO erase_patient SELECT DISTINCT unnest($1::text[])", {storage::array_literal(patients)});
  connection_.query(kRuns);
}

void Erasing::require_not_loading() {
  const auto loading = connection_.query(kLoading);
  if (loading.empty()) return;
  throw Error(ErrorCode::conflict,
              fmt::format("run {} of zip code {} is under way and has received the patient", loading.integer(0, 0),
                          loading.text(0, 1)),
              "Erase it when the run has ended, or cancel the run");
}

void Erasing::rewrite_raw_blobs() {
  const auto blobs = connection_.query(kRawBlobs);
  for (int row = 0; row < blobs.rows(); ++row) {
    rewrite(blobs.integer(row, 0), {std::string(blobs.text(row, 1))}, static_cast<std::int32_t>(blobs.integer(row, 2)));
  }
  if (rewritten_.empty()) return;
  point_rows();
  connection_.query(kDropBlob, {storage::array_literal(rewritten_)});
}

void Erasing::rewrite(std::int64_t raw_blob_id, const storage::BlobKey& key, std::int32_t frames) {
  RewrittenBlob blob;
  try {
    blob = rewrite_without(blobs_, key, frames, patients_);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::blob_missing) throw;
    spdlog::warn("a raw blob that may have something of an erased patient is gone already: {}", error.message());
  }
  if (blob.removed == 0) return;
  std::optional<std::int64_t> new_id;
  if (blob.written) {
    new_id = connection_
                 .query(
                     "INSERT INTO raw_blob (blob_key, bytes, frames) VALUES ($1, $2, $3) ON CONFLICT (blob_key) DO "
                     "UPDATE SET bytes = EXCLUDED.bytes RETURNING raw_blob_id",
                     {blob.written->key.text, static_cast<std::int64_t>(blob.written->bytes), blob.written->frames})
                 .integer(0, 0);
    std::string moves;
    for (const auto& move : blob.moves) {
      fmt::format_to(std::back_inserter(moves), "{}\t{}\t{}\t{}\t{}\t{}\n", raw_blob_id, move.from.frame,
                     move.from.index, *new_id, move.to.frame, move.to.index);
    }
    connection_.begin_copy("COPY moved_raw FROM STDIN");
    connection_.write_copy(moves);
    connection_.end_copy();
  }
  connection_.query("UPDATE staged_batch SET raw_blob_id = $2 WHERE raw_blob_id = $1", {raw_blob_id, new_id});
  rewritten_.push_back(raw_blob_id);
  counts.raw_resources += blob.removed;
  ++counts.raw_blobs;
}

void Erasing::point_rows() {
  connection_.execute("ANALYZE moved_raw");
  for (const auto* table : tables_) {
    for (const auto& name : table->table_names()) point_rows(name);
  }
}

void Erasing::point_rows(const std::string& table) {
  const auto quoted = quote_identifier(table);
  connection_.query(fmt::format(fmt::runtime(kPoint), quoted));
  connection_.query(fmt::format(fmt::runtime(kUnpoint), quoted), {storage::array_literal(rewritten_)});
}

void Erasing::delete_rows() {
  for (const auto* table : tables_) {
    const auto name = quote_identifier(table->name());
    const auto patient = quote_identifier(table->patient_column);
    const auto targets = table->targets();
    for (const auto& part : targets) {
      if (part.parent_key.empty()) continue;
      counts.rows += connection_
                         .query(fmt::format(fmt::runtime(kDeleteParts), quote_identifier(part.name),
                                            quote_identifier(part.parent_key), name,
                                            quote_identifier(targets.front().key), patient))
                         .affected_rows();
    }
    counts.rows += connection_.query(fmt::format(fmt::runtime(kDeleteRows), name, patient)).affected_rows();
  }
}

void Erasing::delete_rejects() { counts.rejects += connection_.query(kDeleteRejects).affected_rows(); }

void Erasing::drop_staged_blobs() {
  connection_.query(kBarRetry);
  counts.staged_blobs += connection_.query(kDropStaged).affected_rows();
}

void Erasing::forget_membership() {
  connection_.query("DELETE FROM zipcode_patient z USING erase_patient e WHERE z.patient_id = e.patient_id");
  connection_.query("DELETE FROM run_patient p USING erase_patient e WHERE p.patient_id = e.patient_id");
}

void Erasing::remember(const ErasureKey& key) {
  std::vector<std::string> digests;
  digests.reserve(patients_.size());
  for (const auto& id : patients_) digests.push_back(security::to_hex(key.of(id)));
  connection_.query(
      "INSERT INTO erased_patient (digest) SELECT decode(hex, 'hex') FROM unnest($1::text[]) AS erased (hex) ON "
      "CONFLICT DO NOTHING",
      {storage::array_literal(digests)});
}

}  // namespace wellhead::erasure
