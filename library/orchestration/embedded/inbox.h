// What other threads tell the workflow thread: ends of activities, that there may be work to fetch, and that it should
// stop. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <utility>

#include "library/orchestration/embedded/activity_pool.h"

namespace wellhead::orchestration::embedded {

class Inbox {
 public:
  struct Contents {
    std::deque<ActivityEnd> ended;
    bool look = false;  // for queued work and requests to cancel
    bool stop = false;  // stays set
  };

  void put(ActivityEnd end) {
    const std::lock_guard lock(mutex_);
    contents_.ended.push_back(std::move(end));
    arrived_.notify_one();
  }
  void ask_to_look() {
    const std::lock_guard lock(mutex_);
    contents_.look = true;
    arrived_.notify_one();
  }
  void ask_to_stop() {
    const std::lock_guard lock(mutex_);
    contents_.stop = true;
    arrived_.notify_one();
  }
  bool asked_to_stop() const {
    const std::lock_guard lock(mutex_);
    return contents_.stop;
  }

  // Everything that is there; waits until there is something, at most until the deadline.
  Contents take(std::chrono::system_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    arrived_.wait_until(lock, deadline,
                        [this] { return contents_.look || contents_.stop || !contents_.ended.empty(); });
    Contents taken = std::exchange(contents_, {});
    contents_.stop = taken.stop;
    return taken;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Contents contents_;
};

}  // namespace wellhead::orchestration::embedded
