#include "library/webclient/rate_limiter.h"

#include <algorithm>

#include "library/meta/error.h"

namespace wellhead::webclient {
namespace {

void wait_or_throw(std::chrono::steady_clock::time_point time, const std::stop_token& stop) {
  if (!sleep_until(time, stop)) {
    throw meta::Error(meta::ErrorCode::cancelled, "stopped while waiting for the source's request rate");
  }
}

}  // namespace

bool sleep_until(std::chrono::steady_clock::time_point time, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  wake.wait_until(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

LocalRateLimiter::LocalRateLimiter(double rate)
    : interval_(rate > 0 ? std::chrono::duration_cast<Steady::duration>(std::chrono::duration<double>(1 / rate))
                         : Steady::duration::zero()) {}

Permit LocalRateLimiter::acquire(std::stop_token stop) {
  while (true) {
    Steady::time_point turn;
    {
      const auto now = Steady::now();
      const std::lock_guard lock(mutex_);
      turn = std::max(next_, blocked_until_);
      if (turn <= now) {
        next_ = now + interval_;
        return {};
      }
    }
    wait_or_throw(turn, stop);
  }
}

void LocalRateLimiter::block_until(meta::Time until) {
  const auto wait = std::chrono::duration_cast<Steady::duration>(until - meta::SystemClock().now());
  const std::lock_guard lock(mutex_);
  blocked_until_ = std::max(blocked_until_, Steady::now() + wait);
}

}  // namespace wellhead::webclient
