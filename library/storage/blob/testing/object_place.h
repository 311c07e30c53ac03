// What the tests of the object stores share: a place for the contract, and blobs put and read in one call.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/object_dialect.h"
#include "library/storage/blob/object_settings.h"
#include "library/storage/blob/testing/contract.h"

namespace wellhead::storage {

// A bucket or container of its own, under a prefix.
class ObjectPlace final : public ContractPlace {
 public:
  using MakeDialect =
      std::function<std::unique_ptr<ObjectDialect>(const std::string& place, const ObjectStoreSettings& settings)>;

  // scheme: "s3" or "azure". settings: of a server that runs as long as this.
  ObjectPlace(const std::string& scheme, ObjectStoreSettings settings, MakeDialect make_dialect);

  std::unique_ptr<BlobStore> open() override;
  void overwrite(const BlobKey& key, std::string_view content) override;

 private:
  std::string place_;
  std::string url_;
  ObjectStoreSettings settings_;
  MakeDialect make_dialect_;
};

// Buckets that are made on demand; parts, pages and memory so small that little content goes every way.
ObjectStoreSettings small_settings();

// A name that no other test has.
std::string new_bucket();

BlobKey put(BlobStore& store, std::string_view content);
std::string read(BlobStore& store, const BlobKey& key);

}  // namespace wellhead::storage
