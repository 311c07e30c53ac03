#include "web/docs_assets.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <string>

namespace wellhead::web {
namespace {

std::string unpacked(std::string_view gzip) {
  z_stream stream{};
  EXPECT_EQ(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
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

std::string asset(std::string_view path) {
  const auto found = std::ranges::find(docs_assets(), path, &DocsAsset::path);
  return found == docs_assets().end() ? std::string() : unpacked(found->gzip);
}

// A build without Swagger UI is a working build, but not one that the tests accept.
TEST(DocsAssets, AreThere) {
  EXPECT_EQ(docs_assets_missing(), "");
  EXPECT_NE(asset("swagger-ui-bundle.js").find("SwaggerUIBundle"), std::string::npos);
  EXPECT_NE(asset("swagger-ui.css").find(".swagger-ui"), std::string::npos);
  EXPECT_TRUE(asset("favicon-32x32.png").starts_with("\x89PNG"));
  EXPECT_NE(asset("LICENSE").find("Apache License"), std::string::npos);
}

}  // namespace
}  // namespace wellhead::web
