// The workflow of a schedule: asks for a load of a zip code, and lasts until the load has ended.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "library/meta/describe.h"
#include "library/orchestration/activity.h"
#include "library/orchestration/engine.h"
#include "library/orchestration/workflow.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

struct ScheduledLoad {
  meta::Zipcode zipcode;
  LoadOptions options;
  static constexpr auto kFields =
      meta::fields(meta::field("zipcode", &ScheduledLoad::zipcode), meta::field("options", &ScheduledLoad::options));
};

struct RequestedLoad {
  LoadZipcode load;
  std::string workflow_id;
  bool joined = false;                             // the zip code was queued or loading already
  std::map<std::string, std::string> labels = {};  // of the load's workflow; none in histories of older programs
  static constexpr auto kFields =
      meta::fields(meta::field("load", &RequestedLoad::load), meta::field("workflow_id", &RequestedLoad::workflow_id),
                   meta::field("joined", &RequestedLoad::joined), meta::field("labels", &RequestedLoad::labels));
};

struct RunClosed {
  bool closed = false;
  static constexpr auto kFields = meta::fields(meta::field("closed", &RunClosed::closed));
};

struct ScheduledOutcome {
  meta::RunId run;
  bool joined = false;  // the load was somebody else's, and goes on
  static constexpr auto kFields =
      meta::fields(meta::field("run", &ScheduledOutcome::run), meta::field("joined", &ScheduledOutcome::joined));
};

extern const orchestration::WorkflowName<ScheduledLoad, ScheduledOutcome> kScheduledLoad;
extern const orchestration::ActivityName<ScheduledLoad, RequestedLoad> kRequestRun;
extern const orchestration::ActivityName<RunStep, RunClosed> kLookAtRun;

// A load that is under way already counts as done. Cancelled, it ends when its load has: so a load that is asked for
// next is another one.
orchestration::Workflow<ScheduledOutcome> scheduled_load(orchestration::WorkflowContext& flow, ScheduledLoad request);

// The run that an execution of the workflow has asked for, as soon as it has.
std::optional<meta::RunId> requested_run(const orchestration::WorkflowDescription& scheduled);

}  // namespace wellhead::zipcode
