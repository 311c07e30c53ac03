// What is counted of workflows and activities, for /metrics. Names of workflows, activities and queues are the
// registered ones, so that they stay few.
#pragma once

#include <cstddef>
#include <string>

#include "library/meta/metrics.h"
#include "library/orchestration/observer.h"

namespace wellhead::app {

class EngineMetrics final : public orchestration::EngineObserver {
 public:
  void workflow_began(const std::string& workflow_type) override;
  void workflow_ended(const std::string& workflow_type, orchestration::WorkflowState state) override;
  void attempt_ended(const orchestration::AttemptObservation& attempt) override;
  void queue_changed(const std::string& task_queue, std::size_t waiting, std::size_t running) override;

 private:
  meta::CounterFamily workflows_{"wellhead_workflows_total", "Workflows that ended.", {"workflow", "outcome"}};
  meta::CounterFamily workflows_begun_{"wellhead_workflows_begun_total", "Workflows that began.", {"workflow"}};
  meta::GaugeFamily queue_depth_{"wellhead_queue_depth", "Activities that wait for a free slot.", {"queue"}};
  meta::GaugeFamily running_{"wellhead_activities_running", "Activities that have a slot of this process.", {"queue"}};
  meta::CounterFamily attempts_{
      "wellhead_activity_attempts_total", "Attempts of activities that ended.", {"activity", "outcome"}};
  meta::HistogramFamily attempt_seconds_{"wellhead_activity_attempt_seconds",
                                         "How long attempts of activities took.",
                                         {"activity"},
                                         {0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300}};
  meta::HistogramFamily wait_seconds_{
      "wellhead_activity_wait_seconds",
      "How long activities waited before an attempt began, their retry's delay left out.",
      {"activity"},
      {0.001, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 60, 300, 1800}};
};

}  // namespace wellhead::app
