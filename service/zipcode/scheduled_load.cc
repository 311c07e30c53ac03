#include "service/zipcode/scheduled_load.h"

#include <algorithm>
#include <exception>

#include "library/meta/error.h"
#include "service/zipcode/load_workflow.h"

namespace wellhead::zipcode {
namespace {

using orchestration::ActivityOptions;
using orchestration::Workflow;
using orchestration::WorkflowContext;
using std::chrono::milliseconds;

ActivityOptions database_options() { return {.retry = {.initial_interval = milliseconds(500), .maximum_attempts = 8}}; }

Workflow<void> wait_until_closed(WorkflowContext& flow, RunStep run) {
  auto pause = milliseconds(100);
  for (;;) {
    const RunClosed seen = co_await flow.shielded().run(kLookAtRun, run);
    if (seen.closed) co_return;
    co_await flow.shielded().sleep(pause);
    pause = std::min(2 * pause, milliseconds(5000));
  }
}

}  // namespace

const orchestration::WorkflowName<ScheduledLoad, ScheduledOutcome> kScheduledLoad{"scheduled_load"};
const orchestration::ActivityName<ScheduledLoad, RequestedLoad> kRequestRun{"request_run", database_options()};
const orchestration::ActivityName<RunStep, RunClosed> kLookAtRun{"look_at_run", database_options()};

Workflow<ScheduledOutcome> scheduled_load(WorkflowContext& flow, ScheduledLoad request) {
  // Shielded: a run that is asked for is known.
  const RequestedLoad requested = co_await flow.shielded().run(kRequestRun, request);
  const RunStep run{requested.load.run};
  const bool nobody_runs_it = flow.cancel_requested() && !requested.joined;
  orchestration::ChildOptions load_options;
  load_options.labels = requested.labels;
  std::exception_ptr failure;
  try {
    // Also one that was joined: it may have lost its workflow in a crash. Usually it has one, and that is a conflict.
    co_await flow.run_child(kLoadZipcode, requested.workflow_id, requested.load, load_options);
    co_return ScheduledOutcome{requested.load.run, requested.joined};
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::conflict) co_return ScheduledOutcome{requested.load.run, true};
    failure = std::current_exception();
  }
  if (nobody_runs_it) {
    co_await flow.shielded().run(kEndRun, EndRun{requested.load.run, "cancelled", kScheduledLoad.name, ""});
  } else if (flow.cancel_requested() && !requested.joined) {
    co_await wait_until_closed(flow, run);
  }
  std::rethrow_exception(failure);
}

std::optional<meta::RunId> requested_run(const orchestration::WorkflowDescription& scheduled) {
  for (const auto& step : scheduled.steps) {
    if (step.name == kRequestRun.name && step.result) return meta::from_json<RequestedLoad>(*step.result).load.run;
  }
  return std::nullopt;
}

}  // namespace wellhead::zipcode
