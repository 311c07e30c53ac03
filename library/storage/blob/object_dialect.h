// What S3 and Azure's blob service do differently: the requests of an operation, and what an answer means. Private to
// this folder; object_store.h does what they have in common.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/object_http.h"

namespace wellhead::storage {

enum class Meaning {
  good,
  busy,             // worth repeating in a moment
  no_blob,          // there is none of that name
  no_bucket,        // the bucket or container is missing
  exists,           // a conditional write found one of that name
  changed,          // it is not the one that was read before
  out_of_range,     // it is shorter than where a read was to go on
  not_implemented,  // the store does not know what was asked for
  no_upload,        // the upload in parts is unknown: finished, aborted or never begun
  full,             // the store has no room
  refused,          // keys, rights, clock, region: repeating cannot help
  no_store,         // the other side speaks something else
  failed,           // anything else
};

// An answer that is no success, read: what the store calls it and says, and what to do.
struct Refusal {
  Meaning meaning = Meaning::failed;
  std::string text;  // "403 SignatureDoesNotMatch: The request …", without secrets
  std::string advice;
  // How long to repeat it at most.
  std::chrono::milliseconds limit = std::chrono::milliseconds::max();
};

// A stretch of a spool with what the dialect wants to be known of it. The spool outlives it.
struct Content {
  const Spool* spool = nullptr;
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::string sha256;  // hex
  std::string md5;     // hex; empty unless the dialect wants it
};

struct UploadedPart {
  std::string etag;
  std::string sha256;  // hex
};

class ObjectDialect {
 public:
  virtual ~ObjectDialect() = default;
  // "s3://bucket/prefix (https://…)"; nothing secret.
  virtual std::string name() const = 0;
  // What must never be shown, to be struck out of what the store says.
  virtual std::vector<std::string> secrets() const = 0;

  virtual ObjectRequest make_bucket() const = 0;
  // if_absent: only when there is none of that name.
  virtual ObjectRequest put(const BlobKey& key, const Content& content, bool if_absent) const = 0;
  // From offset to the end, or `length` bytes; etag: only while it is this one.
  virtual ObjectRequest get(const BlobKey& key, std::uint64_t offset, std::optional<std::uint64_t> length,
                            const std::string& etag) const = 0;
  virtual ObjectRequest head(const BlobKey& key) const = 0;
  virtual ObjectRequest remove(const BlobKey& key) const = 0;

  struct Page {
    std::vector<BlobStore::Listed> blobs;
    std::string next;  // continuation; empty: the last page
  };
  virtual ObjectRequest list(std::string_view prefix, const std::string& continuation) const = 0;
  // nullopt: the body is no such list.
  virtual std::optional<Page> read_list(const std::string& body) const = 0;

  // An upload in parts: begin (whose answer names it), parts numbered from 1, complete or abort. A dialect without a
  // beginning makes the name itself.
  virtual std::optional<ObjectRequest> begin_parts(const BlobKey& key) const = 0;
  virtual std::string upload_of(const BlobKey& key, const std::string& body) const = 0;  // empty: the body names none
  virtual ObjectRequest put_part(const BlobKey& key, const std::string& upload, int number,
                                 const Content& content) const = 0;
  virtual ObjectRequest complete_parts(const BlobKey& key, const std::string& upload,
                                       const std::vector<UploadedPart>& parts, const Content& whole) const = 0;
  virtual std::optional<ObjectRequest> abort_parts(const BlobKey& key, const std::string& upload) const = 0;

  virtual bool conditional() const = 0;  // whether if_absent is worth trying
  virtual bool wants_md5() const = 0;
  virtual std::uint64_t most_parts() const = 0;
  // Whether the answer to head() proves that the stored blob is this content. part_bytes: of an upload in parts.
  virtual bool proves(const ObjectAnswer& head, const Content& content, std::uint64_t part_bytes) const = 0;
  // Whether a success came from a store of this kind, and not from a web server that answers anything.
  virtual bool genuine(const ObjectAnswer& answer) const = 0;
  virtual Refusal refusal(const ObjectRequest& request, const ObjectAnswer& answer) const = 0;
};

}  // namespace wellhead::storage
