#include "app/fhirsim/compression.h"

#include <zlib.h>

#include <stdexcept>

namespace wellhead::fhirsim {

void compress_gzip(Buffer& body) {
  constexpr int gzip_window = 15 + 16;  // 16: gzip's header instead of zlib's
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    throw std::runtime_error("zlib cannot start");
  }
  Buffer compressed;
  const auto bound = deflateBound(&stream, body.size());
  stream.next_in = reinterpret_cast<Bytef*>(body.data());
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(compressed.room(bound));
  stream.avail_out = static_cast<uInt>(bound);
  const int result = deflate(&stream, Z_FINISH);
  const auto written = stream.total_out;
  deflateEnd(&stream);
  if (result != Z_STREAM_END) throw std::runtime_error("zlib did not finish");
  compressed.advance(written);
  body = std::move(compressed);
}

}  // namespace wellhead::fhirsim
