// Waiting for a Temporal server that is not there yet.
#pragma once

#include <spdlog/spdlog.h>

#include <chrono>
#include <functional>
#include <thread>

#include "library/meta/error.h"

namespace wellhead::orchestration::temporal_engine {

// Does it again every second, for as long as the server is out of reach and keep_trying() says so; then the error is
// thrown. Empty: does it once. What trying again cannot help is thrown at once.
template <class Action>
auto when_reachable(const std::function<bool()>& keep_trying, Action action) {
  constexpr std::chrono::seconds kPause{1};
  constexpr std::chrono::milliseconds kLook{100};
  constexpr int kTold = 30;  // every so many tries it is said again
  for (int tries = 0;; ++tries) {
    try {
      return action();
    } catch (const meta::Error& error) {
      if (error.code() != meta::ErrorCode::engine_unreachable || !keep_trying || !keep_trying()) throw;
      if (tries % kTold == 0) spdlog::warn("{}; trying again until it answers", error.message());
    }
    const auto until = std::chrono::steady_clock::now() + kPause;
    while (keep_trying() && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(kLook);
  }
}

}  // namespace wellhead::orchestration::temporal_engine
