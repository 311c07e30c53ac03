// What is repeated, how often, after how long, and what is told in the end.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <thread>

#include "library/webclient/http.h"
#include "library/webclient/testing/scripted_server.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using testing::Received;
using testing::Reply;
using testing::ScriptedServer;
using Clock = std::chrono::steady_clock;

HttpSettings quick() {
  HttpSettings settings;
  settings.retry = {.attempts = 4, .delay = milliseconds(1), .max_delay = milliseconds(3000)};
  return settings;
}

HttpRequest get(std::string url) { return {.url = std::move(url)}; }

Error error_of(HttpClient& client, const HttpRequest& request, std::stop_token stop = {}) {
  try {
    client.send(request, std::move(stop));
  } catch (const Error& error) {
    return error;
  }
  return Error(ErrorCode::internal, "no error was thrown");
}

// Answers with the failure until it was asked `failures` times, then well.
ScriptedServer::Handler failing(int failures, const Reply& failure) {
  return [failures, failure, asked = std::make_shared<std::atomic<int>>(0)](const Received&) {
    return ++*asked <= failures ? failure : Reply{.body = "well"};
  };
}

class Repeats : public ::testing::TestWithParam<Reply> {};

TEST_P(Repeats, UntilItGoesWell) {
  ScriptedServer server(failing(3, GetParam()));
  HttpClient client(quick());
  EXPECT_EQ(client.send(get(server.url())).body, "well");
  EXPECT_GE(client.traffic().retries, 3U);
  EXPECT_GE(server.received().size(), 4U);
}

INSTANTIATE_TEST_SUITE_P(Statuses, Repeats,
                         ::testing::Values(Reply{.status = 408}, Reply{.status = 429}, Reply{.status = 500},
                                           Reply{.status = 502}, Reply{.status = 503}, Reply{.status = 504}));
INSTANTIATE_TEST_SUITE_P(Connections, Repeats,
                         ::testing::Values(Reply{.drop = true}, Reply{.drop = true, .reset = true},
                                           Reply{.body = "truncated", .cut_after = 4},
                                           Reply{
                                               .body = "truncated", .framing = Reply::Framing::chunked, .cut_after = 4},
                                           Reply{.body = "reset", .cut_after = 2, .reset = true}));

TEST(Retry, EndsWithWhatTheServerSaid) {
  ScriptedServer server(failing(1000, {.status = 502,
                                       .headers = {{"Content-Type", "text/html"}},
                                       .body = "<html><head><TITLE>Bad\n gateway</TITLE></head></html>"}));
  HttpClient client(quick());
  const auto error = error_of(client, get(server.url() + "/Patient?address-postalcode=02139"));
  EXPECT_EQ(error.code(), ErrorCode::source_failed);
  EXPECT_THAT(error.message(),
              HasSubstr("/Patient?address-postalcode=… answered 502 Bad Gateway: an HTML page titled 'Bad gateway'"));
  EXPECT_THAT(error.message(), HasSubstr("(attempt 4)"));
  EXPECT_EQ(client.traffic().requests, 4U);
  EXPECT_EQ(client.traffic().retries, 3U);
}

TEST(Retry, NotImplementedIsNotRepeated) {
  ScriptedServer server(failing(1000, {.status = 501}));
  HttpClient client(quick());
  EXPECT_EQ(client.send(get(server.url())).status, 501);
  EXPECT_EQ(client.traffic().requests, 1U);
}

TEST(Retry, WaitsAsLongAsTheServerAsksInSeconds) {
  ScriptedServer server(failing(1, {.status = 429, .headers = {{"Retry-After", "1"}}}));
  HttpClient client(quick());
  const auto start = Clock::now();
  EXPECT_EQ(client.send(get(server.url())).status, 200);
  EXPECT_GE(Clock::now() - start, milliseconds(1000));
}

TEST(Retry, WaitsUntilTheDateTheServerNames) {
  const auto date = std::chrono::ceil<std::chrono::seconds>(std::chrono::system_clock::now()) + std::chrono::seconds(1);
  const auto seconds = std::chrono::system_clock::to_time_t(date);
  char text[64];
  tm parts = {};
  gmtime_r(&seconds, &parts);
  strftime(text, sizeof text, "%a, %d %b %Y %H:%M:%S GMT", &parts);
  ScriptedServer server(failing(1, {.status = 503, .headers = {{"Retry-After", text}}}));
  HttpClient client(quick());
  EXPECT_EQ(client.send(get(server.url())).status, 200);
  EXPECT_GE(std::chrono::system_clock::now(), date);
}

