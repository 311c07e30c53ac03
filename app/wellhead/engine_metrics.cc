#include "app/wellhead/engine_metrics.h"

namespace wellhead::app {

void EngineMetrics::workflow_started(std::string_view workflow) { workflows_running_.add({workflow}, 1); }

void EngineMetrics::workflow_ended(std::string_view workflow, std::string_view outcome) {
  workflows_running_.add({workflow}, -1);
  workflows_.add({workflow, outcome});
}

void EngineMetrics::queued(std::string_view queue, std::ptrdiff_t change) {
  queue_depth_.add({queue}, static_cast<double>(change));
}

void EngineMetrics::attempt_started(std::string_view activity, std::chrono::duration<double> waited) {
  running_.add({activity}, 1);
  wait_seconds_.observe({activity}, waited.count());
}

void EngineMetrics::attempt_ended(std::string_view activity, std::string_view outcome,
                                  std::chrono::duration<double> took) {
  running_.add({activity}, -1);
  attempts_.add({activity, outcome});
  attempt_seconds_.observe({activity}, took.count());
}

}  // namespace wellhead::app
