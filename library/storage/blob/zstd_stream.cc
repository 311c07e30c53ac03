#include <fmt/format.h>

#include <new>
#include <vector>

#include "library/meta/error.h"
#include "library/storage/blob/frames.h"
#include "library/storage/blob/key.h"
#include "library/storage/blob/zstd.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

// Staged blobs live for days and are written and read once: speed counts, size hardly.
constexpr int kLevel = 1;

}  // namespace

ZstdCompressor make_compressor() {
  ZstdCompressor context(ZSTD_createCCtx());
  if (context == nullptr) throw std::bad_alloc();
  checked_compression(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLevel));
  checked_compression(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
  return context;
}

ZstdDecompressor make_decompressor() {
  ZstdDecompressor context(ZSTD_createDCtx());
  if (context == nullptr) throw std::bad_alloc();
  return context;
}

std::size_t checked_compression(std::size_t size_or_error) {
  if (ZSTD_isError(size_or_error) != 0) {
    throw Error(ErrorCode::internal, fmt::format("zstd: {}", ZSTD_getErrorName(size_or_error)));
  }
  return size_or_error;
}

struct CsvBlobWriter::State {
  explicit State(BlobStore& store)
      : blob(store.create("csv", ".csv.zst")), compressor(make_compressor()), out(ZSTD_CStreamOutSize()) {}

  // Compresses what `in` holds; at the end also everything that zstd still keeps.
  void compress(std::string_view bytes, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in = {bytes.data(), bytes.size(), 0};
    bool done = false;
    while (!done) {
      ZSTD_outBuffer to = {out.data(), out.size(), filled};
      const auto left = checked_compression(ZSTD_compressStream2(compressor.get(), &to, &in, directive));
      filled = to.pos;
      done = directive == ZSTD_e_end ? left == 0 : in.pos == in.size;
      if (filled == out.size() || (done && directive == ZSTD_e_end)) {
        blob->write({out.data(), filled});
        filled = 0;
      }
    }
  }

  std::unique_ptr<BlobWriter> blob;
  ZstdCompressor compressor;
  std::vector<char> out;
  std::size_t filled = 0;
};

CsvBlobWriter::CsvBlobWriter(BlobStore& store) : state_(std::make_unique<State>(store)) {}
CsvBlobWriter::~CsvBlobWriter() = default;
CsvBlobWriter::CsvBlobWriter(CsvBlobWriter&&) noexcept = default;

void CsvBlobWriter::write(std::string_view rows) {
  if (!rows.empty()) state_->compress(rows, ZSTD_e_continue);
}

BlobWriter::Written CsvBlobWriter::finish() {
  state_->compress({}, ZSTD_e_end);
  return state_->blob->finish();
}

void read_decompressed(BlobStore& store, const BlobKey& key, const std::function<void(std::string_view)>& receive) {
  const auto decompressor = make_decompressor();
  std::vector<char> out(ZSTD_DStreamOutSize());
  std::size_t expected = 0;  // 0 when a zstd frame has just ended
  store.read(key, [&](std::string_view piece) {
    ZSTD_inBuffer in = {piece.data(), piece.size(), 0};
    ZSTD_outBuffer to = {out.data(), out.size(), out.size()};
    // A full output may hide more of it inside the decompressor.
    while (in.pos < in.size || (to.pos == to.size && expected != 0)) {
      to.pos = 0;
      expected = ZSTD_decompressStream(decompressor.get(), &to, &in);
      if (ZSTD_isError(expected) != 0) fail_corrupt(store, key, ZSTD_getErrorName(expected));
      if (to.pos > 0) receive({out.data(), to.pos});
    }
  });
  if (expected != 0) fail_corrupt(store, key, "it ends early");
}

}  // namespace wellhead::storage
