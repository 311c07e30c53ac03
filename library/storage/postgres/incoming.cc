#include "library/storage/postgres/incoming.h"

#include <fmt/format.h>

#include <utility>

#include "library/meta/error.h"
#include "library/storage/blob/frames.h"

namespace wellhead::storage {
namespace {

using fmt::arg;
using meta::Error;
using meta::ErrorCode;

constexpr std::string_view kRepeatedKeys =
    "SELECT count(*) FROM (SELECT FROM {incoming} GROUP BY {key} HAVING count(*) > 1) repeated";

constexpr std::string_view kKeepFirst = R"(
WITH ranked AS (
  SELECT s.place, row_number() OVER (PARTITION BY s.{key} ORDER BY {order}) AS rank
    FROM (SELECT s.*, s.ctid AS place, b.fetched_at{facts}
            FROM {incoming} s JOIN {batches} ON b.batch = s.batch
           WHERE s.{key} IN (SELECT {key} FROM {incoming} GROUP BY {key} HAVING count(*) > 1)) s
), deleted AS (
  DELETE FROM {incoming} s USING ranked WHERE s.ctid = ranked.place AND ranked.rank > 1 RETURNING s.batch
)
SELECT batch, count(*) FROM deleted GROUP BY batch)";

std::string column_types(const std::vector<std::string>& columns) {
  std::string list;
  for (const auto& column : columns) {
    if (!list.empty()) list += ", ";
    list += column == "batch" ? "0::bigint AS batch" : quote_identifier(column);
  }
  return list;
}

}  // namespace

std::string batches_sql(int first) {
  return fmt::format("unnest(${}::bigint[], ${}::bigint[], ${}::timestamptz[]) AS b(batch, raw_blob_id, fetched_at)",
                     first, first + 1, first + 2);
}

Incoming::Incoming(Connection& connection, std::string table, const std::vector<std::string>& columns)
    : connection_(connection), table_(std::move(table)), name_("pg_temp." + quote_identifier("incoming_" + table_)) {
  connection_.execute(fmt::format("CREATE TEMPORARY TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                                  quote_identifier("incoming_" + table_), column_types(columns),
                                  quote_identifier(table_)));
}

void Incoming::copy(BlobStore& blobs, std::int64_t batch, const BatchToLoad::Blob& blob) {
  connection_.begin_copy(fmt::format("COPY {} FROM STDIN (FORMAT csv)", name_));
  read_decompressed(blobs, blob.key, [this](std::string_view piece) { connection_.write_copy(piece); });
  const auto rows = connection_.end_copy();
  if (rows != blob.rows) {
    throw Error(
        ErrorCode::blob_corrupt,
        fmt::format("blob {} in {} has {} rows and was staged with {}", blob.key.text, blobs.name(), rows, blob.rows),
        "Load the zip code again");
  }
  copied_ += rows;
  if (!counts_.emplace(batch, BlobCounts{.batch = batch, .key = blob.key, .rows = rows}).second) {
    throw Error(ErrorCode::internal, fmt::format("batch {} has two blobs for table {}", batch, table_));
  }
}

void Incoming::keep_first(std::string_view key, const VersionOrder& order, const BatchFacts& batches) {
  if (distinct_) return;
  distinct_ = true;
  const auto quoted = quote_identifier(key);
  connection_.execute(fmt::format("ANALYZE {} ({})", name_, quoted));
  if (connection_.query(fmt::format(fmt::runtime(kRepeatedKeys), arg("incoming", name_), arg("key", quoted)))
          .integer(0, 0) == 0) {
    return;
  }
  const auto deleted = connection_.query(
      fmt::format(fmt::runtime(kKeepFirst), arg("incoming", name_), arg("key", quoted), arg("facts", order.facts),
                  arg("order", order.order), arg("batches", batches_sql(1))),
      {batches.batches, batches.raw_blob_ids, batches.fetched_at});
  for (int row = 0; row < deleted.rows(); ++row) {
    counts(deleted.integer(row, 0)).duplicates += deleted.integer(row, 1);
    deleted_ += deleted.integer(row, 1);
  }
}

std::int64_t Incoming::rows() const { return copied_ - deleted_; }

}  // namespace wellhead::storage
