// What an embedded file is when it is not packed, for the tests of the pages.
#pragma once

#include <gtest/gtest.h>
#include <zlib.h>

#include <string>
#include <string_view>

namespace wellhead::web {

inline std::string unpacked(std::string_view gzip) {
  constexpr int gzip_window = 16 + MAX_WBITS;
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, gzip_window), Z_OK);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(gzip.data()));
  stream.avail_in = static_cast<uInt>(gzip.size());
  std::string text(16 << 20, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(text.data());
  stream.avail_out = static_cast<uInt>(text.size());
  EXPECT_EQ(inflate(&stream, Z_FINISH), Z_STREAM_END);
  text.resize(stream.total_out);
  inflateEnd(&stream);
  return text;
}

}  // namespace wellhead::web
