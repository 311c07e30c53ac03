// The engines' port: start a workflow, wait for it, look at it. Implemented in this process (embedded/) and, later, on
// a Temporal cluster. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/failure.h"
#include "library/orchestration/workflow.h"

namespace wellhead::orchestration {

// queued: nobody has begun it. running includes being blocked and paused (see WorkflowDescription). The others are
// ends; continued: another execution of the same workflow id goes on (WorkflowContext::continue_as_new).
enum class WorkflowState { queued, running, completed, failed, cancelled, continued };
std::string_view to_string(WorkflowState state);
WorkflowState workflow_state_from_string(std::string_view text);
inline bool is_end(WorkflowState state) { return state >= WorkflowState::completed; }

struct Execution {
  std::string workflow_id;
  std::string execution_id;
  bool joined = false;  // an execution of that workflow id was open already; the new input was not used
};

// Lower is earlier, among workflows that wait to begin and among activities that wait for a slot of their queue; then
// the order of arrival counts. 1 to 5, as in Temporal.
inline constexpr int kNormalPriority = 3;

struct StartOptions {
  int priority = kNormalPriority;
  // What the execution is about, by name: an engine with a place for it shows it and lets it be searched for.
  std::map<std::string, std::string> labels = {};
};

// One attempt of a step.
struct AttemptDescription {
  int attempt = 1;
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
  std::optional<Failure> failure;
};

struct StepDescription {
  enum class State { scheduled, completed, failed, cancelled };
  enum class Kind { activity, timer, child };
  std::uint32_t sequence = 0;
  Kind kind = Kind::activity;
  std::string name;               // the activity's or the child's workflow type; "sleep" for a timer
  std::string child_workflow_id;  // of a child
  State state = State::scheduled;
  Payload input;
  std::optional<Payload> result;
  std::optional<meta::Time> scheduled_at;
  std::optional<meta::Time> ended_at;
  std::optional<Payload> heartbeat;          // the last one recorded
  std::vector<AttemptDescription> attempts;  // failed ones, and the one that completed
};
std::string_view to_string(StepDescription::State state);
std::string_view to_string(StepDescription::Kind kind);

struct WorkflowDescription {
  std::string workflow_type;
  std::string workflow_id;
  std::string execution_id;
  WorkflowState state = WorkflowState::queued;
  // It is running but cannot go on with this binary: its code differs from its history, or is not registered. It goes
  // on when an engine with the right code starts.
  std::optional<Failure> blocked;
  bool paused = false;
  int priority = kNormalPriority;
  // The execution that this one goes on with: after continue-as-new, or after a failure (retry), whose history it
  // holds.
  std::optional<std::string> previous;
  bool retried = false;
  Payload input;
  std::optional<Payload> result;   // completed
  std::optional<Failure> failure;  // failed
  meta::Time created_at{};
  std::optional<meta::Time> started_at;
  std::optional<meta::Time> ended_at;
  std::vector<StepDescription> steps;  // in order of scheduling
};

// schedule.h
struct Schedule;
struct ScheduleDescription;

class Engine {
 public:
  virtual ~Engine() = default;

  // Queues a workflow durably and returns; joins the open execution of the same workflow id, if there is one. Does not
  // need this process to be the one that runs workflows.
  virtual Execution start_workflow(const std::string& workflow_type, const std::string& workflow_id, Payload input,
                                   StartOptions options) = 0;

  template <class In, class Out>
  Execution start(const WorkflowName<In, Out>& workflow, const std::string& workflow_id,
                  const std::type_identity_t<In>& input, StartOptions options = {}) {
    return start_workflow(workflow.name, workflow_id, meta::to_json(input), std::move(options));
  }

  // Blocks until the execution has ended, in whatever process, and says how; goes on to the one that it continued as.
  // Throws Error{cancelled} when asked to stop waiting; the engine's own error when it can run no more (lease_lost,
  // database_unreachable); the execution's when it is blocked. (A failed execution is no exception here: look at state
  // and failure.)
  virtual WorkflowDescription wait(const std::string& execution_id, std::stop_token stop = {}) = 0;

