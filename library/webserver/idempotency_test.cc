#include "library/webserver/idempotency.h"

#include <gtest/gtest.h>

#include "library/webserver/testing/web_server.h"

namespace wellhead::webserver {
namespace {

using testing::RawClient;
using testing::RawResponse;

class Idempotency : public testing::WebServer {
 protected:
  Idempotency() {
    Route route;
    route.method = Method::post;
    route.path = "/things";
    route.operation_id = "make_thing";
    Parameter name{.name = "name", .in = ParameterIn::body, .required = true};
    route.parameters = {name};
    route.responses = {{.status = 202, .description = "Made."}};
    const auto make = [](int* made, Request request) -> Task<Response> {
      ++*made;
      if (request.arguments.text("name") == "broken") throw std::runtime_error("broken");
      co_return Response::json(std::to_string(*made), 202);
    };
    route.handler = [this, make](Request request) { return make(&made_, std::move(request)); };
    make_idempotent(std::make_shared<IdempotencyKeys>(), route);
    table_.add(std::move(route));
    options_.threads = 1;
  }
  RawResponse post(const std::string& name, const std::string& headers) {
    return RawClient(port()).request("POST", "/things", "Content-Type: application/json\r\n" + headers,
                                     R"({"name":")" + name + "\"}");
  }

  int made_ = 0;
};

TEST_F(Idempotency, DoesARequestOnceForEachKey) {
  EXPECT_EQ(post("a", "Idempotency-Key: k1\r\n").body, "1");
  const RawResponse again = post("a", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(again.body, "1");
  EXPECT_EQ(again.status, 202);
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  EXPECT_EQ(post("a", "Idempotency-Key: k2\r\n").body, "2");
  EXPECT_EQ(post("a", "").body, "3");
  EXPECT_EQ(post("a", "").body, "4");
}

TEST_F(Idempotency, RefusesAKeyForAnotherRequest) {
  EXPECT_EQ(post("a", "Idempotency-Key: k1\r\n").status, 202);
  EXPECT_EQ(post("b", "Idempotency-Key: k1\r\n").status, 422);
  EXPECT_EQ(post("a", "Idempotency-Key: k1\r\nAuthorization: Bearer other\r\n").status, 422);
  EXPECT_EQ(post("a", "Idempotency-Key: a b\r\n").status, 400);
  EXPECT_EQ(made_, 1);
}

TEST_F(Idempotency, TriesAgainWhatHasFailed) {
  EXPECT_EQ(post("broken", "Idempotency-Key: k1\r\n").status, 500);
  EXPECT_EQ(post("broken", "Idempotency-Key: k1\r\n").status, 500);
  EXPECT_EQ(made_, 2);
}

TEST(IdempotencyKeys, SaysThatARequestIsBeingAnswered) {
  IdempotencyKeys keys;
  EXPECT_FALSE(keys.take("k", "r").has_value());
  const auto known = keys.take("k", "r");
  ASSERT_TRUE(known.has_value());
  EXPECT_TRUE(known->same_request);
  EXPECT_FALSE(known->response.has_value());
  keys.forget("k");
  EXPECT_FALSE(keys.take("k", "other").has_value());
}

}  // namespace
}  // namespace wellhead::webserver
