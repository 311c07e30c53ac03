// Blobs as files of a directory: written as incoming/<unique>, fsynced, renamed to <prefix>/<ab>/<digest><suffix>, and
// the directory fsynced, so that a blob is whole or absent whatever crashes. What a crash leaves in incoming/ is
// removed by a later start, when it is a day old.
#pragma once

#include <filesystem>

#include "library/storage/blob/blob_store.h"

namespace wellhead::storage {

class DirectoryStore final : public BlobStore {
 public:
  // Makes the directory when missing.
  explicit DirectoryStore(std::filesystem::path root);

  std::unique_ptr<BlobWriter> create(std::string_view prefix, std::string_view suffix) override;
  void read(const BlobKey& key, const std::function<void(std::string_view)>& receive) override;
  std::string read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) override;
  std::uint64_t size(const BlobKey& key) override;
  void remove(const BlobKey& key) override;
  void list(std::string_view prefix, const std::function<void(const Listed&)>& receive) override;
  std::string name() const override;
  void check() override;

 private:
  std::filesystem::path root_;
};

}  // namespace wellhead::storage