  // wait(), then the workflow's result, or its failure thrown.
  template <class In, class Out>
  Out result(const WorkflowName<In, Out>&, const Execution& execution, std::stop_token stop = {}) {
    const WorkflowDescription ended = wait(execution.execution_id, std::move(stop));
    throw_unless_completed(ended);
    if constexpr (!std::is_void_v<Out>) return meta::from_json<Out>(*ended.result);
  }

  // An execution with its steps; nullopt when there is none.
  virtual std::optional<WorkflowDescription> describe(const std::string& execution_id) = 0;
  // The latest execution of a workflow id.
  virtual std::optional<std::string> latest_execution(const std::string& workflow_id) = 0;

  // The following act on an open execution, or on the one that it has continued as. They throw Error{not_found} when
  // there is no such execution, and Error{conflict}, which says how it is, when its state forbids it.

  // Asks it to end as cancelled. Conflict: it has ended.
  virtual void cancel(const std::string& execution_id) = 0;
  // No further step begins until it is resumed, in this process or another; those that run end, and their results are
  // kept. Pausing twice or resuming twice is no error. Conflict: it has ended.
  virtual void pause(const std::string& execution_id) = 0;
  virtual void resume(const std::string& execution_id) = 0;
  // Delivered once, in order, even if the workflow has not begun. Conflict: it has ended.
  virtual void signal_workflow(const std::string& execution_id, const std::string& name, Payload payload) = 0;
  // Blocks until the workflow has answered, in whatever process it runs (some tenths of a second when it is another).
  // One that has ended, or that nobody runs just now, answers from its history. Not found: it has no such query.
  // Conflict: it has not begun, or is blocked.
  virtual Payload query_workflow(const std::string& execution_id, const std::string& name) = 0;
  // Goes on with an execution that failed or was cancelled, from the step that did it, as a new execution that keeps
  // what was finished. Conflict: it has not failed, it was retried already, or its workflow id is open again.
  virtual Execution retry(const std::string& execution_id) = 0;

  // Schedules are fired by whoever runs the workflows. Error{conflict}: there is one of that id; Error{invalid_input}:
  // see require_valid(); Error{not_found}: there is none of that id.
  virtual void create_schedule(const Schedule& schedule) = 0;
  // What it has started goes on.
  virtual void delete_schedule(const std::string& schedule_id) = 0;
  // Times that come while it is paused are not made up for, and one that is buffered is dropped. Both replace the note
  // unless theirs is empty; twice is no error.
  virtual void pause_schedule(const std::string& schedule_id, const std::string& note) = 0;
  virtual void unpause_schedule(const std::string& schedule_id, const std::string& note) = 0;
  // As if a time had come now, by the overlap policy; also while it is paused.
  virtual void trigger_schedule(const std::string& schedule_id) = 0;
  virtual std::optional<ScheduleDescription> describe_schedule(const std::string& schedule_id) = 0;
  virtual std::vector<ScheduleDescription> list_schedules() = 0;  // by id

  template <class T>
  void signal(const std::string& execution_id, const std::string& name, const T& value) {
    signal_workflow(execution_id, name, meta::to_json(value));
  }
  template <class Out>
  Out query(const std::string& execution_id, const std::string& name) {
    return meta::from_json<Out>(query_workflow(execution_id, name));
  }

  // Throws what keeps this engine from running workflows, although it was told to: the database refuses, or (unless it
  // keeps trying) its lease or its database is lost. For those who follow a run by other means than wait().
  virtual void throw_if_failed() const = 0;

  // No new work; running activities are asked to stop and are joined. What has not ended goes on when an engine starts
  // again. Idempotent.
  virtual void stop() = 0;

  static void throw_unless_completed(const WorkflowDescription& ended);
};

}  // namespace wellhead::orchestration