TEST(Retry, LeavesALongWaitToTheCaller) {
  ScriptedServer server(failing(1, {.status = 429, .headers = {{"Retry-After", "120"}}}));
  HttpClient client(quick());
  const auto error = error_of(client, get(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::source_busy);
  EXPECT_EQ(error.retry_after(), milliseconds(120'000));
  EXPECT_THAT(error.message(), HasSubstr("asks to wait 120 s"));
  EXPECT_EQ(client.traffic().requests, 1U);
}

TEST(Retry, NoAttemptBeginsAfterTheTimeLimit) {
  ScriptedServer server(failing(1000, {.status = 503, .headers = {{"Retry-After", "30"}}}));
  auto settings = quick();
  settings.retry.max_delay = std::chrono::minutes(1);
  settings.retry.time_limit = milliseconds(500);
  HttpClient client(settings);
  const auto start = Clock::now();
  EXPECT_EQ(error_of(client, get(server.url())).code(), ErrorCode::source_busy);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(30)) << "it waited for an attempt that came too late";
  EXPECT_EQ(client.traffic().requests, 1U);
}

TEST(Retry, AStopEndsTheWaitAtOnce) {
  ScriptedServer server(failing(1000, {.status = 503, .headers = {{"Retry-After", "30"}}}));
  auto settings = quick();
  settings.retry.max_delay = std::chrono::minutes(1);
  HttpClient client(settings);
  std::stop_source stop;
  Clock::time_point stopped;
  std::jthread stopper([&] {
    while (server.received().empty()) std::this_thread::yield();
    stopped = Clock::now();
    stop.request_stop();
  });
  EXPECT_EQ(error_of(client, get(server.url()), stop.get_token()).code(), ErrorCode::cancelled);
  EXPECT_LT(Clock::now() - stopped, std::chrono::seconds(20));
}

TEST(Retry, AnIdleConnectionThatWasClosedIsReplacedAtOnce) {
  // The server closes a connection when the second request arrives on it, as one does whose idle time has just run out.
  ScriptedServer server([](const Received& request) {
    return request.on_connection == 1 ? Reply{.body = "well"} : Reply{.drop = true, .reset = true};
  });
  auto settings = quick();
  settings.retry.attempts = 1;
  HttpClient client(settings);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.send(get(server.url())).body, "well");
  EXPECT_EQ(server.connections(), 5);
}

TEST(Retry, AConnectionClosedWhileIdleIsReplaced) {
  ScriptedServer server([](const Received&) { return Reply{.body = "well", .close_silently = true}; });
  auto settings = quick();
  settings.retry.attempts = 1;
  HttpClient client(settings);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.send(get(server.url())).body, "well");
  const HttpRequest post{
      .method = HttpRequest::Method::post, .url = server.url(), .body = "a=b", .content_type = "x/y"};
  for (int i = 0; i < 5; ++i) EXPECT_EQ(client.send(post).body, "well");
}

class RecordingLimiter final : public RateLimiter {
 public:
  Permit acquire(std::stop_token) override {
    if (refusal) throw Error(*refusal);
    return {.probe = ++acquired};
  }
  void report(const Permit& permit, const RequestOutcome& outcome) noexcept override {
    EXPECT_EQ(permit.probe, static_cast<int>(outcomes.size()) + 1);
    outcomes.push_back(outcome);
  }
  void block_until(meta::Time until) override { blocked_until = until; }
  std::optional<Error> refusal;
  int acquired = 0;
  std::vector<RequestOutcome> outcomes;
  std::optional<meta::Time> blocked_until;
};

TEST(Retry, EveryRequestAsksTheLimiterAndRetryAfterIsShared) {
  ScriptedServer server(failing(1, {.status = 429, .headers = {{"Retry-After", "1"}}}));
  RecordingLimiter limiter;
  HttpClient client(quick(), nullptr, &limiter);
  const auto before = meta::SystemClock().now();
  EXPECT_EQ(client.send(get(server.url())).status, 200);
  EXPECT_EQ(limiter.acquired, 2);
  ASSERT_TRUE(limiter.blocked_until);
  EXPECT_GE(*limiter.blocked_until, before + milliseconds(1000));
}

struct OutcomeCase {
  const char* name;
  Reply reply;
  RequestOutcome::Health health;
  ErrorCode code = ErrorCode::source_unreachable;
  const char* reason = "";
};

class Outcome : public ::testing::TestWithParam<OutcomeCase> {};

