#include "web/docs_assets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "web/unpacked_test.h"

namespace wellhead::web {
namespace {

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
