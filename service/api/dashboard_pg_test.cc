// The dashboard's files as a browser asks for them.
#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using webserver::testing::RawResponse;

class Dashboard : public testing::ApiTest {
 protected:
  std::vector<std::string> assets(const std::string& page) {
    std::vector<std::string> found;
    for (std::size_t at = page.find("./assets/"); at != std::string::npos; at = page.find("./assets/", at + 1)) {
      found.push_back(page.substr(at + 1, page.find('"', at) - at - 1));
    }
    return found;
  }
};

TEST_F(Dashboard, IsAPageThatNeedsNoOtherServer) {
  const RawResponse page = get("/");
  EXPECT_EQ(page.status, 200);
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_EQ(page.header("cache-control"), "no-cache");
  EXPECT_THAT(page.header("content-security-policy"), HasSubstr("default-src 'none'"));
  EXPECT_THAT(page.header("content-security-policy"), Not(HasSubstr("unsafe")));
  EXPECT_THAT(page.body, Not(HasSubstr("http")));
  EXPECT_EQ(get("/", "If-None-Match: " + page.header("etag") + "\r\n").status, 304);
}

TEST_F(Dashboard, HasFilesThatAreKeptForEver) {
  const std::vector<std::string> files = assets(get("/").body);
  ASSERT_GE(files.size(), 2U);
  for (const std::string& file : files) {
    const RawResponse plain = get(file);
    EXPECT_EQ(plain.status, 200) << file;
    EXPECT_THAT(plain.header("cache-control"), HasSubstr("immutable")) << file;
    EXPECT_EQ(plain.header("content-encoding"), "") << file;
    const RawResponse packed = get(file, "Accept-Encoding: gzip, deflate, br, zstd\r\n");
    EXPECT_EQ(packed.header("content-encoding"), "gzip") << file;
    EXPECT_EQ(packed.header("vary"), "Accept-Encoding") << file;
    EXPECT_TRUE(packed.body.starts_with("\x1f\x8b")) << file;
    EXPECT_EQ(get(file, "If-None-Match: " + plain.header("etag") + "\r\n").status, 304) << file;
  }
  EXPECT_EQ(get("/assets/index.js").status, 404);
}

// It would find nothing of what it shows.
TEST_F(Dashboard, IsNotServedWithAPartOfTheApi) {
  options_.only = {"patients"};
  EXPECT_EQ(get("/").header("location"), "/docs");
  EXPECT_EQ(get("/assets/index.js").status, 404);
}

}  // namespace
}  // namespace wellhead::api
