// The tests that every engine must pass, written once against the engine's port. A test program of an engine compiles
// conformance.cc and names its engine:
//
//   INSTANTIATE_TEST_SUITE_P(Memory, EngineConformance, ::testing::Values(EngineFactory(...)));
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>

#include "library/orchestration/engine.h"
#include "library/orchestration/registry.h"

namespace wellhead::orchestration::testing {

// Journal, server or cluster of an engine: what stays when the process of the engine ends. Slots: at least 3.
class EngineHome {
 public:
  virtual ~EngineHome() = default;
  // An engine as a new process would have it; one lives at a time. It runs workflows.
  virtual std::unique_ptr<Engine> start(const Registry& registry) = 0;
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

  std::unique_ptr<EngineHome> home_;
  std::unique_ptr<Registry> registry_ = std::make_unique<Registry>();
  std::unique_ptr<Engine> engine_;
};

}  // namespace wellhead::orchestration::testing