TEST_P(Outcome, IsReportedOnceForEachRequest) {
  ScriptedServer server([](const Received&) { return GetParam().reply; });
  RecordingLimiter limiter;
  auto settings = quick();
  settings.retry.attempts = 1;
  if (GetParam().reply.hang) settings.read_timeout = milliseconds(100);
  settings.max_response_bytes = 1000;
  HttpClient client(settings, nullptr, &limiter);
  error_of(client, get(server.url()));
  ASSERT_EQ(limiter.outcomes.size(), 1U);
  EXPECT_EQ(limiter.outcomes[0].health, GetParam().health);
  if (GetParam().health != RequestOutcome::Health::failing) return;
  EXPECT_EQ(limiter.outcomes[0].code, GetParam().code);
  EXPECT_THAT(limiter.outcomes[0].reason, HasSubstr(GetParam().reason));
}

INSTANTIATE_TEST_SUITE_P(
    Answers, Outcome,
    ::testing::Values(
        OutcomeCase{"Success", {.body = "well"}, RequestOutcome::Health::well},
        OutcomeCase{"NotFound", {.status = 404}, RequestOutcome::Health::well},
        OutcomeCase{"Unauthorized", {.status = 401}, RequestOutcome::Health::well},
        OutcomeCase{"NotImplemented", {.status = 501}, RequestOutcome::Health::well},
        OutcomeCase{"TooLarge", {.body = std::string(2000, 'x')}, RequestOutcome::Health::well},
        OutcomeCase{"Busy", {.status = 429}, RequestOutcome::Health::failing, ErrorCode::source_busy, "answered 429"},
        OutcomeCase{
            "Failed", {.status = 502}, RequestOutcome::Health::failing, ErrorCode::source_failed, "answered 502"},
        OutcomeCase{"Reset", {.drop = true, .reset = true}, RequestOutcome::Health::failing},
        OutcomeCase{"Silent",
                    {.body = "x", .cut_after = 0, .hang = true},
                    RequestOutcome::Health::failing,
                    ErrorCode::source_timeout,
                    "no byte"}),
    [](const ::testing::TestParamInfo<OutcomeCase>& tested) { return tested.param.name; });

TEST(Outcome, AClosedIdleConnectionIsNoFailure) {
  ScriptedServer server([](const Received& request) {
    return request.on_connection == 1 ? Reply{.body = "well"} : Reply{.drop = true, .reset = true};
  });
  RecordingLimiter limiter;
  HttpClient client(quick(), nullptr, &limiter);
  const HttpRequest post{
      .method = HttpRequest::Method::post, .url = server.url(), .body = "a=b", .content_type = "x/y"};
  for (int i = 0; i < 5; ++i) client.send(get(server.url()));
  for (int i = 0; i < 5; ++i) client.send(post);
  for (const auto& outcome : limiter.outcomes) EXPECT_NE(outcome.health, RequestOutcome::Health::failing);
}

TEST(Retry, AnOpenCircuitEndsItAtOnceWithNoRequest) {
  ScriptedServer server(failing(0, {}));
  RecordingLimiter limiter;
  limiter.refusal = Error(ErrorCode::source_busy, "the circuit is open").set_retry_after(milliseconds(9000));
  HttpClient client(quick(), nullptr, &limiter);
  const auto error = error_of(client, get(server.url()));
  EXPECT_EQ(error.code(), ErrorCode::source_busy);
  EXPECT_EQ(error.retry_after(), milliseconds(9000));
  EXPECT_TRUE(error.retryable());
  EXPECT_TRUE(server.received().empty());
  EXPECT_TRUE(limiter.outcomes.empty());
}

TEST(RetryAfter, TakesSecondsAndTheThreeFormsOfADate) {
  const meta::Time now(std::chrono::sys_seconds(std::chrono::seconds(784111717)));  // Sun, 06 Nov 1994 08:48:37 GMT
  EXPECT_EQ(parse_retry_after("120", now), milliseconds(120'000));
  EXPECT_EQ(parse_retry_after(" 0 ", now), milliseconds(0));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sun Nov  6 08:49:37 1994", now), milliseconds(60'000));
  EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), milliseconds(0));
  EXPECT_GT(parse_retry_after("99999999999999999999", now), milliseconds(0));
  for (const auto* text : {"", "soon", "-1", "1.5", "12 apples"})
    EXPECT_EQ(parse_retry_after(text, now), std::nullopt) << text;
}

}  // namespace
}  // namespace wellhead::webclient
