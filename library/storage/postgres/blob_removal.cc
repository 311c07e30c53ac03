#include "library/storage/postgres/blob_removal.h"

#include <spdlog/spdlog.h>

#include <optional>
#include <string>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

// "well" and "blob": shared by those who stage, exclusive for whoever removes.
constexpr std::int64_t kBlobLock = 0x77656c6c626c6f62;

// Those who stage wait while a portion is deleted.
constexpr int kPortion = 100;

// Staging holds its lock for some milliseconds a batch. Whoever waits longer for it meets a hanging process.
constexpr std::string_view kRemovalSettings = "SET LOCAL lock_timeout = '2s'; SET LOCAL statement_timeout = 0";

// The row locks keep an ended run from being opened again meanwhile.
constexpr std::string_view kExpired = R"(
WITH expired AS MATERIALIZED (
  SELECT run_id FROM run
   WHERE state NOT IN ('queued', 'running')
     AND coalesce(finished_at, requested_at) < clock_timestamp() - make_interval(secs => $1::double precision)
     AND EXISTS (SELECT FROM staged_blob b WHERE b.run_id = run.run_id AND b.removed_at IS NULL)
   FOR SHARE
)
SELECT blob_key, max(bytes) FROM staged_blob b JOIN expired USING (run_id)
 WHERE removed_at IS NULL AND blob_key > $2
   AND NOT EXISTS (SELECT FROM staged_blob other
                    WHERE other.blob_key = b.blob_key AND other.removed_at IS NULL
                      AND other.run_id NOT IN (SELECT run_id FROM expired))
 GROUP BY blob_key ORDER BY blob_key LIMIT $3)";

constexpr std::string_view kMark =
    "UPDATE staged_blob SET removed_at = clock_timestamp() WHERE blob_key = ANY ($1::text[]) AND removed_at IS NULL";

bool remove_blob(BlobStore& blobs, const BlobKey& key) {
  try {
    blobs.remove(key);
    return true;
  } catch (const Error& error) {
    if (error.code() == ErrorCode::blob_missing) return true;
    spdlog::warn("an old blob could not be deleted: {}", error.message());
    return false;
  }
}

// Removes what comes after the key, and returns where the next portion begins; nullopt: nothing is left.
std::optional<std::string> remove_portion(Connection& connection, BlobStore& blobs, std::chrono::seconds keep,
                                          const std::string& after, RemovedBlobs& removed) {
  Transaction transaction(connection);
  connection.execute(kRemovalSettings);
  connection.query("SELECT pg_advisory_xact_lock($1)", {kBlobLock});
  const auto due = connection.query(kExpired, {keep.count(), after, kPortion});
  std::vector<std::string> gone;
  for (int row = 0; row < due.rows(); ++row) {
    std::string key(due.text(row, 0));
    if (!remove_blob(blobs, {key})) {
      ++removed.failed;
      continue;
    }
    ++removed.blobs;
    removed.bytes += due.integer(row, 1);
    gone.push_back(std::move(key));
  }
  connection.query(kMark, {array_literal(gone)});
  transaction.commit("remove_blobs");
  if (due.rows() < kPortion) return std::nullopt;
  return std::string(due.text(due.rows() - 1, 0));
}

}  // namespace

void hold_blobs(Connection& connection) { connection.query("SELECT pg_advisory_xact_lock_shared($1)", {kBlobLock}); }

void stop_staging(Connection& connection) {
  connection.execute("SET LOCAL statement_timeout = 0");
  connection.query("SELECT pg_advisory_xact_lock($1)", {kBlobLock});
}

RemovedBlobs remove_expired_blobs(Connection& connection, BlobStore& blobs, std::chrono::seconds keep,
                                  const std::stop_token& stop) {
  RemovedBlobs removed;
  std::optional<std::string> after = "";
  while (after && !stop.stop_requested()) {
    try {
      after = remove_portion(connection, blobs, keep, *after, removed);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::database_conflict) throw;
      spdlog::debug("old blobs are left for later: {}", error.message());
      break;
    }
  }
  return removed;
}

}  // namespace wellhead::storage
