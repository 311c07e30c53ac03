#include "service/zipcode/load_workflow.h"

#include <exception>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "library/orchestration/failure.h"
#include "service/zipcode/load_plan.h"

namespace wellhead::zipcode {
namespace {

using orchestration::ActivityOptions;
using orchestration::Future;
using orchestration::Workflow;
using orchestration::WorkflowContext;

// The HTTP client repeats requests itself; these attempts outlast a server or a database that is away for a while.
ActivityOptions extraction_options() {
  return {.task_queue = kExtractionQueue,
          .retry = {.initial_interval = std::chrono::milliseconds(1000),
                    .maximum_attempts = 5,
                    .outages = {meta::ErrorCode::database_unreachable}}};
}

// Nothing has been done yet and somebody may be waiting at a terminal: a wrong address should be known soon.
ActivityOptions first_contact_options() {
  auto options = extraction_options();
  options.retry.maximum_attempts = 2;
  return options;
}

ActivityOptions loading_options() {
  return {.task_queue = kLoadingQueue,
          .retry = {.initial_interval = std::chrono::milliseconds(500),
                    .maximum_attempts = 8,
                    .outages = {meta::ErrorCode::database_unreachable}}};
}

// The steps of a load that are on their way.
struct OpenSteps {
  std::vector<Future<ExtractedPatients>> pages;
  struct Extraction {
    std::string type;
    Future<ExtractedResources> result;
  };
  std::vector<Extraction> extractions;
  std::vector<Future<LoadedGroup>> loads;
};

void start_steps(WorkflowContext& flow, LoadPlan& plan, OpenSteps& open) {
  while (auto step = plan.next_load()) open.loads.push_back(flow.run(kLoadStaged, *step));
  while (auto step = plan.next_page()) open.pages.push_back(flow.run(kExtractPatients, *step));
  while (auto step = plan.next_extraction()) {
    const ExtractObservations& observations = *step;
    open.extractions.push_back({step->type, step->type == "Observation" ? flow.run(kExtractObservations, observations)
                                                                        : flow.run(kExtractResources, *step)});
  }
}

// Gives what has ended to the plan; throws the failure of a step.
template <class Result>
void take_ready(std::vector<Future<Result>>& open, LoadPlan& plan) {
  for (auto step = open.begin(); step != open.end();) {
    if (!step->ready()) {
      ++step;
      continue;
    }
    plan.take(step->get());
    step = open.erase(step);
  }
}

void take_ready(OpenSteps& open, LoadPlan& plan) {
  take_ready(open.pages, plan);
  for (auto step = open.extractions.begin(); step != open.extractions.end();) {
    if (!step->result.ready()) {
      ++step;
      continue;
    }
    plan.take(step->result.get(), step->type);
    step = open.extractions.erase(step);
  }
  take_ready(open.loads, plan);
}

orchestration::AnyAwaiter any_of(const OpenSteps& open) {
  std::vector<std::shared_ptr<orchestration::Slot>> slots;
  slots.reserve(open.pages.size() + open.extractions.size() + open.loads.size());
  for (const auto& step : open.pages) slots.push_back(step.slot());
  for (const auto& step : open.extractions) slots.push_back(step.result.slot());
  for (const auto& step : open.loads) slots.push_back(step.slot());
  return orchestration::AnyAwaiter(std::move(slots));
}

// Until the plan is finished, or so many steps are in the history that the workflow had better continue as new.
Workflow<void> work_through(WorkflowContext& flow, std::shared_ptr<LoadPlan> plan, std::uint64_t most_steps) {
  OpenSteps open;
  start_steps(flow, *plan, open);
  while (!plan->finished()) {
    if (flow.steps_scheduled() >= most_steps || flow.continue_as_new_suggested()) {
      plan->pause();
      if (plan->idle()) break;
    }
    co_await any_of(open);
    take_ready(open, *plan);
    start_steps(flow, *plan, open);
  }
}

// Empty when the workflow continues as new.
Workflow<std::optional<LoadOutcome>> extract_and_load(WorkflowContext& flow, LoadZipcode request) {
  const RunStep run{request.run};
  const auto plan = std::make_shared<LoadPlan>(request);
  flow.on_query<LoadCounts>(kProgressQuery, [plan] { return plan->counts(); });
  if (!request.position) {
    const LoadBegun begun = co_await flow.run(kBeginLoad, run);
    plan->take(begun);
  }
  for (;;) {
    co_await work_through(flow, plan, static_cast<std::uint64_t>(request.options.steps_per_execution));
    if (!plan->finished()) {
      request.position = plan->position();
      flow.continue_as_new(request);
      co_return std::nullopt;
    }
    const TotalsChecked totals = co_await flow.run(kCheckTotals, run);
    if (totals.agree || plan->sweep() > 1) break;
    plan->repeat_search();
  }
  const LoadOutcome outcome = co_await flow.run(kIssueReceipt, run);
  co_return outcome;
}

EndRun end_of(const LoadZipcode& request, const std::exception_ptr& failure) {
  EndRun end{request.run, "failed", "load_zipcode", ""};
  try {
    std::rethrow_exception(failure);
  } catch (const orchestration::StepError& error) {
    end.step = error.step();
    end.error = error.what();
  } catch (const meta::Error& error) {
    end.error = error.what();
    if (error.code() == meta::ErrorCode::cancelled) end.state = "cancelled";
  } catch (const std::exception& error) {
    end.error = error.what();
  }
  return end;
}

}  // namespace

const orchestration::WorkflowName<LoadZipcode, LoadOutcome> kLoadZipcode{"load_zipcode"};
const orchestration::ActivityName<RunStep, LoadBegun> kBeginLoad{"begin_load", first_contact_options()};
const orchestration::ActivityName<ExtractPatients, ExtractedPatients> kExtractPatients{"extract_patients",
                                                                                       extraction_options()};
const orchestration::ActivityName<ExtractObservations, ExtractedResources> kExtractObservations{"extract_observations",
                                                                                                extraction_options()};
const orchestration::ActivityName<ExtractResources, ExtractedResources> kExtractResources{"extract_resources",
                                                                                          extraction_options()};
const orchestration::ActivityName<LoadStaged, LoadedGroup> kLoadStaged{"load_staged", loading_options()};
const orchestration::ActivityName<RunStep, TotalsChecked> kCheckTotals{"check_totals", extraction_options()};
const orchestration::ActivityName<RunStep, LoadOutcome> kIssueReceipt{"issue_receipt", loading_options()};
const orchestration::ActivityName<EndRun, Nothing> kEndRun{"end_run", loading_options()};

Workflow<LoadOutcome> load_zipcode(WorkflowContext& flow, LoadZipcode request) {
  std::exception_ptr failure;
  try {
    std::optional<LoadOutcome> outcome = co_await extract_and_load(flow, request);
    co_return outcome.value_or(LoadOutcome{});
  } catch (...) {
    failure = std::current_exception();
  }
  // Also when it was cancelled: its run is closed.
  co_await flow.shielded().run(kEndRun, end_of(request, failure));
  std::rethrow_exception(failure);
}

}  // namespace wellhead::zipcode
