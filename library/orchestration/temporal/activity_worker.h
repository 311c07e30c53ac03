// Runs the activities of one task queue on slots (threads) of its own. Watches the limits of its attempts, tells the
// server that they live, and says how they ended.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"
#include "library/orchestration/temporal/activity_attempt.h"
#include "library/orchestration/temporal/core.h"

namespace wellhead::orchestration::temporal_engine {

class ActivityWorker {
 public:
  // The result that a step of an execution which goes on with a failed one had there; nullopt: none, do it.
  using FindEarlier = std::function<std::optional<Payload>(const ActivityAttempt& attempt)>;

  // core and registry outlive it. observer may be null; queue is its name there.
  ActivityWorker(CoreWorker& core, const Registry& registry, std::string queue, std::size_t slots,
                 FindEarlier find_earlier, EngineObserver* observer);
  ~ActivityWorker() { join(); }
  // Blocks until core has reported its shutdown and all attempts have returned.
  void join();

  // Running attempts may end by themselves within the grace, and are then told to stop. After CoreWorker::shutdown.
  void stop(std::chrono::milliseconds grace);

 private:
  using Attempt = std::shared_ptr<ActivityAttempt>;
  void poll();
  void take(const coresdk::activity_task::ActivityTask& task);
  void serve();
  void run(const Attempt& attempt);
  Payload perform(const Attempt& attempt);
  void send(const ActivityAttempt& attempt, const std::optional<ActivityAttempt::Completion>& completion);
  void watch();
  void look(const std::vector<Attempt>& running);
  double fraction();
  void observe();  // with the lock
  void observe(const ActivityAttempt& attempt, const std::exception_ptr& error);

  CoreWorker& core_;
  const Registry& registry_;
  const std::string queue_;
  const FindEarlier find_earlier_;
  EngineObserver* const observer_;
  std::mutex mutex_;
  std::condition_variable arrived_, idle_, watched_;
  bool polled_ = false;    // core has reported its shutdown
  bool stopping_ = false;  // attempts are told to stop
  std::deque<Attempt> waiting_;
  std::list<Attempt> running_;
  ActivityAttempt::Steady::time_point next_look_;  // of watch(), at their limits
  std::minstd_rand random_{std::random_device{}()};
  std::vector<std::thread> threads_;
};

}  // namespace wellhead::orchestration::temporal_engine
