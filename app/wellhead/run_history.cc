#include "app/wellhead/run_history.h"

#include <chrono>
#include <utility>

#include "service/zipcode/step_summary.h"

namespace wellhead::app {
namespace {

using orchestration::StepDescription;
using orchestration::WorkflowDescription;

std::optional<double> seconds_between(const std::optional<meta::Time>& from, const std::optional<meta::Time>& to) {
  if (!from || !to) return std::nullopt;
  return std::chrono::duration<double>(*to - *from).count();
}

void add_children(orchestration::Engine& engine, const WorkflowDescription& parent, RunHistory& history) {
  for (const auto& step : parent.steps) {
    if (step.child_workflow_id.empty() || history.children.contains(step.child_workflow_id)) continue;
    const auto latest = engine.latest_execution(step.child_workflow_id);
    auto child = latest ? engine.describe(*latest) : std::nullopt;
    if (!child) continue;
    const auto [added, is_new] = history.children.emplace(step.child_workflow_id, std::move(*child));
    add_children(engine, added->second, history);
  }
}

void add_retried(orchestration::Engine& engine, const WorkflowDescription& execution, RunHistory& history) {
  if (!execution.retried || !execution.previous) return;
  auto before = engine.describe(*execution.previous);
  if (!before) return;
  add_retried(engine, *before, history);
  std::erase_if(before->steps,
                [](const StepDescription& step) { return step.state == StepDescription::State::completed; });
  history.retried.emplace(before->execution_id, std::move(*before));
}

ShownExecution shown(const WorkflowDescription& execution) {
  ShownExecution out{.execution = execution.execution_id,
                     .workflow_id = execution.workflow_id,
                     .workflow_type = execution.workflow_type,
                     .state = std::string(to_string(execution.state)),
                     .paused = execution.paused,
                     .priority = execution.priority,
                     .previous = execution.previous,
                     .retried = execution.retried,
                     .created_at = execution.created_at,
                     .started_at = execution.started_at,
                     .ended_at = execution.ended_at,
                     .seconds = seconds_between(execution.started_at, execution.ended_at)};
  if (execution.blocked) out.blocked = execution.blocked->message;
  if (execution.failure) out.error = execution.failure->message;
  return out;
}

ShownStep shown(const WorkflowDescription& execution, const StepDescription& step) {
  ShownStep out{.execution = execution.execution_id,
                .sequence = step.sequence,
                .kind = std::string(to_string(step.kind)),
                .name = step.name,
                .state = std::string(to_string(step.state)),
                .scheduled_at = step.scheduled_at,
                .ended_at = step.ended_at,
                .seconds = zipcode::seconds_of(step),
                .heartbeat = step.heartbeat};
  if (!step.child_workflow_id.empty()) out.child_workflow_id = step.child_workflow_id;
  for (const auto& attempt : step.attempts) {
    ShownAttempt made{.attempt = attempt.attempt,
                      .started_at = attempt.started_at,
                      .ended_at = attempt.ended_at,
                      .seconds = seconds_between(attempt.started_at, attempt.ended_at)};
    if (attempt.failure) made.error = attempt.failure->message;
    out.attempts.push_back(std::move(made));
  }
  return out;
}

template <class Visit>
void for_each_execution(const RunHistory& history, Visit visit) {
  for (const auto& execution : history.executions) visit(execution);
  for (const auto& [id, child] : history.children) visit(child);
  for (const auto& [id, execution] : history.retried) visit(execution);
}

}  // namespace

const WorkflowDescription* RunHistory::child(const StepDescription& step) const {
  const auto found = children.find(step.child_workflow_id);
  return found == children.end() ? nullptr : &found->second;
}

RunHistory read_history(orchestration::Engine& engine, std::vector<WorkflowDescription> executions) {
  RunHistory history{.executions = std::move(executions)};
  for (const auto& execution : history.executions) {
    add_children(engine, execution, history);
    add_retried(engine, execution, history);
  }
  return history;
}

std::vector<ShownExecution> shown_executions(const RunHistory& history) {
  std::vector<ShownExecution> list;
  for_each_execution(history, [&](const WorkflowDescription& execution) { list.push_back(shown(execution)); });
  return list;
}

std::vector<ShownStep> shown_steps(const RunHistory& history) {
  std::vector<ShownStep> list;
  for_each_execution(history, [&](const WorkflowDescription& execution) {
    for (const auto& step : execution.steps) list.push_back(shown(execution, step));
  });
  return list;
}

}  // namespace wellhead::app
