// The request rate of a source, asked before each request. library/storage/postgres/source_budget.h shares it between
// processes through PostgreSQL; LocalRateLimiter serves this process alone.
//
// Implementations are thread-safe: all clients of a source use one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "library/meta/clock.h"

namespace wellhead::webclient {

class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  // Blocks until one request may be made. Error{cancelled} within about 100 ms of a stop.
  virtual void acquire(std::stop_token stop) = 0;
  // The source asked to be left alone until then (Retry-After); acquire() waits for it in every thread.
  virtual void block_until(meta::Time until) = 0;
};

// Spaces requests evenly, with a burst of at most one request. rate: requests a second; 0 is unlimited.
class LocalRateLimiter final : public RateLimiter {
 public:
  explicit LocalRateLimiter(double rate);
  void acquire(std::stop_token stop) override;
  void block_until(meta::Time until) override;

 private:
  using Steady = std::chrono::steady_clock;
  const Steady::duration interval_;
  std::mutex mutex_;
  Steady::time_point next_;  // when the next request may be made
  Steady::time_point blocked_until_;
};

// Sleeps, but returns at once when a stop is asked for. False: stopped.
bool sleep_until(std::chrono::steady_clock::time_point time, const std::stop_token& stop);

}  // namespace wellhead::webclient
