// The port between the replay runtime and the engines: an engine activates a run with jobs (what happened) and gets
// commands back (what the workflow wants). After the activation protocol of Temporal's core.
//
// Steps (activities, timers, child workflows) share one counter per run; a sequence number names the step in commands
// and jobs. Queries are no jobs: they change nothing and get no commands (WorkflowRun::query).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
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

struct StepCompleted {
  Payload result;
};
struct StepFailed {
  Failure failure;
};
struct StepCancelled {};
using StepOutcome = std::variant<StepCompleted, StepFailed, StepCancelled>;

struct ResolveActivity {
  Sequence sequence = 0;
  StepOutcome outcome;
};

struct FireTimer {
  Sequence sequence = 0;
};

// How a child workflow ended; a child that could not be started has failed.
struct ResolveChild {
  Sequence sequence = 0;
  StepOutcome outcome;
};

struct SignalWorkflow {
  std::string name;
  Payload payload;
};

// The history holds this patch's marker: patched(id) is true in the replay. Comes before all other jobs.
struct NotifyHasPatch {
  std::string patch;
};

// The run's random numbers go on from this seed: it is a copy of another up to here, and shall not draw the same ones.
struct UpdateRandomSeed {
  std::uint64_t random_seed = 0;
};

// Open steps throw Error{cancelled} into the workflow, shielded ones excepted; further steps are refused in the same
// way.
struct CancelWorkflow {};

using Job = std::variant<InitializeWorkflow, ResolveActivity, FireTimer, CancelWorkflow, ResolveChild, SignalWorkflow,
                         NotifyHasPatch, UpdateRandomSeed>;

struct Activation {
  meta::Time now{};        // what WorkflowContext::now() says until the next activation
  bool replaying = false;  // its commands are known already and only compared
  // The history has become so long that the workflow had better continue as new.
  bool continue_as_new_suggested = false;
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

// What becomes of a child that is open when its parent ends.
enum class ParentClosePolicy { request_cancel, abandon };
std::string_view to_string(ParentClosePolicy policy);

struct StartChild {
  Sequence sequence = 0;
  std::string workflow_type;
  std::string workflow_id;
  Payload input;
  ParentClosePolicy on_parent_close = ParentClosePolicy::request_cancel;
  std::map<std::string, std::string> labels = {};  // StartOptions::labels; no part of the history
};

// Like RequestCancelActivity.
struct RequestCancelChild {
  Sequence sequence = 0;
};

// The run has taken the new way at this patch.
struct SetPatchMarker {
  std::string patch;
};

// The terminal commands: always the last of a run.
struct CompleteWorkflow {
  Payload result;
};
struct FailWorkflow {
  Failure failure;
};
struct CancelWorkflowExecution {};
// The workflow begins again from its start, with this input and an empty history, under the same workflow id.
struct ContinueAsNew {
  Payload input;
};

using Command =
    std::variant<ScheduleActivity, RequestCancelActivity, StartTimer, CancelTimer, CompleteWorkflow, FailWorkflow,
                 CancelWorkflowExecution, StartChild, RequestCancelChild, SetPatchMarker, ContinueAsNew>;

bool is_terminal(const Command& command);
// For messages: "schedule activity 3 'extract_patients'".
std::string describe(const Command& command);

}  // namespace wellhead::orchestration
