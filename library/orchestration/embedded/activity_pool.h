// The slots: threads that run activities, so many per task queue. Owns the threads and what waits for one; stop() asks
// running activities to stop, drops waiting ones and joins.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
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
#include <variant>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/activity.h"
#include "library/orchestration/registry.h"

namespace wellhead::orchestration::embedded {

// One attempt to make.
struct ActivityTask {
  ActivityInfo info;
  const Registry::ActivityFunction* function = nullptr;
  Payload input;
  std::optional<Payload> last_heartbeat;
  std::stop_source stop;
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
  using OnEnd = std::function<void(ActivityEnd)>;

  // on_end is called on the slots' threads.
  ActivityPool(const std::map<std::string, std::size_t>& slots, OnEnd on_end);
  ~ActivityPool();

  // Never blocks. A queue without slots of its own shares those of "default".
  void submit(const std::string& task_queue, ActivityTask task);
  void stop();

 private:
  struct Queue {
    std::deque<ActivityTask> waiting;
    std::condition_variable arrived;
  };
  void serve(Queue& queue);
  std::optional<ActivityTask> take(Queue& queue);
  ActivityEnd attempt(const ActivityTask& task) const;

  OnEnd on_end_;
  std::mutex mutex_;
  bool stopping_ = false;
  std::map<std::string, Queue> queues_;
  std::list<std::stop_source> running_;
  std::vector<std::thread> threads_;
};

}  // namespace wellhead::orchestration::embedded
