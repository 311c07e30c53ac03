// What answers say to browsers, and clients that ask for too much.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "library/webserver/client_limits.h"
#include "library/webserver/testing/web_server.h"

namespace wellhead::webserver {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RawClient;
using testing::RawResponse;
using ::testing::StartsWith;
using testing::WebServer;

// Knows two keys, "one" and "two".
class TwoKeys final : public Gatekeeper {
 public:
  std::optional<Verdict> known(std::string_view credential) override {
    if (credential.empty()) return Verdict{Verdict::Kind::missing, nullptr};
    if (credential != "one" && credential != "two") return Verdict{Verdict::Kind::refused, nullptr};
    auto principal = std::make_shared<Principal>();
    principal->id = credential;
    return Verdict{Verdict::Kind::granted, principal};
  }
  Task<Verdict> check(std::string, Worker&) override { co_return Verdict{Verdict::Kind::refused, nullptr}; }
};

void expect_safe(const RawResponse& response) {
  EXPECT_EQ(response.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(response.header("referrer-policy"), "no-referrer");
  EXPECT_EQ(response.header("cache-control"), "no-store");
  EXPECT_EQ(response.header("cross-origin-resource-policy"), "same-origin");
  EXPECT_THAT(response.header("content-security-policy"),
              AllOf(HasSubstr("default-src 'none'"), HasSubstr("frame-ancestors 'none'")));
  EXPECT_EQ(response.header("strict-transport-security"), "");
  EXPECT_EQ(response.header("access-control-allow-origin"), "");
}

TEST_F(WebServer, KeepsEveryAnswerOutOfCachesFramesAndPages) {
  const std::string origin = "Origin: https://a.test\r\n";
  for (const std::string target : {"/echo/1", "/nothing", "/echo/1?limit=x", "/fail/unknown", "/fail/known"}) {
    expect_safe(testing::get(port(), target, origin));
  }
  expect_safe(RawClient(port()).request("DELETE", "/words", origin));
  expect_safe(RawClient(port()).request("OPTIONS", "/words", origin));
  RawClient malformed(port());
  malformed.send("no request\r\n\r\n");
  expect_safe(*malformed.read());
}

TEST_F(WebServer, LetsAHandlerSayOtherwise) {
  Route page;
  page.path = "/page";
  page.operation_id = "page";
  page.responses = {{.description = "A page.", .content_type = "text/html"}};
  page.handler = [](Request) -> Task<Response> {
    Response response;
    response.content_type = "text/html; charset=utf-8";
    response.headers.emplace_back("Cache-Control", "max-age=60");
    co_return response;
  };
  table_.add(std::move(page));
  const RawResponse response = testing::get(port(), "/page");
  EXPECT_EQ(response.header("cache-control"), "max-age=60");
  EXPECT_THAT(response.header("content-security-policy"),
              AllOf(HasSubstr("script-src 'self';"), HasSubstr("frame-ancestors 'none'")));
}

TEST_F(WebServer, LetsPagesOfChosenOriginsRead) {
  options_.cors_origins = {"https://a.test", "https://c.test:8443"};
  const RawResponse chosen = testing::get(port(), "/echo/1", "Origin: https://a.test\r\n");
  EXPECT_EQ(chosen.header("access-control-allow-origin"), "https://a.test");
  EXPECT_THAT(chosen.header("access-control-expose-headers"), HasSubstr("X-Request-Id"));
  EXPECT_EQ(chosen.header("access-control-allow-credentials"), "");
  EXPECT_EQ(testing::get(port(), "/nothing", "Origin: https://c.test:8443\r\n").header("access-control-allow-origin"),
            "https://c.test:8443");
  for (const std::string other :
       {"https://b.test", "http://a.test", "https://a.test.evil.test", "null", "https://a.tes"}) {
    const RawResponse response = testing::get(port(), "/echo/1", "Origin: " + other + "\r\n");
    EXPECT_EQ(response.header("access-control-allow-origin"), "") << other;
    EXPECT_THAT(response.header("vary"), HasSubstr("Origin"));
  }
}

TEST_F(WebServer, AnswersPreflightsOfChosenOrigins) {
  options_.cors_origins = {"https://a.test"};
  const std::string asks = "Access-Control-Request-Method: POST\r\n";
  const RawResponse chosen = RawClient(port()).request("OPTIONS", "/words", "Origin: https://a.test\r\n" + asks);
  EXPECT_EQ(chosen.status, 204);
  EXPECT_THAT(chosen.header("access-control-allow-methods"), StartsWith("POST"));
  EXPECT_THAT(chosen.header("access-control-allow-headers"), AllOf(HasSubstr("Authorization"), HasSubstr("X-API-Key")));
  const RawResponse other = RawClient(port()).request("OPTIONS", "/words", "Origin: https://b.test\r\n" + asks);
  EXPECT_EQ(other.header("access-control-allow-methods"), "");
  EXPECT_EQ(other.header("access-control-allow-origin"), "");
}

TEST_F(WebServer, TakesAllOriginsWhereThatIsChosen) {
  options_.cors_origins = {"*"};
  EXPECT_EQ(testing::get(port(), "/echo/1", "Origin: https://b.test\r\n").header("access-control-allow-origin"), "*");
}

TEST_F(WebServer, BoundsTheRateOfAnAddress) {
  options_.limits.client_rate = 5;
  options_.limits.count_loopback = true;
  RawClient client(port());
  std::string burst;
  for (int i = 0; i < 200; ++i) burst += "GET /echo/1 HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(burst);
  int refused = 0;
  for (int i = 0; i < 200; ++i) {
    const auto response = client.read();
    ASSERT_TRUE(response);
    if (response->status == 200) continue;
    ++refused;
    ASSERT_EQ(response->status, 429);
    EXPECT_EQ(response->header("retry-after"), "1");
    EXPECT_EQ(response->header("content-type"), "application/problem+json");
    EXPECT_THAT(response->body, HasSubstr("too_many_requests"));
  }
  EXPECT_GE(refused, 1);  // of two hundred within what cannot be forty seconds
}

TEST_F(WebServer, DoesNotCountThisMachinesOwn) {
  options_.limits.client_rate = 1;
  options_.limits.client_connections = 1;
  RawClient first(port());
  RawClient second(port());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(first.get("/echo/1").status, 200);
    EXPECT_EQ(second.get("/echo/1").status, 200);
  }
}

TEST_F(WebServer, CountsAKeyWhereverItIsUsed) {
  TwoKeys keys;
  options_.gatekeeper = &keys;
  options_.limits.client_rate = 1;
  const auto ask = [&](const std::string& key) {
    return testing::get(port(), "/echo/1", "X-API-Key: " + key + "\r\n");
  };
  // One a second: of ten there are some that come too soon, unless each took a second.
  const auto begun = std::chrono::steady_clock::now();
  int refused = 0;
  for (int i = 0; i < 10; ++i) refused += ask("one").status == 429 ? 1 : 0;
  const bool slow = std::chrono::steady_clock::now() - begun > std::chrono::seconds(9);
  EXPECT_TRUE(refused > 0 || slow);
  EXPECT_EQ(ask("two").status, 200);
  EXPECT_EQ(ask("three").status, 401);
  server_.reset();
}

TEST_F(WebServer, BoundsTheConnectionsOfAnAddress) {
  options_.limits.client_connections = 2;
  options_.limits.count_loopback = true;
  auto first = std::make_unique<RawClient>(port());
  RawClient second(port());
  EXPECT_EQ(first->get("/echo/1").status, 200);
  EXPECT_EQ(second.get("/echo/1").status, 200);
  RawClient third(port());
  const auto refused = third.read();
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  EXPECT_EQ(refused->header("retry-after"), "1");
  first.reset();
  int status = 0;
  while (status != 200) {
    try {
      status = testing::get(port(), "/echo/1").status;
    } catch (const std::runtime_error&) {
      status = 0;  // a refused connection may be reset
    }
  }
}

// A client that sends a thousand requests at once is answered one after another, in order, and holds up nobody.
TEST_F(WebServer, AnswersPipelinedRequestsInOrder) {
  RawClient client(port());
  std::string burst;
  for (int i = 0; i < 1'000; ++i) burst += "GET /echo/" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
  client.send(burst);
  EXPECT_EQ(testing::get(port(), "/echo/other").status, 200);
  for (int i = 0; i < 1'000; ++i) {
    const auto response = client.read();
    ASSERT_TRUE(response);
    ASSERT_EQ(response->body, std::to_string(i) + "/-/10");
  }
}

// Two clients of a request's length must not read it differently (RFC 9112 §6.3): the connection ends.
TEST_F(WebServer, TakesNoRequestOfTwoLengths) {
  for (const std::string lengths :
       {"Content-Length: 5\r\nContent-Length: 6\r\n", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", "Content-Length: -1\r\n", "Content-Length: 1x\r\n",
        "Transfer-Encoding: chunked, identity\r\n"}) {
    RawClient client(port());
    client.send("POST /words HTTP/1.1\r\nHost: a\r\n" + lengths +
                "\r\n0\r\n\r\nGET /echo/smuggled HTTP/1.1\r\nHost: a\r\n\r\n");
    client.finish_sending();
    const std::string answers = client.read_to_end();
    EXPECT_THAT(answers, Not(HasSubstr("smuggled/-/10"))) << lengths;
    EXPECT_THAT(answers, StartsWith("HTTP/1.1 400")) << lengths;
  }
}

// Slow clients, as many as there may be connections: when their time is over, others are served again.
TEST_F(WebServer, OutlastsManySlowClients) {
  options_.limits.connections = 50;
  options_.limits.header_time = std::chrono::milliseconds(300);
  options_.limits.idle_time = std::chrono::milliseconds(300);
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 50; ++i) {
    slow.push_back(std::make_unique<RawClient>(port()));
    if (i % 2 == 0) slow.back()->send("GET /echo/1 HTTP/1.1\r\nX-a:");
  }
  int status = 0;
  while (status != 200) {
    try {
      status = testing::get(port(), "/echo/1").status;
    } catch (const std::runtime_error&) {
      status = 0;
    }
  }
}

TEST(ClientLimits, CountsRequestsOfEachClientBySecond) {
  ClientLimits limits(3, 0);
  const ClientLimits::Time begin{};
  const auto at = [&](int milliseconds) { return begin + std::chrono::milliseconds(milliseconds); };
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.take("a", at(0)));
  EXPECT_FALSE(limits.take("a", at(0)));
  EXPECT_TRUE(limits.take("b", at(0)));
  EXPECT_FALSE(limits.take("a", at(300)));
  EXPECT_TRUE(limits.take("a", at(400)));
  EXPECT_FALSE(limits.take("a", at(401)));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limits.take("a", at(60'000)));
  EXPECT_FALSE(limits.take("a", at(60'000)));
  ClientLimits unlimited(0, 0);
  for (int i = 0; i < 100; ++i) EXPECT_TRUE(unlimited.take("a", begin));
}

TEST(ClientLimits, RemembersABoundedNumberOfClients) {
  ClientLimits limits(1, 0);
  for (int i = 0; i < 30'000; ++i) EXPECT_TRUE(limits.take(std::to_string(i), ClientLimits::Time{}));
}

TEST(ClientLimits, CountsConnections) {
  ClientLimits limits(0, 2);
  EXPECT_TRUE(limits.open("a"));
  EXPECT_TRUE(limits.open("a"));
  EXPECT_FALSE(limits.open("a"));
  EXPECT_TRUE(limits.open("b"));
  limits.close("a");
  EXPECT_TRUE(limits.open("a"));
  limits.close("nobody");
}

TEST(ClientLimits, TakesANetworkOfIpv6ForOneClient) {
  const auto counted = [](const char* address) { return counted_address(boost::asio::ip::make_address(address)); };
  EXPECT_EQ(counted("192.0.2.7"), "address 192.0.2.7");
  EXPECT_EQ(counted("::ffff:192.0.2.7"), "address 192.0.2.7");
  EXPECT_EQ(counted("2001:db8:1:2:3:4:5:6"), "address 2001:db8:1:2::");
  EXPECT_EQ(counted("2001:db8:1:2:ffff::1"), counted("2001:db8:1:2:3:4:5:6"));
  EXPECT_NE(counted("2001:db8:1:3::1"), counted("2001:db8:1:2::1"));
}

}  // namespace
}  // namespace wellhead::webserver
