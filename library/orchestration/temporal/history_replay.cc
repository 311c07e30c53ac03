#include "library/orchestration/temporal/history_replay.h"

#include <fmt/format.h>

#include <chrono>

#include "library/orchestration/replay.h"
#include "library/orchestration/temporal/core.h"
#include "library/orchestration/temporal/history.h"
#include "library/orchestration/temporal/messages.h"
#include "library/orchestration/temporal/workflow_worker.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

constexpr const char* kQueue = "replay";
constexpr std::chrono::seconds kLiveness{10};

// Our own replay of it names both sides; core's message if that finds nothing.
Failure difference(const Registry& registry, const WorkflowInfo& info, const std::string& message,
                   const TranslatedHistory& known) {
  try {
    WorkflowRun run(registry, info);
    replay(run, known.events);
  } catch (const meta::Error&) {
    return to_failure(std::current_exception());
  }
  return {.code = std::string(meta::to_string(meta::ErrorCode::nondeterminism)), .message = message};
}

}  // namespace

void replay_history(const Registry& registry, const std::string& workflow_id,
                    const api::history::v1::History& history) {
  if (history.events().empty() || !history.events(0).has_workflow_execution_started_event_attributes()) {
    throw meta::Error(meta::ErrorCode::invalid_input,
                      fmt::format("the history of {} does not begin with its start", workflow_id));
  }
  const auto run_id = history.events(0).workflow_execution_started_event_attributes().original_execution_run_id();
  const auto known = translate(workflow_id, run_id, history);
  Runtime runtime;
  CoreWorker core(runtime, WorkerOptions{.task_queue = kQueue, .activities = false});
  WorkflowWorker worker(core, registry, CommandTerms{kQueue, kLiveness},
                        WorkflowWorker::Listener{.on_nondeterminism =
                                                     [&](const WorkflowInfo& info, const std::string& message) {
                                                       return difference(registry, info, message, known);
                                                     },
                                                 .on_change = [](const std::string&) {}},
                        nullptr);
  core.push_history(workflow_id, history.SerializeAsString());
  core.finish_histories();
  worker.join();
  if (const auto failure = worker.blocked(run_id)) {
    throw meta::Error(meta::ErrorCode::nondeterminism, failure->message, failure->advice);
  }
}

}  // namespace wellhead::orchestration::temporal_engine
