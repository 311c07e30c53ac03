#include "library/orchestration/temporal/workers.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "library/orchestration/replay.h"
#include "library/orchestration/temporal/patience.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

constexpr std::size_t kMostRemembered = 16;  // executions whose earlier results are remembered
constexpr int kLongestChain = 20;            // of retries of one execution
constexpr std::int64_t kWorkflowTasks = 50;  // at once

}  // namespace

Workers::Workers(Executions& executions, const Registry& registry, const TemporalEngineOptions& options,
                 std::function<void(const std::string& run_id)> on_change)
    : executions_(executions), registry_(registry), options_(options), on_change_(std::move(on_change)) {
  auto slots = options.slots;
  if (options.run_workflows) slots.try_emplace("default", 0);
  for (const auto& [queue, count] : slots) add(queue, count, options.run_workflows && queue == "default");
}

void Workers::add(const std::string& queue, std::size_t slots, bool workflows) {
  const bool activities = slots > 0;
  const auto pollers = std::max<std::int64_t>(static_cast<std::int64_t>(options_.pollers), 1);
  WorkerOptions core{.task_queue = task_queue_of(options_.task_queue, queue),
                     .workflows = workflows,
                     .activities = activities,
                     .build_id = options_.build_id,
                     .deployment_name = options_.deployment,
                     .versioning = !options_.deployment.empty(),
                     .max_cached_workflows = static_cast<std::int64_t>(options_.max_cached_workflows),
                     .max_concurrent_workflow_tasks = kWorkflowTasks,
                     .max_concurrent_activities = std::max<std::int64_t>(static_cast<std::int64_t>(slots), 1),
                     .workflow_pollers = std::max<std::int64_t>(pollers, 2),
                     .activity_pollers = std::clamp<std::int64_t>(static_cast<std::int64_t>(slots), 1, pollers)};
  if (core.versioning) core.default_versioning_behavior = options_.pinned ? "pinned" : "auto_upgrade";
  auto& worker = *cores_.emplace_back(std::make_unique<CoreWorker>(executions_.client(), core));
  when_reachable(options_.keep_trying, [&worker] { worker.validate(); });
  if (activities) {
    activities_.push_back(std::make_unique<ActivityWorker>(
        worker, registry_, queue, slots, [this](const ActivityAttempt& attempt) { return find_earlier(attempt); },
        options_.observer));
  }
  if (!workflows) return;
  when_reachable(options_.keep_trying, [this] { executions_.prepare_labels(options_.labels); });
  workflows_ = std::make_unique<WorkflowWorker>(
      worker, registry_,
      CommandTerms{.task_queue = options_.task_queue,
                   .liveness = options_.liveness,
                   .label = [this](auto& child, const auto& labels) { executions_.label(child, labels); }},
      WorkflowWorker::Listener{
          .on_nondeterminism = [this](const WorkflowInfo& info,
                                      const std::string& message) { return explain(info, message); },
          .on_change = on_change_},
      options_.observer);
}

void Workers::stop() {
  for (const auto& core : cores_) core->shutdown();
  const auto until = std::chrono::steady_clock::now() + options_.stop_grace;
  for (const auto& activity : activities_) {
    const auto left = until - std::chrono::steady_clock::now();
    activity->stop(std::max(std::chrono::duration_cast<std::chrono::milliseconds>(left), std::chrono::milliseconds(0)));
  }
  if (workflows_) workflows_->join();
  for (const auto& activity : activities_) activity->join();
  cores_.clear();
}

std::optional<Failure> Workers::blocked(const std::string& run_id) const {
  return workflows_ ? workflows_->blocked(run_id) : std::nullopt;
}

// Core says which of its machines did not fit; our own replay names both sides.
Failure Workers::explain(const WorkflowInfo& info, const std::string& message) {
  Failure failure{.code = std::string(meta::to_string(meta::ErrorCode::nondeterminism)),
                  .message = fmt::format("workflow {} ({}): its code does not fit its history: {}", info.workflow_id,
                                         info.workflow_type, message),
                  .advice = "Start the version that began it; it goes on from there"};
  try {
    const auto known = executions_.history(info.execution_id);
    WorkflowRun run(registry_, info);
    replay(run, known.events);
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::nondeterminism) return to_failure(std::current_exception());
    spdlog::warn("{}", error.what());
  }
  return failure;
}

std::optional<Payload> Workers::find_earlier(const ActivityAttempt& attempt) {
  const auto results = earlier_results(attempt.info().execution_id);
  const auto found = results->find(attempt.info().sequence);
  if (found == results->end()) return std::nullopt;
  const auto& step = found->second;
  if (step.name != attempt.info().activity || step.input != attempt.input()) return std::nullopt;
  return step.result;
}

std::shared_ptr<const Workers::Results> Workers::earlier_results(const std::string& execution_id) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = earlier_.find(execution_id);
    if (found != earlier_.end()) return found->second;
  }
  auto results = std::make_shared<Results>();
  auto known = executions_.history(execution_id);
  for (int i = 0; i < kLongestChain && known.record.retried && known.record.previous; ++i) {
    known = executions_.history(*known.record.previous);
    for (auto& step : describe_history(known.record, known.events).steps) {
      if (step.kind != StepDescription::Kind::activity || !step.result) continue;
      results->try_emplace(step.sequence, std::move(step));
    }
  }
  const std::lock_guard lock(mutex_);
  if (earlier_.size() >= kMostRemembered) earlier_.erase(earlier_.begin());
  earlier_[execution_id] = results;
  return results;
}

}  // namespace wellhead::orchestration::temporal_engine
