// One erasure inside of its transaction, step by step. Private to eraser.cc.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "service/erasure/eraser.h"
#include "service/erasure/raw_rewrite.h"

namespace wellhead::erasure {

class Erasing {
 public:
  Erasing(storage::Connection& connection, storage::BlobStore& blobs,
          std::span<const resource::ResourceTable* const> tables)
      : connection_(connection), blobs_(blobs), tables_(tables) {}

  // Whom, and which runs may have something of them.
  void choose(const std::vector<std::string>& patients);
  // Error{conflict} when an open run has received one of them.
  void require_not_loading();
  void rewrite_raw_blobs();
  void delete_rows();
  void delete_rejects();
  void drop_staged_blobs();
  void forget_membership();
  void remember(const ErasureKey& key);

  Erased counts;

 private:
  void rewrite(std::int64_t raw_blob_id, const storage::BlobKey& key, std::int32_t frames);
  void point_rows();
  void point_rows(const std::string& table);

  storage::Connection& connection_;
  storage::BlobStore& blobs_;
  std::span<const resource::ResourceTable* const> tables_;
  PatientIds patients_;
  std::vector<std::int64_t> rewritten_;  // raw_blob_ids
};

}  // namespace wellhead::erasure
