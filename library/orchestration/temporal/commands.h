// Commands of a run as core's.
#pragma once

#include <temporal/sdk/core/workflow_commands/workflow_commands.pb.h>

#include <functional>
#include <map>
#include <string>

#include "library/orchestration/activation.h"

namespace wellhead::orchestration::temporal_engine {

// Task queues of an engine: its own, which workflows and the activities of queue "default" use, and "<own>-<queue>".
std::string task_queue_of(const std::string& own, const std::string& queue);

struct CommandTerms {
  std::string task_queue;              // the engine's own
  std::chrono::milliseconds liveness;  // an activity whose worker is silent for so long is lost
  // Executions::label; empty: children have none.
  std::function<void(coresdk::workflow_commands::StartChildWorkflowExecution& child,
                     const std::map<std::string, std::string>& labels)>
      label = {};
  bool reset = false;  // StepTerms::reset
};

coresdk::workflow_commands::WorkflowCommand to_core(const Command& command, const CommandTerms& terms);

}  // namespace wellhead::orchestration::temporal_engine
