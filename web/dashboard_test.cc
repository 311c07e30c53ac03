#include "web/dashboard.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>

#include "web/unpacked_test.h"

namespace wellhead::web {
namespace {

constexpr std::size_t kMostBytes = 300 * 1000;

// A build without the dashboard is a working build, but not one that the tests accept.
TEST(Dashboard, IsThereAndSmall) {
  EXPECT_EQ(dashboard_missing(), "");
  std::size_t bytes = 0;
  std::string index;
  for (const DashboardFile& file : dashboard_files()) {
    bytes += file.gzip.size();
    if (file.path == "index.html") index = unpacked(file.gzip);
    EXPECT_TRUE(file.path == "index.html" || file.path.starts_with("assets/")) << file.path;
  }
  EXPECT_LE(bytes, kMostBytes);
  EXPECT_NE(index.find("<div id=\"page\">"), std::string::npos);
  // Every file that the page asks for is there, by an address below the page.
  EXPECT_EQ(index.find("=\"/"), std::string::npos);
  EXPECT_EQ(index.find("http"), std::string::npos);
  std::size_t asked = 0;
  for (const DashboardFile& file : dashboard_files()) {
    if (index.find("./" + std::string(file.path)) != std::string::npos) ++asked;
  }
  EXPECT_GE(asked, 2U);
}

// What a Content-Security-Policy of 'self' forbids.
TEST(Dashboard, HasNothingInline) {
  for (const DashboardFile& file : dashboard_files()) {
    const std::string text = unpacked(file.gzip);
    if (file.path == "index.html") {
      EXPECT_EQ(text.find("<style"), std::string::npos);
      EXPECT_EQ(text.find("style="), std::string::npos);
      EXPECT_EQ(text.find("onclick"), std::string::npos);
    }
    EXPECT_EQ(text.find("eval("), std::string::npos) << file.path;
    EXPECT_EQ(text.find("new Function("), std::string::npos) << file.path;
  }
}

}  // namespace
}  // namespace wellhead::web
