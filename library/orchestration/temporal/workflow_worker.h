// Runs the workflow tasks of one task queue: core's activations become those of WorkflowRun, and its commands core's.
// What a history replays to is the run's business, what it was is core's.
#pragma once

#include <temporal/sdk/core/workflow_activation/workflow_activation.pb.h>
#include <temporal/sdk/core/workflow_completion/workflow_completion.pb.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "library/orchestration/observer.h"
#include "library/orchestration/runtime.h"
#include "library/orchestration/temporal/commands.h"
#include "library/orchestration/temporal/core.h"

namespace wellhead::orchestration::temporal_engine {

// One cached run. One thread at a time.
class CachedRun {
 public:
  using Activation = coresdk::workflow_activation::WorkflowActivation;
  using Success = coresdk::workflow_completion::Success;

  // Throws Error{not_found} when the program does not know its type.
  CachedRun(const Registry& registry, const Activation& activation, CommandTerms terms);

  // Throws when the workflow task has failed.
  Success activate(const Activation& activation);

  const WorkflowInfo& info() const { return run_.info(); }
  std::optional<WorkflowState> ended() const { return ended_; }

 private:
  void take(const coresdk::workflow_activation::WorkflowActivationJob& job);
  void take_child_start(const coresdk::workflow_activation::ResolveChildWorkflowExecutionStart& start);
  void resolve(Job job, Sequence sequence);
  void note(const Command& command);
  void answer(const coresdk::workflow_activation::QueryWorkflow& query, Success& success);
  void refuse(const coresdk::workflow_activation::DoUpdate& update, Success& success) const;
  void tell_state(Success& success);

  const Registry& registry_;
  CommandTerms terms_;
  WorkflowRun run_;
  std::vector<Job> jobs_;        // more than one activation's while it is paused
  std::set<Sequence> given_up_;  // whose outcomes do not matter any more
  bool paused_ = false;
  // What the search attribute says, if the execution has it: it was begun with it, so it may be changed.
  std::optional<bool> told_paused_;
  std::optional<WorkflowState> ended_;
};

class WorkflowWorker {
 public:
  struct Listener {
    // Core has found that the run's code differs from its history; what to say of it.
    std::function<Failure(const WorkflowInfo& info, const std::string& message)> on_nondeterminism;
    std::function<void(const std::string& run_id)> on_change;  // it has ended, or is blocked
  };

  // core and registry outlive it. observer may be null.
  WorkflowWorker(CoreWorker& core, const Registry& registry, CommandTerms terms, Listener listener,
                 EngineObserver* observer);
  ~WorkflowWorker() { join(); }
  // Blocks until core has reported its shutdown.
  void join();

  // Of a run that cannot go on with this program.
  std::optional<Failure> blocked(const std::string& run_id) const;
  // This worker has run a task of it.
  bool knows(const std::string& run_id) const;

 private:
  using Activation = CachedRun::Activation;
  using Completion = coresdk::workflow_completion::WorkflowActivationCompletion;

  void poll();
  void serve();
  // What an answered activation means to others. Taken before the answer is given: the next one may follow at once.
  struct Effects {
    std::optional<WorkflowState> ended;
    std::string workflow_type;
  };
  void handle(const Activation& activation);
  Completion answer(const Activation& activation, std::optional<Effects>& effects);
  void evict(const std::string& run_id, const coresdk::workflow_activation::RemoveFromCache& job);
  std::shared_ptr<CachedRun> find(const Activation& activation);
  void block(const std::string& run_id, const Failure& failure);
  void note(const Activation& activation, const Effects& effects);

  CoreWorker& core_;
  const Registry& registry_;
  const CommandTerms terms_;
  const Listener listener_;
  EngineObserver* const observer_;
  mutable std::mutex mutex_;
  std::condition_variable arrived_;
  bool ended_ = false;
  std::deque<Activation> activations_;
  std::map<std::string, std::shared_ptr<CachedRun>> runs_;
  std::map<std::string, Failure> blocked_;
  std::set<std::string> known_;
  std::vector<std::thread> threads_;
};

}  // namespace wellhead::orchestration::temporal_engine
