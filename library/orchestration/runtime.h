// One workflow execution as a replayable run: activations in, commands out. Knows no engine, no thread and no clock;
// the engine that owns it calls it from one thread.
//
// Per activation: set the time; apply all jobs, which settle futures and queue coroutines but resume none; resume what
// is queued, then look at the conditions in order of their creation, until nothing moves; if the main coroutine has
// ended, add the terminal command.
#pragma once

#include <memory>
#include <vector>

#include "library/orchestration/activation.h"
#include "library/orchestration/registry.h"
#include "library/orchestration/workflow.h"

namespace wellhead::orchestration {

class WorkflowRun {
 public:
  // registry must outlive the run. Throws Error{not_found} when the workflow type is not registered.
  WorkflowRun(const Registry& registry, WorkflowInfo info);
  // Destroys the coroutines where they wait; their destructors can emit no commands.
  ~WorkflowRun();
  WorkflowRun(const WorkflowRun&) = delete;
  WorkflowRun& operator=(const WorkflowRun&) = delete;

  // What an exception of the workflow's code does is FailWorkflow. A job that fits no open step throws
  // Error{nondeterminism}: the workflow task fails, and the run must be dropped and replayed.
  std::vector<Command> activate(const Activation& activation);

  // What the workflow's handler of that name answers (WorkflowContext::on_query); changes nothing.
  // Error{not_found}: it has none.
  Payload query(const std::string& name);

  // A terminal command was given.
  bool ended() const { return ended_; }
  const WorkflowInfo& info() const;

 private:
  void apply(const Job& job);
  void take(const InitializeWorkflow& job);
  void take(const ResolveActivity& job);
  void take(const FireTimer& job);
  void take(const CancelWorkflow& job);
  void take(const ResolveChild& job);
  void take(const SignalWorkflow& job);
  void take(const NotifyHasPatch& job);
  void take(const UpdateRandomSeed& job);
  WorkflowContext::OpenStep close_step(Sequence sequence, WorkflowContext::StepKind kind);
  static void settle(const WorkflowContext::OpenStep& step, Sequence sequence, const StepOutcome& outcome);
  void turn();
  Command terminal_command();

  const Registry& registry_;
  ReadyQueue queue_;
  WorkflowContext context_;
  bool ended_ = false;
  // Last, so that its frames go before what they refer to.
  std::optional<Workflow<Payload>> main_;
};

}  // namespace wellhead::orchestration
