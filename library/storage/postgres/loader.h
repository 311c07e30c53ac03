// Loads staged CSV blobs into resource tables, exactly once: COPY into temporary tables, ANALYZE, newest row of each
// key, advisory lock of each target table in fixed order, counting join, MERGE, ledger row, commit. See
// docs/design/loading.md.
//
// CSV layout of a table: the view's columns in order, digest, batch, frame, index. Of `zipcode_patient`: patient_id,
// address_index, postal_code, batch.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/ids.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

// A target table as the loader needs to know it; service/resource makes it from a view. Beside the view's columns every
// table has digest uuid, raw_blob_id bigint, raw_frame integer, raw_index integer, run_id bigint (that last wrote the
// row), last_seen_run bigint, fetched_at timestamptz (when the row was last seen so) and loaded_at timestamptz.
struct TargetTable {
  std::string name;
  std::vector<std::string> columns;  // the view's columns
  std::string key;                   // primary key column; empty for a child table
  // Columns that tell which version of a row is newer (a timestamptz and a text); empty when the view has none.
  std::string last_updated;
  std::string version;
  // A child table (components): its rows are replaced whenever their parent row is inserted or changed.
  std::string parent_table;
  std::string parent_key;  // the child's column that names the parent row
};

struct BatchToLoad {
  meta::BatchId batch;
  struct Blob {
    std::string table;
    BlobKey key;
    std::int64_t rows = 0;
  };
  std::vector<Blob> blobs;
};

// rows = duplicates + inserted + updated + unchanged + older. A child's row counts as its parent's row does, and a row
// of zipcode_patient is updated when the patient matches by another address.
struct TableCounts {
  std::string table;
  std::int64_t rows = 0, duplicates = 0, inserted = 0, updated = 0, unchanged = 0, older = 0;
  std::int64_t skipped_rows = 0;  // of `rows`: of blobs that this run had loaded before; counted as they counted then
};

// Called inside the transaction before anything is written; throws Error{lease_lost} when the caller no longer owns it.
using Fence = std::function<void(Connection&)>;

struct LoadRequest {
  meta::RunId run;
  meta::Zipcode zipcode;
  std::vector<BatchToLoad> batches;
  std::vector<TargetTable> tables;  // parents before their children
};

// Blocks until committed; repeats the transaction on 40001, 40P01 and 23505 (a bounded number of times). Calls on
// several connections may run at once: they copy side by side and take turns at the target tables. The answer has one
// entry a table, also for blobs loaded before, so that the same request gives the same answer however often it is made.
// Errors: database_*, blob_missing, blob_corrupt, lease_lost. After any of them nothing of this group is loaded, but
// for database_unreachable during commit, where calling again with the same request is safe and says what happened.
std::vector<TableCounts> load_batches(Connection& connection, BlobStore& blobs, const LoadRequest& request,
                                      const Fence& fence);

}  // namespace wellhead::storage
