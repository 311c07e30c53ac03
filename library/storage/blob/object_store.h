// Blobs as objects of S3 or Azure's blob service. A blob is spooled until its digest and so its name is known, then
// sent with that digest as checksum; one that is there already is not sent again unless it is damaged. Reading streams,
// and goes on where it was when the connection breaks. What a store answers for a moment only (5xx, SlowDown, timeouts,
// lost connections) is repeated with growing pauses until the patience is over.
//
// Memory: the spool's share for each blob being written, a buffer of libcurl's for each call; never a whole blob.
// Does not: take keys from instance metadata or profiles, or end uploads in parts that a killed process left (a
// lifecycle rule of the bucket does).
#pragma once

#include <atomic>
#include <memory>

#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/object_dialect.h"
#include "library/storage/blob/object_http.h"
#include "library/storage/blob/object_settings.h"

namespace wellhead::storage {

class ObjectStore final : public BlobStore {
 public:
  // Connects to nothing.
  ObjectStore(std::unique_ptr<ObjectDialect> dialect, ObjectStoreSettings settings);

  std::unique_ptr<BlobWriter> create(std::string_view prefix, std::string_view suffix) override;
  void read(const BlobKey& key, const std::function<void(std::string_view)>& receive) override;
  std::string read_range(const BlobKey& key, std::uint64_t offset, std::uint64_t length) override;
  std::uint64_t size(const BlobKey& key) override;
  void remove(const BlobKey& key) override;
  void list(std::string_view prefix, const std::function<void(const Listed&)>& receive) override;
  void set_patience(std::chrono::milliseconds patience) override { patience_.set(patience); }
  std::string name() const override { return dialect_->name(); }
  void check() override;

 private:
  class Writer;
  class Attempts;
  // A call for messages ("writing csv/…"), and how long it may go on at most.
  struct Call {
    std::string what;
    std::chrono::milliseconds limit = std::chrono::milliseconds::max();
  };
  struct Outcome {
    ObjectAnswer answer;
    Meaning meaning = Meaning::good;
    Refusal refusal;
  };

  void put(const BlobKey& key, const Content& content, const Call& call);
  void put_whole(const BlobKey& key, const Content& content, const Call& call);
  void put_parts(const BlobKey& key, const Content& content, const Call& call);
  UploadedPart put_part(const BlobKey& key, const std::string& upload, int number, const Content& part,
                        const Call& call);
  bool stored_whole(const BlobKey& key, const Content& content, const Call& call);
  void remove(const BlobKey& key, const Call& call);
  std::uint64_t part_bytes_of(std::uint64_t size) const;

  // Repeats what is worth it and makes a missing bucket if that is allowed. Answers of the meanings that the caller
  // names come back as well as good ones; all others are thrown.
  Outcome send(const ObjectRequest& request, const Call& call, std::initializer_list<Meaning> expected = {});
  void make_bucket(const Call& call);
  std::optional<Refusal> attempt(const ObjectRequest& request, ObjectAnswer& answer,
                                 const std::function<void(std::string_view)>& receive, bool& repeat);
  [[noreturn]] void fail(const Call& call, const Refusal& refusal, bool retryable) const;
  std::string without_secrets(std::string text) const;

  const ObjectStoreSettings settings_;
  const std::unique_ptr<ObjectDialect> dialect_;
  Patience patience_;
  ObjectHttp http_;
  std::atomic<bool> answered_ = false;  // the store has, once
  std::atomic<bool> conditional_;       // writes are, until the store says that it cannot
};

}  // namespace wellhead::storage
