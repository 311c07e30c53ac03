// What every blob store promises (blob_store.h), as tests. A store's test program lists contract.cc among its sources
// and instantiates BlobStoreContract with a place of its own.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "library/storage/blob/blob_store.h"

namespace wellhead::storage {

// Where a store under test keeps its blobs, empty at first.
class ContractPlace {
 public:
  virtual ~ContractPlace() = default;
  virtual std::unique_ptr<BlobStore> open() = 0;
  // Behind the store's back: a blob of another content, with that key.
  virtual void overwrite(const BlobKey& key, std::string_view content) = 0;
};

struct ContractCase {
  std::string name;
  std::function<std::unique_ptr<ContractPlace>()> make;
};

class BlobStoreContract : public testing::TestWithParam<ContractCase> {
 protected:
  std::string read(const BlobKey& key) const;
  BlobKey put(std::string_view content) const;
  std::size_t blobs(std::string_view prefix = "") const;

  std::unique_ptr<ContractPlace> place_ = GetParam().make();
  std::unique_ptr<BlobStore> store_ = place_->open();
};

}  // namespace wellhead::storage
