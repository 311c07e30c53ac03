// The port between the replay runtime and the engines: an engine activates a run with jobs (what happened) and gets
// commands back (what the workflow wants). After the activation protocol of Temporal's core, of which this is the part
// in use; signals, queries, updates, patches, child workflows and continue-as-new are further alternatives of the two
// variants.
//
// Steps (activities and timers) share one counter per run; a sequence number names the step in commands and jobs.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/activity.h"
#include "library/orchestration/failure.h"

namespace wellhead::orchestration {

using Sequence = std::uint32_t;  // from 1

// ---- jobs

struct InitializeWorkflow {
  Payload input;
  std::uint64_t random_seed = 0;
};

struct ActivityCompleted {
  Payload result;
};
struct ActivityFailed {
  Failure failure;
};
struct ActivityCancelled {};
using ActivityOutcome = std::variant<ActivityCompleted, ActivityFailed, ActivityCancelled>;

struct ResolveActivity {
  Sequence sequence = 0;
  ActivityOutcome outcome;
};

struct FireTimer {
  Sequence sequence = 0;
};

// Open steps throw Error{cancelled} into the workflow; further steps are refused in the same way.
struct CancelWorkflow {};

using Job = std::variant<InitializeWorkflow, ResolveActivity, FireTimer, CancelWorkflow>;

struct Activation {
  meta::Time now{};        // what WorkflowContext::now() says until the next activation
  bool replaying = false;  // its commands are known already and only compared
  std::vector<Job> jobs;
};

// ---- commands

struct ScheduleActivity {
  Sequence sequence = 0;
  std::string activity;
  Payload input;
  ActivityOptions options;
};

// The activity's outcome does not matter any more; no job answers it.
struct RequestCancelActivity {
  Sequence sequence = 0;
};

struct StartTimer {
  Sequence sequence = 0;
  std::chrono::milliseconds duration{};
};

struct CancelTimer {
  Sequence sequence = 0;
};

// The terminal commands: always the last of a run.
struct CompleteWorkflow {
  Payload result;
};
struct FailWorkflow {
  Failure failure;
};
struct CancelWorkflowExecution {};

using Command = std::variant<ScheduleActivity, RequestCancelActivity, StartTimer, CancelTimer, CompleteWorkflow,
                             FailWorkflow, CancelWorkflowExecution>;

bool is_terminal(const Command& command);
// For messages: "schedule activity 3 'extract_patients'".
std::string describe(const Command& command);

}  // namespace wellhead::orchestration
