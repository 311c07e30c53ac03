#include "library/orchestration/activity.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace wellhead::orchestration {

bool RetryPolicy::allows_another(const meta::Error& error, int attempt) const {
  if (!error.retryable() || std::ranges::find(non_retryable, error.code()) != non_retryable.end()) return false;
  const bool outage = std::ranges::find(outages, error.code()) != outages.end();
  const int most = outage ? std::max(maximum_attempts, maximum_attempts_in_outage) : maximum_attempts;
  return maximum_attempts == 0 || attempt < most;
}

std::chrono::milliseconds RetryPolicy::wait_after(const meta::Error& error, int attempt, double fraction) const {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  const Milliseconds grown = Milliseconds(initial_interval) * std::pow(backoff, attempt - 1);
  const Milliseconds capped = std::min(grown, Milliseconds(maximum_interval));
  const auto jittered = std::chrono::duration_cast<std::chrono::milliseconds>(capped * (1.0 - fraction / 2));
  return std::max(jittered, error.retry_after().value_or(std::chrono::milliseconds::zero()));
}

ActivityContext::ActivityContext(ActivityInfo info, std::stop_token stop, std::optional<Payload> last_heartbeat,
                                 std::function<void(Payload)> on_heartbeat)
    : info_(std::move(info)),
      stop_(std::move(stop)),
      last_heartbeat_(std::move(last_heartbeat)),
      on_heartbeat_(std::move(on_heartbeat)) {}

void ActivityContext::throw_if_cancelled() const {
  if (cancelled()) throw meta::Error(meta::ErrorCode::cancelled, info_.activity + " was told to stop");
}

void ActivityContext::record_heartbeat(Payload details) {
  if (on_heartbeat_) on_heartbeat_(std::move(details));
}

}  // namespace wellhead::orchestration
