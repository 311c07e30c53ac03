// What lies in blobs: raw resources as NDJSON in zstd frames of about 1 MiB that can be read alone, and CSV as one zstd
// stream. Bounded memory: a writer holds one frame or one zstd window, never the blob.
//
// A raw blob is in zstd's seekable format (zstd, contrib/seekable_format): frames, then a seek table in a skippable
// frame, so `zstd -d` reads it whole and read_resource() reads one frame.
//
// Writers belong to one thread; until finish() nothing is visible. Errors are those of blob_store.h.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/blob/blob_store.h"

namespace wellhead::storage {

// Where a resource stands in its raw blob; both count from 0.
struct RawPosition {
  std::int32_t frame = 0;
  std::int32_t index = 0;  // line within the frame
  bool operator==(const RawPosition&) const = default;
};

class RawBlobWriter {
 public:
  explicit RawBlobWriter(BlobStore& store);
  ~RawBlobWriter();
  RawBlobWriter(RawBlobWriter&&) noexcept;

  // One resource's JSON. Line breaks between its tokens become blanks, so that it is one line.
  RawPosition add(std::string_view resource);
  // Where the next one will stand.
  RawPosition next_position() const;

  struct Written {
    BlobKey key;
    std::uint64_t bytes = 0;
    std::int32_t frames = 0;
  };
  Written finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Reads one frame. Error{blob_corrupt} when the blob has no such position.
std::string read_resource(BlobStore& store, const BlobKey& key, RawPosition position);

// Every resource of a raw blob that has so many frames, in order. Holds one frame. Error{blob_corrupt} as above.
void read_resources(BlobStore& store, const BlobKey& key, std::int32_t frames,
                    const std::function<void(RawPosition, std::string_view)>& receive);

// Several of one frame, in the order of the lines asked for.
std::vector<std::string> read_lines(BlobStore& store, const BlobKey& key, std::int32_t frame,
                                    const std::vector<std::int32_t>& lines);

class CsvBlobWriter {
 public:
  explicit CsvBlobWriter(BlobStore& store);
  ~CsvBlobWriter();
  CsvBlobWriter(CsvBlobWriter&&) noexcept;

  void write(std::string_view rows);
  BlobWriter::Written finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The decompressed content of a CSV or raw blob, piece by piece (up to 128 KiB). As with BlobStore::read, the content
// is proven only when this returns: Error{blob_corrupt} otherwise.
void read_decompressed(BlobStore& store, const BlobKey& key, const std::function<void(std::string_view)>& receive);

}  // namespace wellhead::storage
