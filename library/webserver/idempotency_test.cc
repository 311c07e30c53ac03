#include "library/webserver/idempotency.h"

#include <gtest/gtest.h>

#include <map>

#include "library/webserver/testing/web_server.h"

namespace wellhead::webserver {
namespace {

using testing::RawClient;
using testing::RawResponse;

// In memory. It is called on one thread of the pool.
class SomeKeys final : public IdempotencyKeys {
 public:
  std::optional<Known> take(const IdempotentRequest& use) override {
    const auto [found, made] = entries_.try_emplace(use.caller + "/" + use.key, Entry{use.request, std::nullopt});
    if (made) return std::nullopt;
    return Known{found->second.request == use.request, found->second.response};
  }
  void keep(const IdempotentRequest& use, const Response& response) override {
    entries_.at(use.caller + "/" + use.key).response = response;
  }
  void forget(const IdempotentRequest& use) override { entries_.erase(use.caller + "/" + use.key); }
  // Takes a key for the request of another, and does not answer.
  void hold(const std::string& known, const std::string& taken) {
    entries_[taken] = Entry{entries_.at(known).request, std::nullopt};
  }

 private:
  struct Entry {
    std::string request;
    std::optional<Response> response;
  };
  std::map<std::string, Entry> entries_;
};

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
      if (request.arguments.text("name") == "refused") co_return Response::json("{}", 409);
      co_return Response::json(std::to_string(*made), 202);
    };
    route.handler = [this, make](Request request) { return make(&made_, std::move(request)); };
    make_idempotent(&keys_, pool_, route);
    table_.add(std::move(route));
    options_.threads = 1;
  }
  RawResponse post(const std::string& name, const std::string& headers) {
    return RawClient(port()).request("POST", "/things", "Content-Type: application/json\r\n" + headers,
                                     R"({"name":")" + name + "\"}");
  }

  SomeKeys keys_;
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
  EXPECT_EQ(post("a", "Idempotency-Key: a b\r\n").status, 400);
  EXPECT_EQ(made_, 1);
}

TEST_F(Idempotency, TriesAgainWhatHasFailed) {
  EXPECT_EQ(post("broken", "Idempotency-Key: k1\r\n").status, 500);
  EXPECT_EQ(post("broken", "Idempotency-Key: k1\r\n").status, 500);
  EXPECT_EQ(made_, 2);
  EXPECT_EQ(post("refused", "Idempotency-Key: k2\r\n").status, 409);
  EXPECT_EQ(post("refused", "Idempotency-Key: k2\r\n").header("idempotency-replayed"), "");
  EXPECT_EQ(made_, 4);
}

TEST_F(Idempotency, TakesAKeyInQuotesForTheSame) {
  EXPECT_EQ(post("a", "Idempotency-Key: \"k1\"\r\n").body, "1");
  EXPECT_EQ(post("a", "Idempotency-Key: k1\r\n").header("idempotency-replayed"), "true");
  EXPECT_EQ(post("a", "Idempotency-Key: \"\"\r\n").status, 400);
  EXPECT_EQ(post("a", "Idempotency-Key:\r\n").status, 400);
}

TEST_F(Idempotency, RefusesWhatIsBeingAnswered) {
  EXPECT_EQ(post("a", "Idempotency-Key: k2\r\n").body, "1");
  keys_.hold("/k2", "/k1");
  const RawResponse refused = post("a", "Idempotency-Key: k1\r\n");
  EXPECT_EQ(refused.status, 409) << refused.body;
  EXPECT_EQ(refused.header("retry-after"), "1");
}

}  // namespace
}  // namespace wellhead::webserver
