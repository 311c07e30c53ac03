#include "service/api/embedded_file.h"

#include <zlib.h>

#include "library/meta/error.h"

namespace wellhead::api {

std::string inflated(std::string_view gzip) {
  z_stream stream{};
  if (inflateInit2(&stream, 15 + 16) != Z_OK) throw meta::Error(meta::ErrorCode::internal, "zlib does not start");
  std::string out;
  std::string piece(64 * 1024, '\0');
  // zlib does not write to its input.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  int status = Z_OK;
  while (status == Z_OK) {
    stream.next_out = reinterpret_cast<Bytef*>(piece.data());
    stream.avail_out = static_cast<uInt>(piece.size());
    status = inflate(&stream, Z_NO_FLUSH);
    out.append(piece, 0, piece.size() - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END) throw meta::Error(meta::ErrorCode::internal, "an embedded file is damaged");
  return out;
}

}  // namespace wellhead::api
