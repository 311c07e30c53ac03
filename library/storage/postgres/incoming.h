// Staged rows on their way into a target table: a temporary table of this transaction, filled by COPY from the blobs.
// Private to the loader.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/loader.h"

namespace wellhead::storage {

// What became of the rows of one staged blob: a row of load_ledger.
struct BlobCounts {
  std::int64_t batch = 0;
  BlobKey key;
  std::int64_t rows = 0, duplicates = 0, inserted = 0, updated = 0, unchanged = 0, older = 0;
};

// The staged batches of a group as parameters for a join: batch, raw_blob_id and fetched_at, in step.
struct BatchFacts {
  std::string batches, raw_blob_ids, fetched_at;  // PostgreSQL array literals
};

// As a FROM item `b`; takes three parameters from $first on.
std::string batches_sql(int first);

// How to choose between incoming rows of one key. facts: further expressions over the rows `s`, each with a leading
// comma (what an ORDER BY inside a window cannot compute); order: an ORDER BY list over the rows, those facts and
// fetched_at.
struct VersionOrder {
  std::string facts;
  std::string order;
};

class Incoming {
 public:
  // Makes pg_temp.incoming_<table>, dropped at the transaction's end. columns: of the CSV, in its order; all but
  // `batch` have the type that they have in the target table.
  Incoming(Connection& connection, std::string table, const std::vector<std::string>& columns);

  // Streams a blob in. Error{blob_corrupt} when it is damaged or does not have the rows it was staged with.
  void copy(BlobStore& blobs, std::int64_t batch, const BatchToLoad::Blob& blob);

  // ANALYZE of the key, which is all that the joins ask for; then deletes all rows of a key but the first, and counts
  // them as duplicates. The second time it does nothing.
  void keep_first(std::string_view key, const VersionOrder& order, const BatchFacts& batches);

  // Rows that are left.
  std::int64_t rows() const;
  bool complete() const { return deleted_ == 0; }
  const std::string& name() const { return name_; }    // quoted
  const std::string& table() const { return table_; }  // the target's, not quoted

  // The counts of a batch's blob; a table has at most one blob in a batch.
  BlobCounts& counts(std::int64_t batch) { return counts_.at(batch); }
  std::map<std::int64_t, BlobCounts>& all_counts() { return counts_; }

 private:
  Connection& connection_;
  std::string table_;
  std::string name_;
  std::string columns_;  // in the CSV's order
  bool distinct_ = false;
  std::int64_t copied_ = 0;
  std::int64_t deleted_ = 0;
  std::map<std::int64_t, BlobCounts> counts_;
};

}  // namespace wellhead::storage
