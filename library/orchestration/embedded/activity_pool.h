// The slots: threads that run activities, so many per task queue. Owns the threads and what waits for one.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/activation.h"
#include "library/orchestration/activity.h"
#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"

namespace wellhead::orchestration::embedded {

// One attempt to make.
struct ActivityTask {
  ActivityInfo info;
  std::string task_queue;
  int priority = 0;
  const Registry::ActivityFunction* function = nullptr;
  Payload input;
  std::optional<Payload> last_heartbeat;
  bool tell_start = false;
  std::chrono::milliseconds heartbeat_interval{1000};  // told at most so often
  std::stop_source stop;
};

struct ActivityStart {
  ActivityInfo info;
  meta::Time at{};
};

struct ActivityHeartbeat {
  ActivityInfo info;
  Payload details;
  meta::Time at{};
};

// How it ended.
struct ActivityEnd {
  ActivityInfo info;
  meta::Time started_at{};
  meta::Time ended_at{};
  std::variant<Payload, std::exception_ptr> outcome;
  std::optional<Payload> last_heartbeat;
};

class ActivityPool {
 public:
  // Called on the slots' threads.
  struct Listener {
    std::function<void(ActivityStart)> on_start;
    std::function<void(ActivityHeartbeat)> on_heartbeat;
    std::function<void(ActivityEnd)> on_end;
  };

  // observer may be null.
  ActivityPool(const std::map<std::string, std::size_t>& slots, Listener listener, EngineObserver* observer);
  ~ActivityPool();

  // Never blocks. A queue without slots of its own shares those of "default".
  void submit(ActivityTask task);
  // Takes back the execution's tasks that wait for a slot, and says of which steps they were.
  std::vector<Sequence> withdraw(const std::string& execution_id);
  // Begins no more attempts. Those that run may end by themselves within the grace, and are then told to stop; blocks
  // until all have ended.
  void stop(std::chrono::milliseconds grace = std::chrono::milliseconds(0));

 private:
  struct Waiting {
    ActivityTask task;
    std::chrono::steady_clock::time_point since;
  };
  struct Queue {
    std::string name;
    std::map<std::pair<int, std::uint64_t>, Waiting> waiting;  // by priority, then arrival
    std::size_t running = 0;
    std::condition_variable arrived;
  };
  void serve(Queue& queue);
  std::optional<Waiting> take(Queue& queue);
  ActivityEnd attempt(const ActivityTask& task) const;
  void observe(const Queue& queue) const;
  void observe(const Queue& queue, const Waiting& taken, const ActivityEnd& end,
               std::chrono::steady_clock::time_point began) const;

  const Listener listener_;
  EngineObserver* const observer_;
  std::mutex mutex_;
  bool stopping_ = false;  // no more attempts
  bool no_grace_ = false;  // those that run are told to stop
  std::uint64_t arrivals_ = 0;
  std::map<std::string, Queue> queues_;
  std::list<std::stop_source> running_;
  std::condition_variable idle_;
  std::vector<std::thread> threads_;
};

}  // namespace wellhead::orchestration::embedded
