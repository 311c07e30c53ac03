// The workers of one engine: one for workflows and the activities of its own task queue, one for each further queue.
#pragma once

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "library/orchestration/temporal/activity_worker.h"
#include "library/orchestration/temporal/executions.h"
#include "library/orchestration/temporal/temporal_engine.h"
#include "library/orchestration/temporal/workflow_worker.h"

namespace wellhead::orchestration::temporal_engine {

class Workers {
 public:
  // All outlive it. on_change: an execution of this process has ended or is blocked. Throws Error{engine_refused}.
  Workers(Executions& executions, const Registry& registry, const TemporalEngineOptions& options,
          std::function<void(const std::string& run_id)> on_change);
  ~Workers() { stop(); }
  // Begins nothing more; blocks until what runs has ended. Once, by one thread.
  void stop();

  bool runs_workflows() const { return workflows_ != nullptr; }
  // Of a run that cannot go on with this program.
  std::optional<Failure> blocked(const std::string& run_id) const;

 private:
  using Results = std::map<Sequence, StepDescription>;
  void add(const std::string& queue, std::size_t slots, bool workflows);
  Failure explain(const WorkflowInfo& info, const std::string& message);
  std::optional<Payload> find_earlier(const ActivityAttempt& attempt);
  std::shared_ptr<const Results> earlier_results(const std::string& execution_id);

  Executions& executions_;
  const Registry& registry_;
  const TemporalEngineOptions& options_;
  const std::function<void(const std::string& run_id)> on_change_;
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const Results>> earlier_;  // by execution that goes on with another
  std::vector<std::unique_ptr<CoreWorker>> cores_;
  std::vector<std::unique_ptr<ActivityWorker>> activities_;
  std::unique_ptr<WorkflowWorker> workflows_;
};

}  // namespace wellhead::orchestration::temporal_engine
