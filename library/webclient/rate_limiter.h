// Leave to send a request to a source, asked before each one: the source's request rate, and its circuit, which is open
// while the source keeps failing. library/storage/postgres/source_budget.h shares both between processes through
// PostgreSQL; LocalRateLimiter serves this process alone and has no circuit.
//
// Implementations are thread-safe: all clients of a source use one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stop_token>
#include <string>

#include "library/meta/clock.h"
#include "library/meta/error.h"

namespace wellhead::webclient {

// Leave for one request. Whoever has one tells by report() how the request ended, even if it never went out.
struct Permit {
  std::int64_t probe = 0;  // not 0: the one request that tries whether a failing source is well again
};

// What a request shows about the health of its source.
struct RequestOutcome {
  enum class Health {
    well,     // it answered, be it to refuse
    failing,  // connection lost, timeout, 408, 429 or 5xx
    unknown,  // stopped before an answer, or failed for a reason of our own
  };
  Health health = Health::unknown;
  meta::ErrorCode code = meta::ErrorCode::source_unreachable;  // of a failure
  std::string reason;                                          // of a failure, for people: one line without values
};

class RateLimiter {
 public:
  virtual ~RateLimiter() = default;
  // Blocks until one request may be made. Error{cancelled} within about 100 ms of a stop; the code of the source's last
  // failure, retryable and with retry_after(), while its circuit is open for longer than is worth waiting.
  virtual Permit acquire(std::stop_token stop) = 0;
  // Once for each acquire() that returned. May block for a moment when the source is failing, never otherwise.
  virtual void report(const Permit& /*permit*/, const RequestOutcome& /*outcome*/) noexcept {}
  // The source asked to be left alone until then (Retry-After); acquire() waits for it in every thread.
  virtual void block_until(meta::Time until) = 0;
};

// Spaces requests evenly, with a burst of at most one request. rate: requests a second; 0 is unlimited.
class LocalRateLimiter final : public RateLimiter {
 public:
  explicit LocalRateLimiter(double rate);
  Permit acquire(std::stop_token stop) override;
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
