// The engine in this process: workflows on one thread of its own, activities on slots (threads) per task queue, state
// in a journal. One process at a time owns the journal's lease and runs workflows; any process may start, follow and
// look.
//
//   EmbeddedEngine engine(journal, registry, {.slots = {{"default", 2}, {"extract", 5}}});
//   engine.own_when_free();                                  // or try_own()
//   auto execution = engine.start(load_zipcode, "load-zipcode/02139", request);
//   auto receipt = engine.result(load_zipcode, execution);
//   engine.stop();
//
// A step's result is durable before the next step starts; results that arrive together are one transaction. A new owner
// goes on with all open executions: finished steps are never run again, unfinished ones are, with the same input.
//
// An owner whose lease went to another stops at once and writes nothing more; one whose journal stays unreachable for
// journal_patience gives up. In both cases its activities are asked to stop, and if own_when_free() was called it
// competes for the lease again.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "library/orchestration/engine.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/observer.h"
#include "library/orchestration/registry.h"

namespace wellhead::orchestration::embedded {

struct EmbeddedEngineOptions {
  // Threads by task queue; an activity of a queue that is not here takes a slot of "default".
  std::map<std::string, std::size_t> slots = {{"default", 4}};
  // Open executions beyond this many wait in the queue.
  std::size_t maximum_workflows = 8;  // children do not count
  std::chrono::milliseconds lease_duration{10'000};
  // How soon work queued by other processes is noticed, and how often a waiting process asks.
  std::chrono::milliseconds poll_interval{100};
  // How long the journal may be unreachable before the engine, or someone in wait(), gives up.
  std::chrono::milliseconds journal_patience{60'000};
  // How long running activities may go on by themselves when the engine stops, before they are told to stop.
  std::chrono::milliseconds stop_grace{0};
  // Outlives the engine; may be null.
  EngineObserver* observer = nullptr;
};

class EmbeddedEngine final : public Engine {
 public:
  // journal and registry must outlive the engine; the registry is complete.
  EmbeddedEngine(Journal& journal, const Registry& registry, EmbeddedEngineOptions options = {});
  ~EmbeddedEngine() override;  // stop()

  // Takes the lease if it is free and begins to run workflows; false while another process holds it.
  bool try_own();
  // Keeps trying in the background until stop().
  void own_when_free();
  bool owns() const;

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

}  // namespace wellhead::orchestration::embedded
