// The engine on a Temporal cluster: the server keeps the histories, the timers and the queues; any number of processes
// run workflows and activities, by the same definitions and the same runtime as the embedded engine.
//
//   TemporalEngine engine(registry, {.connection = {.address = "127.0.0.1:7233"}, .slots = {{"extract", 5}}});
//   engine.begin();                        // runs workflows and activities; without it, it only queues and looks
//   auto execution = engine.start(load_zipcode, "load-zipcode/02139", request);
//
// The constructor connects: Error{engine_unreachable} or, where trying again would not help, Error{engine_refused}.
// What differs from the embedded engine: executions are not queued (their activities are), schedules count in seconds,
// an activity's priority is its workflow's, an activity whose worker dies is begun again when the server has missed its
// signs of life for `liveness`, and a child that an execution which is retried had finished is begun again when its
// step is.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "library/orchestration/engine.h"
#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"
#include "library/orchestration/temporal/core.h"

namespace wellhead::orchestration::temporal_engine {

struct TemporalEngineOptions {
  Connection connection;
  std::string task_queue = "wellhead";
  // Threads by queue; each is a task queue of Temporal (task_queue_of in commands.h). Activities of other queues are
  // for other workers.
  std::map<std::string, std::size_t> slots = {{"default", 4}};
  bool run_workflows = true;
  std::chrono::milliseconds liveness{15'000};
  // How long running activities may go on by themselves when the engine stops, before they are told to stop.
  std::chrono::milliseconds stop_grace{0};
  // How long the server may be unreachable before someone in wait() gives up.
  std::chrono::milliseconds patience{60'000};
  std::string build_id;
  // Set: builds of this deployment are told apart, and the server gives a workflow to the deployment's current build,
  // or, pinned, to the build that began it. Which is current, says whoever runs the cluster.
  std::string deployment;
  bool pinned = false;
  // Names of labels that executions will have (StartOptions, ChildOptions): begin() makes their search attributes.
  std::set<std::string> labels = {};
  // How long a worker may take for a turn of a workflow that this process starts, with the replay of its whole history,
  // before the server gives it to another one; 0: what the server thinks right (10 s).
  std::chrono::milliseconds workflow_task_timeout{0};
  std::size_t max_cached_workflows = 1000;
  std::size_t pollers = 5;     // requests for work that are open at a time, by queue and kind
  std::string metrics_listen;  // of core's own metrics; empty: none
  // Asked while the server is out of reach at the start: whether to wait for it. Empty: no.
  std::function<bool()> keep_trying = {};
  // Outlives the engine; may be null.
  EngineObserver* observer = nullptr;
};

class TemporalEngine final : public Engine {
 public:
  // registry outlives the engine and is complete.
  TemporalEngine(const Registry& registry, TemporalEngineOptions options);
  ~TemporalEngine() override;  // stop()

  // Why the server is out of reach just now; empty: it answers. Blocks for some seconds at most.
  std::string look_for_problem();
  // The task queues of Temporal's, for the workflows and for activities of these queues, at which no worker has asked
  // for work in the last minutes. Blocks until the server answers.
  std::vector<std::string> unserved_queues(const std::vector<std::string>& queues);
  // Runs workflows and activities from now on. Error{engine_refused}: the namespace is not there or not for us.
  void begin();

  Execution start_workflow(const std::string& workflow_type, const std::string& workflow_id, Payload input,
                           StartOptions options) override;
  WorkflowDescription wait(const std::string& execution_id, std::stop_token stop = {}) override;
  std::optional<WorkflowDescription> describe(const std::string& execution_id) override;
  std::optional<std::string> latest_execution(const std::string& workflow_id) override;
  void cancel(const std::string& execution_id) override;
  void pause(const std::string& execution_id) override;
  void resume(const std::string& execution_id) override;
  void signal_workflow(const std::string& execution_id, const std::string& name, Payload payload) override;
  Payload query_workflow(const std::string& execution_id, const std::string& name) override;
  Execution retry(const std::string& execution_id) override;
  void create_schedule(const Schedule& schedule) override;
  void delete_schedule(const std::string& schedule_id) override;
  void pause_schedule(const std::string& schedule_id, const std::string& note) override;
  void unpause_schedule(const std::string& schedule_id, const std::string& note) override;
  void trigger_schedule(const std::string& schedule_id) override;
  std::optional<ScheduleDescription> describe_schedule(const std::string& schedule_id) override;
  std::vector<ScheduleDescription> list_schedules() override;
  void throw_if_failed() const override;
  void stop() override;

 private:
  class State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::orchestration::temporal_engine
