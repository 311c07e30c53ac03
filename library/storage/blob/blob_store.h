// Where staged data lies between extraction and load, behind one interface. A blob is named by the SHA-256 of its
// content, so writing the same content twice is harmless and a blob never changes.
//
// All calls block; a store may be used from many threads at once. Errors: Error{blob_store_failed} (disk full, no
// permission; names the store and the key), Error{blob_missing}, Error{blob_corrupt}.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace wellhead::storage {

struct BlobKey {
  std::string text;  // e.g. csv/ab/ab12….csv.zst or raw/cd/cd34….ndjson.zst
  auto operator<=>(const BlobKey&) const = default;
};

// A blob being written. Nothing is visible until finish(); an unfinished blob leaves nothing behind.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;
  virtual void write(std::string_view bytes) = 0;
  struct Written {
    BlobKey key;
    std::uint64_t bytes = 0;
  };
  // Makes the blob durable (fsync, rename) and says its key.
  virtual Written finish() = 0;
};

class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // prefix and suffix surround the digest in the key: ("csv", ".csv.zst").
  virtual std::unique_ptr<BlobWriter> create(std::string_view prefix, std::string_view suffix) = 0;

  // Gives the content piece by piece, never the whole; throws Error{blob_corrupt} after the last piece when the digest
  // does not match, so the receiver must not commit before read() returns.
  virtual void read(const BlobKey& key, const std::function<void(std::string_view)>& receive) = 0;

  // length bytes from offset; not checked against the digest.
  virtual std::string read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) = 0;

  // Error{blob_missing} when there is none.
  virtual std::uint64_t size(const BlobKey& key) = 0;
  virtual void remove(const BlobKey& key) = 0;

  // For messages: the URL of the store, without secrets.
  virtual std::string name() const = 0;

  // Writes and removes a small blob: whether a load could stage here. Throws what staging would throw.
  virtual void check() = 0;
};

// file:///absolute/path (made when missing). Error{invalid_setting} for anything else.
std::unique_ptr<BlobStore> open_blob_store(std::string_view url);

}  // namespace wellhead::storage
