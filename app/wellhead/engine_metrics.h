// What is counted of workflows and activities, for /metrics. Whoever observes the engine calls these; names of
// workflows, activities and queues are the registered ones, so that they stay few.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "library/meta/metrics.h"

namespace wellhead::app {

class EngineMetrics {
 public:
  void workflow_started(std::string_view workflow);
  // outcome: completed, failed or cancelled.
  void workflow_ended(std::string_view workflow, std::string_view outcome);
  // An activity waits in its queue, or no longer does.
  void queued(std::string_view queue, std::ptrdiff_t change);
  // waited: since the activity could have begun.
  void attempt_started(std::string_view activity, std::chrono::duration<double> waited);
  // outcome: completed, failed (another attempt follows or not) or cancelled.
  void attempt_ended(std::string_view activity, std::string_view outcome, std::chrono::duration<double> took);

 private:
  meta::CounterFamily workflows_{"wellhead_workflows_total", "Workflows that ended.", {"workflow", "outcome"}};
  meta::GaugeFamily workflows_running_{"wellhead_workflows_running", "Workflows that this process runs.", {"workflow"}};
  meta::GaugeFamily queue_depth_{"wellhead_queue_depth", "Activities that wait for a free slot.", {"queue"}};
  meta::GaugeFamily running_{
      "wellhead_activities_running", "Attempts of activities that run in this process.", {"activity"}};
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
