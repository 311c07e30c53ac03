// The open executions of an owner, in memory: replayed runs, their open steps and their alarms. Turns what happened
// into journal entries, and committed commands into work. Used by the workflow thread alone; does no I/O.
//
// A round is: begin / resolve / fire / cancel as things happen; run_turns() activates every run that got a job and
// returns what must be journaled; when that is durable, dispatch() starts the new steps.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "library/orchestration/embedded/activity_pool.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/replay.h"

namespace wellhead::orchestration::embedded {

class WorkflowTable {
 public:
  using Submit = std::function<void(const std::string& task_queue, ActivityTask task)>;

  WorkflowTable(const Registry& registry, std::int64_t lease_epoch, Submit submit);

  // A queued execution: its first turn comes with the next run_turns().
  void begin(const WorkflowRecord& record);
  // A running execution of an earlier owner: replays its history, goes on with its open steps.
  void recover(const WorkflowRecord& record, std::span<const Event> history);
  void resolve(ActivityEnd end);
  // An activity that ended because the engine stops: neither a result nor a failure. A result is kept.
  void resolve_stopping(ActivityEnd end);
  void cancel(const std::string& execution_id);
  // Timers and retries that are due.
  void ring(meta::Time now);
  std::optional<meta::Time> next_alarm() const;

  std::vector<JournalEntry> run_turns(meta::Time now);
  // Starts what the turns commanded. Forgets, and returns, the executions that have ended or are blocked.
  std::vector<std::string> dispatch();

  bool knows(const std::string& execution_id) const { return executions_.contains(execution_id); }
  std::size_t size() const { return executions_.size(); }

 private:
  struct Step {
    ScheduleActivity command;
    int attempt = 1;
    std::optional<Payload> last_heartbeat;
    std::stop_source stop;
  };
  struct Open {
    std::unique_ptr<WorkflowRun> run;
    std::int64_t last_event = 0;
    meta::Time turn_at{};
    std::vector<Job> jobs;
    std::vector<Event> events;      // of the jobs, notes, and then of the turn
    std::vector<Command> commands;  // of the turn
    std::optional<WorkflowState> new_state;
    std::optional<Failure> blocked;
    bool cancelled = false;
    std::map<Sequence, Step> steps;
    std::map<Sequence, meta::Time> timers;
  };
  struct Alarm {
    std::string execution_id;
    Sequence sequence = 0;
    bool retry = false;
  };

  std::unique_ptr<WorkflowRun> make_run(const WorkflowRecord& record) const;
  void initialize(Open& open, const WorkflowRecord& record);
  void restore(const std::string& execution_id, Open& open, ReplayedState state);
  void fail_attempt(Open& open, Step& step, const ActivityEnd& end, const std::exception_ptr& error);
  void activate(Open& open, meta::Time now);
  void require_activity(const std::string& name) const;
  std::optional<JournalEntry> take_entry(const std::string& execution_id, Open& open);
  void execute(Open& open, const Command& command);
  void submit(const Open& open, const Step& step);

  const Registry& registry_;
  std::int64_t lease_epoch_;
  Submit submit_;
  std::map<std::string, Open> executions_;
  std::multimap<meta::Time, Alarm> alarms_;
  std::minstd_rand jitter_{std::random_device{}()};
};

}  // namespace wellhead::orchestration::embedded
