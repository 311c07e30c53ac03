// Where staged data lies between extraction and load, behind one interface. A blob is named by the SHA-256 of its
// content, so writing the same content twice is harmless and a blob never changes.
//
// All calls block; a store may be used from many threads at once. Errors: Error{blob_store_failed} (disk full, no
// permission, no answer; names the store and the key; not retryable when only a change of the settings or of the
// store's can help), Error{blob_missing}, Error{blob_corrupt}.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "library/meta/settings.h"
#include "library/storage/blob/object_settings.h"

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
  // Makes the blob durable and says its key.
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

  struct Listed {
    BlobKey key;
    std::uint64_t bytes = 0;
  };
  // Every blob whose key begins with `prefix` ("", "csv/", "csv/ab/"), in no promised order; never holds more than a
  // page of them. What is written or removed meanwhile may be among them or not.
  virtual void list(std::string_view prefix, const std::function<void(const Listed&)>& receive) = 0;

  // How long a call goes on trying while the store does not answer, also of those under way. With 0, which an orderly
  // stop sets, they end within seconds. A directory either answers or fails.
  virtual void set_patience(std::chrono::milliseconds /*patience*/) {}

  // For messages: the URL of the store, without secrets.
  virtual std::string name() const = 0;

  // Writes and removes a small blob: whether a load could stage here. Throws what staging would throw.
  virtual void check() = 0;
};

// file:///absolute/path (made when missing), s3://bucket/prefix or azure://container/prefix, with the settings for the
// latter two, which connect to nothing before their first call. Error{invalid_setting} for anything else.
std::unique_ptr<BlobStore> open_blob_store(std::string_view url, const ObjectStoreSettings& settings = {});
// The one of WELLHEAD_BLOB_URL.
std::unique_ptr<BlobStore> open_blob_store(const meta::Settings& settings);

}  // namespace wellhead::storage
