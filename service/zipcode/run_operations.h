// What the API does with runs beyond reading tables. The program gives it, put together from LoadService and an engine.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "library/meta/ids.h"
#include "service/zipcode/runs.h"
#include "service/zipcode/step_summary.h"

namespace wellhead::zipcode {

// How a run goes, as its workflow tells it.
struct RunStatus {
  LoadCounts progress;
  std::vector<StepSummary> steps;
  std::optional<std::string> steps_error;  // why the steps cannot be told
};

// Thread-safe. Every call may block. Error{not_found}: there is no such run; Error{conflict}: its state forbids it, and
// the message says how it is.
class RunOperations {
 public:
  virtual ~RunOperations() = default;

  // Queues a load of a zip code, or finds the one under way. resources: names of built-in views, or all; nullopt: those
  // that this process loads.
  virtual RequestedRun load(const meta::Zipcode& zipcode, const std::optional<std::vector<std::string>>& resources) = 0;
  // See LoadService (load.h).
  virtual void retry(meta::RunId run) = 0;
  virtual void pause(meta::RunId run) = 0;
  virtual void resume(meta::RunId run) = 0;
  virtual void cancel(meta::RunId run) = 0;
  virtual RunStatus status(meta::RunId run) = 0;
  // Every step with its attempts, as JSON: {"executions": […], "steps": […]}, the members of the schema RunSteps.
  virtual std::string steps(meta::RunId run) = 0;
};

}  // namespace wellhead::zipcode
