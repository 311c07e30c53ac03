// The tests that every engine must pass, written once against the engine's port. A test program of an engine compiles
// conformance*.cc and names its engine:
//
//   WELLHEAD_ENGINE_CONFORMANCE(Memory, EngineFactory(...));
//
// The parts: conformance.cc (steps, recovery), conformance_control.cc (signals, queries, pause, retry, children),
// conformance_long.cc (continue-as-new, long histories, changed programs, limits), conformance_schedule.cc.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>

#include "library/orchestration/engine.h"
#include "library/orchestration/registry.h"
#include "library/orchestration/schedule.h"

namespace wellhead::orchestration::testing {

// Journal, server or cluster of an engine: what stays when the process of the engine ends. Slots: at least 3.
class EngineHome {
 public:
  virtual ~EngineHome() = default;
  // An engine as a new process would have it; one lives at a time. It runs workflows.
  virtual std::unique_ptr<Engine> start(const Registry& registry) = 0;
  // One that only queues and looks.
  virtual std::unique_ptr<Engine> client(const Registry& registry) = 0;
  // Its next engines may have so many slots, for what would take too long with few.
  virtual void widen(std::size_t /*slots*/) {}
  // How many workflows it takes up at once, whatever their order.
  virtual int taken_up_at_once() const { return 3; }
  // Of its schedules: the shortest interval, the shortest catch-up window, and what the workflow ids of one begin with.
  virtual std::chrono::milliseconds shortest_interval() const { return std::chrono::milliseconds(1); }
  virtual std::chrono::milliseconds shortest_catchup_window() const { return std::chrono::milliseconds(1); }
  virtual std::string action_prefix(const std::string& schedule_id) const { return schedule_id + "/"; }
  // While the action lasts nobody fires schedules. Called when no engine runs.
  virtual void without_schedules(const std::function<void()>& action) { action(); }
};

using EngineFactory = std::function<std::unique_ptr<EngineHome>()>;

class EngineConformance : public ::testing::TestWithParam<EngineFactory> {
 protected:
  EngineConformance() : home_(GetParam()()) {}
  // Begins to run workflows with what is registered so far; the engine before it has stopped.
  Engine& engine();
  void stop();
  // Stops, and forgets what is registered, as if another program came.
  void replace_program();
  // Before the first engine().
  void start_without_running(const std::function<void(Engine&)>& action);
  void wait_until_running(const std::string& execution_id);
  void wait_until_paused(const std::string& execution_id);

  std::unique_ptr<EngineHome> home_;
  std::unique_ptr<Registry> registry_ = std::make_unique<Registry>();
  std::unique_ptr<Engine> engine_;
};

// The suites are told apart by name only.
class EngineControl : public EngineConformance {
 protected:
  void wait_for_steps(const std::string& execution_id, std::size_t count);
};
class EngineEndurance : public EngineConformance {};
class EngineSchedules : public EngineConformance {
 protected:
  // One that fires every so many milliseconds, or as often as the engine can.
  Schedule often(OverlapPolicy overlap, std::chrono::milliseconds interval = std::chrono::milliseconds(40)) const;
  // One whose times never come by themselves.
  Schedule seldom(OverlapPolicy overlap) const;
  meta::Time create(const Schedule& schedule);
};

}  // namespace wellhead::orchestration::testing

#define WELLHEAD_ENGINE_CONFORMANCE(name, factory)                               \
  INSTANTIATE_TEST_SUITE_P(name, EngineConformance, ::testing::Values(factory)); \
  INSTANTIATE_TEST_SUITE_P(name, EngineControl, ::testing::Values(factory));     \
  INSTANTIATE_TEST_SUITE_P(name, EngineSchedules, ::testing::Values(factory));   \
  INSTANTIATE_TEST_SUITE_P(name, EngineEndurance, ::testing::Values(factory))
