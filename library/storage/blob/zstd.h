// zstd contexts that free themselves, and its errors as meta::Error. Private to this folder.
#pragma once

#include <zstd.h>

#include <cstddef>
#include <memory>

namespace wellhead::storage {

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using ZstdCompressor = std::unique_ptr<ZSTD_CCtx, FreeZstd>;
using ZstdDecompressor = std::unique_ptr<ZSTD_DCtx, FreeZstd>;

// A compressor at the level that staging uses, with a checksum in each frame.
ZstdCompressor make_compressor();
ZstdDecompressor make_decompressor();

// Passes a size on; Error{internal} when it is a compressor's error.
std::size_t checked_compression(std::size_t size_or_error);

}  // namespace wellhead::storage
