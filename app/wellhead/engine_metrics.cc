#include "app/wellhead/engine_metrics.h"

#include <array>
#include <chrono>

namespace wellhead::app {
namespace {

constexpr std::array<std::string_view, 3> kOutcomes = {"completed", "failed", "cancelled"};

double seconds(std::chrono::microseconds duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void EngineMetrics::workflow_began(const std::string& workflow_type) { workflows_begun_.add({workflow_type}); }

void EngineMetrics::workflow_ended(const std::string& workflow_type, orchestration::WorkflowState state) {
  workflows_.add({workflow_type, orchestration::to_string(state)});
}

void EngineMetrics::attempt_ended(const orchestration::AttemptObservation& attempt) {
  attempts_.add({attempt.activity, kOutcomes.at(static_cast<std::size_t>(attempt.outcome))});
  attempt_seconds_.observe({attempt.activity}, seconds(attempt.ran));
  wait_seconds_.observe({attempt.activity}, seconds(attempt.waited));
}

void EngineMetrics::queue_changed(const std::string& task_queue, std::size_t waiting, std::size_t running) {
  queue_depth_.set({task_queue}, static_cast<double>(waiting));
  running_.set({task_queue}, static_cast<double>(running));
}

}  // namespace wellhead::app
