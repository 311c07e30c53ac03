#include "library/webclient/rate_limiter.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::webclient {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

TEST(LocalRateLimiter, SpacesTheRequestsOfAllThreads) {
  LocalRateLimiter limiter(200);
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&limiter] {
        for (int request = 0; request < 10; ++request) limiter.acquire({});
      });
    }
  }
  EXPECT_GE(Clock::now() - start, milliseconds(39 * 5));  // 40 requests have 39 gaps of 5 ms
}

TEST(LocalRateLimiter, UnlimitedDoesNotWait) {
  LocalRateLimiter limiter(0);
  const auto start = Clock::now();
  for (int request = 0; request < 100'000; ++request) limiter.acquire({});
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));
}

TEST(LocalRateLimiter, WaitsUntilTheSourceMayBeAskedAgain) {
  LocalRateLimiter limiter(0);
  const auto start = Clock::now();
  limiter.block_until(meta::SystemClock().now() + milliseconds(120));
  limiter.block_until(meta::SystemClock().now() - milliseconds(120));  // an earlier end shortens nothing
  limiter.acquire({});
  EXPECT_GE(Clock::now() - start, milliseconds(110));
}

TEST(LocalRateLimiter, StopsAtOnce) {
  LocalRateLimiter limiter(0);
  limiter.block_until(meta::SystemClock().now() + std::chrono::hours(1));
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  try {
    limiter.acquire(stop.get_token());
    FAIL();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::cancelled);
  }
}

}  // namespace
}  // namespace wellhead::webclient
