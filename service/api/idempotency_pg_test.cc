// Idempotency-Key over REST: in the database, so that it holds across restarts and several servers.
#include <gmock/gmock.h>

#include <future>

#include "library/meta/error.h"
#include "service/access/idempotency_table.h"
#include "service/access/keys.h"
#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using testing::at;
using ::testing::HasSubstr;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

// Makes a run each time it is asked for a load, and can be held in the midst of it.
class Loads final : public zipcode::RunOperations {
 public:
  explicit Loads(std::string url) : url_(std::move(url)) {}

  zipcode::RequestedRun load(const meta::Zipcode& zipcode,
                             const std::optional<std::vector<std::string>>& /*resources*/) override {
    if (hold_.valid()) {
      entered_.set_value();
      hold_.wait();
    }
    if (zipcode.text() == "00000") throw meta::Error(meta::ErrorCode::source_unreachable, "the source does not answer");
    storage::Connection connection(url_);
    const auto made = connection.query(
        "INSERT INTO run (zipcode, source_url, state, requested_at, options) VALUES ($1, 'http://fhir.test', 'queued', "
        "now(), '{}') RETURNING run_id",
        {zipcode.text()});
    return {meta::RunId{made.integer(0, 0)}, false};
  }
  void retry(meta::RunId /*run*/) override {}
  void pause(meta::RunId /*run*/) override {}
  void resume(meta::RunId /*run*/) override {}
  void cancel(meta::RunId /*run*/) override {}
  zipcode::RunStatus status(meta::RunId /*run*/) override { return {}; }
  std::string steps(meta::RunId /*run*/) override { return R"({"executions":[],"steps":[]})"; }

  // The next load waits until the promise is kept.
  void hold(std::promise<void>& open) { hold_ = open.get_future().share(); }
  void wait_until_entered() { entered_.get_future().wait(); }

 private:
  std::string url_;
  std::shared_future<void> hold_;
  std::promise<void> entered_;
};

class StoredKeys : public testing::ApiTest {
 public:
  ~StoredKeys() override {
    server_.reset();
    other_.reset();
  }

 protected:
  StoredKeys() : loads_(database_.url()) {
    testing::make_schema(connection_);
    options_.runs = &loads_;
  }

  void start_other() {
    other_ = std::make_unique<Server>(options_);
    other_->start();
  }
  static RawResponse post(const Server& server, const std::string& zipcode, const std::string& headers) {
    return RawClient(server.port())
        .request("POST", "/v1/zipcodes", "Content-Type: application/json\r\n" + headers,
                 R"({"zipcode":")" + zipcode + "\"}");
  }
  std::int64_t count(const std::string& table) {
    return connection_.query("SELECT count(*) FROM " + table).integer(0, 0);
  }
  static void expect_same(const RawResponse& again, const RawResponse& first) {
    EXPECT_EQ(again.status, first.status);
    EXPECT_EQ(again.body, first.body);
    EXPECT_EQ(again.header("content-type"), first.header("content-type"));
    EXPECT_EQ(again.header("location"), first.header("location"));
    EXPECT_EQ(again.header("idempotency-replayed"), "true");
    EXPECT_EQ(first.header("idempotency-replayed"), "");
  }

  Loads loads_;
  std::unique_ptr<Server> other_;
};

constexpr const char* kOne = "Idempotency-Key: one\r\n";

TEST_F(StoredKeys, HoldAcrossARestart) {
  start();
  const RawResponse first = post(*server_, "01001", kOne);
  EXPECT_EQ(first.status, 202) << first.body;
  server_.reset();
  start();
  expect_same(post(*server_, "01001", kOne), first);
  EXPECT_EQ(count("run"), 1);
  const RawResponse reused = post(*server_, "01002", kOne);
  EXPECT_EQ(reused.status, 422);
  EXPECT_EQ(at(reused.body, "/type"), "\"urn:wellhead:problem:idempotency_key_reused\"");
  EXPECT_THAT(reused.body, HasSubstr("take a new one"));
  EXPECT_EQ(count("run"), 1);
}

TEST_F(StoredKeys, HoldWhicheverServerIsAsked) {
  start();
  start_other();
  const RawResponse first = post(*server_, "01001", kOne);
  EXPECT_EQ(first.status, 202) << first.body;
  expect_same(post(*other_, "01001", kOne), first);
  expect_same(post(*server_, "01001", kOne), first);
  EXPECT_EQ(post(*other_, "01002", kOne).status, 422);
  EXPECT_EQ(post(*other_, "01003", "Idempotency-Key: two\r\n").header("idempotency-replayed"), "");
  EXPECT_EQ(count("run"), 2);
}

