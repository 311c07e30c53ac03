// What an engine tells about its work, for metrics. Called on the engine's threads while they work: implementations are
// thread-safe, quick, and throw nothing.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

#include "library/orchestration/engine.h"

namespace wellhead::orchestration {

// One attempt of an activity. cancelled: it was told to stop and did.
struct AttemptObservation {
  enum class Outcome { completed, failed, cancelled };
  std::string activity;
  std::string task_queue;
  Outcome outcome = Outcome::completed;
  std::chrono::microseconds waited{};  // for a slot
  std::chrono::microseconds ran{};
};

class EngineObserver {
 public:
  virtual ~EngineObserver() = default;
  virtual void workflow_began(const std::string& workflow_type) = 0;
  virtual void workflow_ended(const std::string& workflow_type, WorkflowState state) = 0;
  virtual void attempt_ended(const AttemptObservation& attempt) = 0;
  // Activities of a queue: those that wait for a slot, and those that have one.
  virtual void queue_changed(const std::string& task_queue, std::size_t waiting, std::size_t running) = 0;
};

}  // namespace wellhead::orchestration
