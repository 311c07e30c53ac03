// One open execution of an owner, in memory: its replayed run, its open steps, and what it has to journal. Used by the
// workflow thread alone; does no I/O.
//
// What happens to it (begin, recover, resolve, cancel, signal …) becomes jobs and events; run_turn() gives the jobs to
// the workflow; take_entry() is what must be durable before dispatch() carries out what the workflow commanded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "library/orchestration/embedded/activity_pool.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/replay.h"

namespace wellhead::orchestration::embedded {

// A moment that an execution waits for.
struct Alarm {
  enum class Kind { timer, retry, start_to_close, heartbeat, schedule_to_close };
  std::string execution_id;
  Sequence sequence = 0;
  Kind kind = Kind::timer;
  int attempt = 0;
};

// What an execution may use; outlives it.
struct Surroundings {
  const Registry& registry;
  std::int64_t lease_epoch = 0;
  std::function<void(ActivityTask task)> submit;
  std::function<std::vector<Sequence>(const std::string& execution_id)> withdraw;
  std::function<void(meta::Time at, Alarm alarm)> set_alarm;
  std::minstd_rand jitter{std::random_device{}()};
};

class OpenWorkflow {
 public:
  OpenWorkflow(Surroundings& surroundings, WorkflowRecord record);

  // Queued: its first turn comes with the next run_turn().
  void begin();
  // Replays a history and goes on with its open steps. first: it was queued (a retried execution).
  void recover(std::span<const Event> history, bool first);
  // It cannot go on under this owner.
  void block(const Failure& failure);

  void note_start(const ActivityStart& start);
  void note_heartbeat(const ActivityHeartbeat& heartbeat);
  void resolve(ActivityEnd end);
  // An activity that ended because the engine stops: neither a result nor a failure. A result and a heartbeat are kept.
  void resolve_stopping(ActivityEnd end);
  void resolve_child(Sequence sequence, StepOutcome outcome);
  void cancel();
  void signal(const Notices::Signal& signal);
  void set_paused(bool paused);
  void ring(const Alarm& alarm, meta::Time now);

  void run_turn(meta::Time now);
  std::optional<JournalEntry> take_entry();
  // False: it has ended or is blocked, and is to be forgotten.
  bool dispatch();

  // Error{conflict} when blocked.
  Payload query(const std::string& name);
  const WorkflowRecord& record() const { return record_; }
  const std::optional<Failure>& blocked() const { return blocked_; }
  // Once ended: how, for the parent; nullopt when it goes on as new.
  std::optional<StepOutcome> outcome() const;
  WorkflowState end_state() const { return *new_state_; }
  bool has_open_child(Sequence sequence) const { return children_.contains(sequence); }
  const std::map<Sequence, StartChild>& open_children() const { return children_; }

 private:
  struct Step {
    ScheduleActivity command;
    meta::Time scheduled_at{};
    int attempt = 1;
    std::optional<Payload> last_heartbeat;
    std::optional<meta::Time> last_sign;  // of the running attempt: start or heartbeat
    std::optional<meta::Time> started_at;
    std::stop_source stop;
    bool held = false;  // to be submitted when the execution is resumed
  };

  void initialize();
  void restore(ReplayedState state);
  void require_activities(const std::vector<Command>& commands) const;
  void require_activity(const std::string& name) const;
  void give(Job job, meta::Time at);
  Step* find_attempt(const ActivityInfo& info);
  void fail_attempt(Step& step, const ActivityEnd& end, const std::exception_ptr& error, bool final);
  void time_out(const Alarm& alarm, meta::Time now);
  bool is_late(const Step& step, const Alarm& alarm, meta::Time now) const;
  void set_deadlines(const Step& step);
  void schedule(const ScheduleActivity& command);
  void execute(const Command& command);
  void give_up_step(Sequence sequence);
  void submit(Step& step);

  Surroundings& surroundings_;
  WorkflowRecord record_;
  std::unique_ptr<WorkflowRun> run_;
  std::int64_t last_event_ = 0;
  meta::Time turn_at_{};
  std::vector<Job> jobs_;
  std::vector<Event> events_;      // of the jobs, notes, and then of the turn
  std::vector<Command> commands_;  // of the turn
  std::vector<std::int64_t> signals_;
  std::optional<WorkflowState> new_state_;
  std::optional<Failure> blocked_;
  bool cancelled_ = false;
  std::map<Sequence, Step> steps_;
  std::map<Sequence, meta::Time> timers_;
  std::map<Sequence, StartChild> children_;
};

}  // namespace wellhead::orchestration::embedded