TEST_F(StoredKeys, RefuseWhatAnotherServerIsAnswering) {
  start();
  start_other();
  std::promise<void> open;
  loads_.hold(open);
  auto first = std::async(std::launch::async, [&] { return post(*server_, "01001", kOne); });
  loads_.wait_until_entered();
  for (const Server* server : {server_.get(), other_.get()}) {
    const RawResponse busy = post(*server, "01001", kOne);
    EXPECT_EQ(busy.status, 409) << busy.body;
    EXPECT_EQ(busy.header("retry-after"), "1");
    EXPECT_EQ(post(*server, "01002", kOne).status, 422);
  }
  open.set_value();
  const RawResponse answered = first.get();
  EXPECT_EQ(answered.status, 202);
  expect_same(post(*other_, "01001", kOne), answered);
  EXPECT_EQ(count("run"), 1);
}

TEST_F(StoredKeys, AreNotKeptForWhatFails) {
  start();
  EXPECT_EQ(post(*server_, "00000", kOne).status, 502);
  EXPECT_EQ(count("idempotency_key"), 0);
  EXPECT_EQ(post(*server_, "01001", kOne).status, 202);
  EXPECT_EQ(count("idempotency_key"), 1);
}

TEST_F(StoredKeys, AreForgottenAfterADay) {
  start();
  EXPECT_EQ(post(*server_, "01001", kOne).status, 202);
  const auto left = connection_.query("SELECT extract(epoch FROM expires_at - now()) FROM idempotency_key");
  EXPECT_GT(left.number(0, 0), 23 * 3600);
  EXPECT_LE(left.number(0, 0), 24 * 3600);
  EXPECT_EQ(access::remove_expired_idempotency_keys(connection_), 0);
  connection_.execute("UPDATE idempotency_key SET expires_at = now()");
  // Also before it is removed, and for another request.
  EXPECT_EQ(post(*server_, "01002", kOne).status, 202);
  EXPECT_EQ(count("run"), 2);
  connection_.execute("UPDATE idempotency_key SET expires_at = now()");
  EXPECT_EQ(access::remove_expired_idempotency_keys(connection_), 1);
  EXPECT_EQ(count("idempotency_key"), 0);
}

TEST_F(StoredKeys, AreFreeAgainWhenTheirProcessDied) {
  start();
  EXPECT_EQ(post(*server_, "01001", kOne).status, 202);
  // As a process leaves it that is killed in the midst.
  connection_.execute("UPDATE idempotency_key SET status = NULL, owner = 'dead'; UPDATE run SET state = 'cancelled'");
  EXPECT_EQ(post(*server_, "01001", kOne).status, 409);
  connection_.execute("UPDATE idempotency_key SET taken_until = now()");
  EXPECT_EQ(post(*server_, "01002", kOne).status, 422);
  const RawResponse again = post(*server_, "01001", kOne);
  EXPECT_EQ(again.status, 202);
  expect_same(post(*server_, "01001", kOne), again);
  EXPECT_EQ(count("run"), 2);
}

TEST_F(StoredKeys, AreOfTheirCallerAlone) {
  options_.guarded = true;
  std::vector<std::string> callers;
  for (int i = 0; i < 2; ++i) {
    const auto made = access::create_key(
        connection_, {.role = webserver::Role::operate, .name = "", .zip_prefixes = {}, .lifetime = {}});
    callers.push_back("Authorization: Bearer " + made.key + "\r\n" + kOne);
  }
  start();
  const RawResponse first = post(*server_, "01001", callers.at(0));
  EXPECT_EQ(first.status, 202) << first.body;
  const RawResponse second = post(*server_, "01002", callers.at(1));
  EXPECT_EQ(second.status, 202) << second.body;
  EXPECT_EQ(second.header("idempotency-replayed"), "");
  expect_same(post(*server_, "01001", callers.at(0)), first);
  EXPECT_EQ(post(*server_, "01001", callers.at(1)).status, 422);
  EXPECT_EQ(count("run"), 2);
}

TEST_F(StoredKeys, AreNeitherTakenNorIgnoredWithoutTheDatabase) {
  options_.database_url = "postgresql://127.0.0.1:1/nothing";
  start();
  EXPECT_EQ(post(*server_, "01001", kOne).status, 503);
  EXPECT_EQ(count("run"), 0);
}

}  // namespace
}  // namespace wellhead::api
