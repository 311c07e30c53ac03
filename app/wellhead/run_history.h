// The history of a run: its workflow's executions with their steps, and those of children. As JSON, and as a drawing
// for people.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/describe.h"
#include "library/orchestration/engine.h"

namespace wellhead::app {

struct RunHistory {
  std::vector<orchestration::WorkflowDescription> executions;          // that one another continue, the first first
  std::map<std::string, orchestration::WorkflowDescription> children;  // the latest execution, by workflow id
  // By execution id: those that failed or were cancelled and then retried. They keep only the steps that did not
  // complete; the others are in the execution that goes on.
  std::map<std::string, orchestration::WorkflowDescription> retried;

  const orchestration::WorkflowDescription* child(const orchestration::StepDescription& step) const;
};

// Adds the children that the executions tell of, and theirs, and the executions that were retried. Blocks on the
// journal.
RunHistory read_history(orchestration::Engine& engine, std::vector<orchestration::WorkflowDescription> executions);

// ---- for machines

struct ShownAttempt {
  int attempt = 1;
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
  std::optional<double> seconds;
  std::optional<std::string> error;

  static constexpr auto kFields =
      meta::fields(meta::field("attempt", &ShownAttempt::attempt), meta::field("started_at", &ShownAttempt::started_at),
                   meta::field("ended_at", &ShownAttempt::ended_at), meta::field("seconds", &ShownAttempt::seconds),
                   meta::field("error", &ShownAttempt::error));
};

struct ShownStep {
  std::string execution;
  std::uint32_t sequence = 0;
  std::string kind;
  std::string name;
  std::string state;
  std::optional<meta::Time> scheduled_at;
  std::optional<meta::Time> ended_at;
  std::optional<double> seconds;  // from being scheduled to its end, waits between attempts included
  std::vector<ShownAttempt> attempts;
  std::optional<std::string> heartbeat;  // the JSON that the step told last
  std::optional<std::string> child_workflow_id;

  static constexpr auto kFields =
      meta::fields(meta::field("execution", &ShownStep::execution), meta::field("sequence", &ShownStep::sequence),
                   meta::field("kind", &ShownStep::kind), meta::field("name", &ShownStep::name),
                   meta::field("state", &ShownStep::state), meta::field("scheduled_at", &ShownStep::scheduled_at),
                   meta::field("ended_at", &ShownStep::ended_at), meta::field("seconds", &ShownStep::seconds),
                   meta::field("attempts", &ShownStep::attempts), meta::field("heartbeat", &ShownStep::heartbeat),
                   meta::field("child_workflow_id", &ShownStep::child_workflow_id));
};

struct ShownExecution {
  std::string execution;
  std::string workflow_id;
  std::string workflow_type;
  std::string state;
  bool paused = false;
  int priority = 0;
  std::optional<std::string> previous;  // the execution that it goes on with
  bool retried = false;                 // that one failed, and its finished steps are in this one
  std::optional<std::string> blocked;
  std::optional<std::string> error;
  meta::Time created_at{};
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
  std::optional<double> seconds;

  static constexpr auto kFields = meta::fields(
      meta::field("execution", &ShownExecution::execution), meta::field("workflow_id", &ShownExecution::workflow_id),
      meta::field("workflow_type", &ShownExecution::workflow_type), meta::field("state", &ShownExecution::state),
      meta::field("paused", &ShownExecution::paused), meta::field("priority", &ShownExecution::priority),
      meta::field("previous", &ShownExecution::previous), meta::field("retried", &ShownExecution::retried),
      meta::field("blocked", &ShownExecution::blocked), meta::field("error", &ShownExecution::error),
      meta::field("created_at", &ShownExecution::created_at), meta::field("started_at", &ShownExecution::started_at),
      meta::field("ended_at", &ShownExecution::ended_at), meta::field("seconds", &ShownExecution::seconds));
};

struct ShownHistory {
  std::vector<ShownExecution> executions;
  std::vector<ShownStep> steps;

  static constexpr auto kFields =
      meta::fields(meta::field("executions", &ShownHistory::executions), meta::field("steps", &ShownHistory::steps));
};

std::vector<ShownExecution> shown_executions(const RunHistory& history);
std::vector<ShownStep> shown_steps(const RunHistory& history);

// ---- for people

struct DrawingOptions {
  bool unicode = true;
  bool all = false;  // folds nothing
  std::size_t bar_width = 32;
  meta::Time now{};  // where what has not ended is drawn to
};

// A table: steps as a tree, with bars of when they ran. Many steps of one kind that went well at the first attempt
// become one line; what failed stands alone. Empty when nothing has begun.
std::string draw_history(const RunHistory& history, const DrawingOptions& options);

// By LC_ALL, LC_CTYPE and LANG.
bool locale_is_utf8();

}  // namespace wellhead::app
