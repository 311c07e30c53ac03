// The steps of a run in a few lines: one for each kind of step, however many there were.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/meta/describe.h"
#include "library/orchestration/engine.h"

namespace wellhead::zipcode {

struct StepSummary {
  std::string name;
  std::int64_t steps = 0;
  std::int64_t completed = 0, failed = 0, cancelled = 0, running = 0;  // running: or waiting for its turn
  std::int64_t failed_attempts = 0;
  std::optional<double> seconds_min, seconds_median, seconds_max;  // of those completed
  std::optional<std::string> last_error;

  static constexpr auto kFields = meta::fields(
      meta::field("name", &StepSummary::name), meta::field("steps", &StepSummary::steps),
      meta::field("completed", &StepSummary::completed), meta::field("failed", &StepSummary::failed),
      meta::field("cancelled", &StepSummary::cancelled), meta::field("running", &StepSummary::running),
      meta::field("failed_attempts", &StepSummary::failed_attempts),
      meta::field("seconds_min", &StepSummary::seconds_min),
      meta::field("seconds_median", &StepSummary::seconds_median),
      meta::field("seconds_max", &StepSummary::seconds_max), meta::field("last_error", &StepSummary::last_error));
};

// From being scheduled to its end, waits between attempts included; nullopt before the end.
std::optional<double> seconds_of(const orchestration::StepDescription& step);

struct Spread {
  double min = 0, median = 0, max = 0;
};
// nullopt of nothing.
std::optional<Spread> spread_of(std::vector<double> seconds);

// In the order in which a step of each kind was first scheduled.
std::vector<StepSummary> summarize(const std::vector<orchestration::WorkflowDescription>& executions);

}  // namespace wellhead::zipcode
