// Deletes staged CSV blobs that nobody will load again: those of runs that ended longer ago than they are kept. A blob
// is named by its content, so a later run may stage the same one; it stays while an open or a younger run has it. Raw
// blobs stay: rows refer to them.
//
// All calls block on the given connection and throw its Error{database_*}.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

// Whoever stages blobs calls this in a transaction, before the first blob is finished, and records the blobs in the
// same transaction. Until that ends nothing is removed, so that no blob is lost between being written and being
// recorded.
void hold_blobs(Connection& connection);

// In a transaction: waits for those that stage to commit, and keeps others from staging until it ends.
void stop_staging(Connection& connection);

struct RemovedBlobs {
  std::int64_t blobs = 0;
  std::int64_t bytes = 0;
  std::int64_t failed = 0;  // could not be deleted; the next call tries again
};

// Deletes what is due and marks it in staged_blob (removed_at). A blob that is already gone counts as deleted, so a
// call after a crash in the middle goes on where it was. When others keep holding blobs the rest is left for the next
// call. A blob that cannot be deleted is passed over, with a warning in the log. A stop is noticed between portions.
RemovedBlobs remove_expired_blobs(Connection& connection, BlobStore& blobs, std::chrono::seconds keep,
                                  const std::stop_token& stop = {});

}  // namespace wellhead::storage
