#include "service/resource/batch_record.h"

#include <fmt/format.h>

#include <map>

#include "library/meta/error.h"
#include "library/meta/metrics.h"

namespace wellhead::resource {
namespace {

using storage::Connection;

std::optional<std::int64_t> record_raw_blob(Connection& connection, const StagedContent& content) {
  if (!content.raw) return std::nullopt;
  // The same content staged twice has the same key; touching the row makes it returned.
  const auto result = connection.query(
      "INSERT INTO raw_blob (blob_key, bytes, frames) VALUES ($1, $2, $3) "
      "ON CONFLICT (blob_key) DO UPDATE SET bytes = EXCLUDED.bytes RETURNING raw_blob_id",
      {content.raw->key.text, content.raw->bytes, content.raw_frames});
  return result.integer(0, 0);
}

// bytea's hex form (PostgreSQL §8.4.1).
std::string bytea_literal(std::string_view bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string hex = "\\x";
  hex.reserve(2 + 2 * bytes.size());
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    hex.push_back(digits[byte >> 4]);
    hex.push_back(digits[byte & 15]);
  }
  return hex;
}

void record_rejects(Connection& connection, meta::RunId run, meta::BatchId batch, std::string_view resource_type,
                    const std::vector<Reject>& rejects) {
  for (const auto& reject : rejects) {
    connection.query(
        "INSERT INTO reject (run_id, batch, resource_type, resource_id, reason, raw, table_name) VALUES ($1, $2, $3, "
        "$4, "
        "$5, $6::bytea, $7)",
        {run.value, batch.value, resource_type,
         is_storable_id(reject.resource_id) ? std::optional(reject.resource_id) : std::nullopt, reject.reason,
         bytea_literal(reject.raw), reject.table.empty() ? std::nullopt : std::optional(reject.table)});
  }
}

}  // namespace

bool is_storable_id(std::string_view id) {
  constexpr std::string_view allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._";
  return !id.empty() && id.size() <= 256 && id.find_first_not_of(allowed) == std::string_view::npos;
}

void record_batch(Connection& connection, meta::RunId run, meta::BatchId batch, std::string_view resource_type,
                  const StagedContent& content, const BatchCounts& counts, std::string_view result) {
  const auto raw_blob_id = record_raw_blob(connection, content);
  const auto& first = content.views.front();
  connection.query(
      "INSERT INTO staged_batch (run_id, batch, resource_type, raw_blob_id, entries_received, duplicates, out_of_zip, "
      "rejected, filtered, staged, missing, totals_known, server_total_before, server_total_after, requests, retries, "
      "bytes_received, "
      "seconds, fetched_at, result, erased) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, "
      "$16, "
      "$17, $18, $19, "
      "$20::jsonb, $21)",
      {run.value,
       batch.value,
       resource_type,
       raw_blob_id,
       counts.entries_received,
       counts.duplicates,
       counts.out_of_zip,
       first.rejected,
       first.filtered,
       first.staged,
       counts.missing,
       counts.totals_known,
       counts.server_total_before,
       counts.server_total_after,
       counts.traffic.requests,
       counts.traffic.retries,
       counts.traffic.bytes,
       counts.seconds,
       meta::to_rfc3339(counts.fetched_at),
       result,
       counts.erased});
  for (const auto& view : content.views) {
    if (&view == &first) continue;
    connection.query(
        "INSERT INTO staged_view (run_id, batch, table_name, staged, filtered, rejected) VALUES ($1, $2, $3, $4, $5, "
        "$6)",
        {run.value, batch.value, view.table, view.staged, view.filtered, view.rejected});
  }
  for (const auto& table : content.tables) {
    connection.query(
        "INSERT INTO staged_blob (run_id, batch, table_name, blob_key, rows, bytes) VALUES ($1, $2, $3, $4, $5, $6)",
        {run.value, batch.value, table.table, table.key.text, table.rows, table.bytes});
  }
  record_rejects(connection, run, batch, resource_type, content.rejects);
}

void count_staged(std::string_view resource_type) {
  static meta::CounterFamily batches("wellhead_batches_staged_total", "Batches of resources that were staged.",
                                     {"resource_type"});
  batches.add({resource_type});
}

std::optional<std::string> staged_result(Connection& connection, meta::RunId run, meta::BatchId batch) {
  const auto result = connection.query("SELECT result::text FROM staged_batch WHERE run_id = $1 AND batch = $2",
                                       {run.value, batch.value});
  if (result.empty()) return std::nullopt;
  return result.optional_text(0, 0);
}

std::vector<storage::BatchToLoad> batches_to_load(Connection& connection, meta::RunId run,
                                                  const std::vector<meta::BatchId>& batches) {
  std::vector<std::string> numbers;
  numbers.reserve(batches.size());
  for (const auto batch : batches) numbers.push_back(std::to_string(batch.value));
  const auto result = connection.query(
      "SELECT batch, table_name, blob_key, rows FROM staged_batch LEFT JOIN staged_blob USING (run_id, batch) "
      "WHERE run_id = $1 AND batch = ANY ($2::bigint[]) ORDER BY batch, table_name",
      {run.value, storage::array_literal(numbers)});
  std::map<std::int64_t, storage::BatchToLoad> found;
  for (int row = 0; row < result.rows(); ++row) {
    auto& batch = found[result.integer(row, 0)];
    batch.batch = {result.integer(row, 0)};
    if (result.is_null(row, 1)) continue;  // a batch without rows
    batch.blobs.push_back(
        {std::string(result.text(row, 1)), {std::string(result.text(row, 2))}, result.integer(row, 3)});
  }
  std::vector<storage::BatchToLoad> ordered;
  for (const auto batch : batches) {
    const auto at = found.find(batch.value);
    if (at == found.end()) {
      throw meta::Error(meta::ErrorCode::internal,
                        fmt::format("run {}: batch {} is to be loaded but was never staged", run.value, batch.value));
    }
    ordered.push_back(std::move(at->second));
  }
  return ordered;
}

}  // namespace wellhead::resource
