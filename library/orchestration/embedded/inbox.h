// What other threads tell the workflow thread: how activities go, questions, that there may be work to fetch, and that
// it should stop. Thread-safe.
#pragma once

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include "library/orchestration/embedded/activity_pool.h"
#include "library/orchestration/journal.h"

namespace wellhead::orchestration::embedded {

// A question of this process; the answer is empty when the workflow is not open here.
struct InboxQuery {
  std::string execution_id;
  std::string name;
  std::promise<std::optional<QueryAnswer>> answer;
};

class Inbox {
 public:
  struct Contents {
    std::deque<ActivityStart> started;
    std::deque<ActivityHeartbeat> heartbeats;
    std::deque<ActivityEnd> ended;
    std::deque<InboxQuery> queries;
    bool look = false;  // for queued work and notices
    bool stop = false;  // stays set

    bool empty() const {
      return !look && !stop && started.empty() && heartbeats.empty() && ended.empty() && queries.empty();
    }
  };

  void put(ActivityStart start) {
    change([&](Contents& contents) { contents.started.push_back(std::move(start)); });
  }
  void put(ActivityHeartbeat heartbeat) {
    change([&](Contents& contents) { contents.heartbeats.push_back(std::move(heartbeat)); });
  }
  void put(ActivityEnd end) {
    change([&](Contents& contents) { contents.ended.push_back(std::move(end)); });
  }
  void put(InboxQuery query) {
    change([&](Contents& contents) { contents.queries.push_back(std::move(query)); });
  }
  void ask_to_look() {
    change([](Contents& contents) { contents.look = true; });
  }
  void ask_to_stop() {
    change([](Contents& contents) { contents.stop = true; });
  }
  bool asked_to_stop() const {
    const std::lock_guard lock(mutex_);
    return contents_.stop;
  }

  // Everything that is there; waits until there is something, at most until the deadline.
  Contents take(std::chrono::system_clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    arrived_.wait_until(lock, deadline, [this] { return !contents_.empty(); });
    Contents taken = std::exchange(contents_, {});
    contents_.stop = taken.stop;
    return taken;
  }

 private:
  template <class Change>
  void change(Change action) {
    const std::lock_guard lock(mutex_);
    action(contents_);
    arrived_.notify_one();
  }

  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  Contents contents_;
};

}  // namespace wellhead::orchestration::embedded
