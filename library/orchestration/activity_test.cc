#include "library/orchestration/activity.h"

#include <gtest/gtest.h>

#include "library/orchestration/failure.h"

namespace wellhead::orchestration {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;

TEST(RetryPolicy, RetriesWhatMayPassUntilTheLastAttempt) {
  const RetryPolicy policy{.maximum_attempts = 3, .non_retryable = {ErrorCode::source_busy}};
  const Error passing(ErrorCode::source_failed, "500");
  EXPECT_TRUE(policy.allows_another(passing, 1));
  EXPECT_TRUE(policy.allows_another(passing, 2));
  EXPECT_FALSE(policy.allows_another(passing, 3));
  EXPECT_FALSE(policy.allows_another(Error(ErrorCode::source_busy, "429"), 1));
  EXPECT_FALSE(policy.allows_another(Error(ErrorCode::invalid_input, "no"), 1));
  EXPECT_FALSE(policy.allows_another(Error(passing).no_retry(), 1));
  EXPECT_TRUE(RetryPolicy{.maximum_attempts = 0}.allows_another(passing, 1'000'000));
}

TEST(RetryPolicy, AnOutageOfOurOwnMayTakeMoreAttempts) {
  const RetryPolicy policy{.maximum_attempts = 3, .outages = {ErrorCode::database_unreachable}};
  const Error outage(ErrorCode::database_unreachable, "gone");
  EXPECT_TRUE(policy.allows_another(outage, 3));
  EXPECT_TRUE(policy.allows_another(outage, 99));
  EXPECT_FALSE(policy.allows_another(outage, 100));
  EXPECT_FALSE(policy.allows_another(Error(ErrorCode::source_failed, "500"), 3));
}

TEST(RetryPolicy, WaitsLongerEachTimeWithinItsLimits) {
  const RetryPolicy policy{
      .initial_interval = milliseconds(100), .backoff = 2.0, .maximum_interval = milliseconds(500)};
  Error error(ErrorCode::source_failed, "500");
  EXPECT_EQ(policy.wait_after(error, 1, 0.0), milliseconds(100));
  EXPECT_EQ(policy.wait_after(error, 2, 0.0), milliseconds(200));
  EXPECT_EQ(policy.wait_after(error, 2, 1.0), milliseconds(100));
  EXPECT_EQ(policy.wait_after(error, 30, 0.0), milliseconds(500));
  error.set_retry_after(milliseconds(7'000));
  EXPECT_EQ(policy.wait_after(error, 1, 0.5), milliseconds(7'000));
}

TEST(ActivityContext, HeartbeatsGoOutAndComeBack) {
  std::string told;
  ActivityContext first(ActivityInfo{}, {}, {}, [&](Payload details) { told = std::move(details); });
  EXPECT_EQ(first.last_heartbeat<int>(), std::nullopt);
  first.heartbeat(17);
  EXPECT_EQ(ActivityContext(ActivityInfo{.attempt = 2}, {}, told).last_heartbeat<int>(), 17);
}

TEST(ActivityContext, SeesTheRequestToStop) {
  std::stop_source stop;
  const ActivityContext activity(ActivityInfo{.activity = "load"}, stop.get_token());
  EXPECT_NO_THROW(activity.throw_if_cancelled());
  stop.request_stop();
  EXPECT_TRUE(activity.cancelled());
  EXPECT_THROW(activity.throw_if_cancelled(), Error);
}

TEST(Failure, KeepsWhatAnErrorSays) {
  Error error(ErrorCode::source_busy, "busy", "Wait");
  error.set_retry_after(milliseconds(5));
  const auto failure = to_failure(std::make_exception_ptr(error));
  const Error back = to_error(meta::from_json<Failure>(meta::to_json(failure)));
  EXPECT_EQ(back.code(), ErrorCode::source_busy);
  EXPECT_STREQ(back.what(), error.what());
  EXPECT_TRUE(back.retryable());
  EXPECT_EQ(back.retry_after(), milliseconds(5));
  EXPECT_FALSE(to_error(to_failure(std::make_exception_ptr(error.no_retry()))).retryable());
}

TEST(Failure, OtherExceptionsAreInternal) {
  const auto failure = to_failure(std::make_exception_ptr(std::out_of_range("vector")));
  EXPECT_EQ(failure.code, "internal");
  EXPECT_FALSE(failure.retryable);
  EXPECT_EQ(to_failure(std::make_exception_ptr(3)).code, "internal");
}

}  // namespace
}  // namespace wellhead::orchestration
