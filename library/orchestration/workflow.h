// What a workflow is written with. A workflow is a coroutine that only decides; activities do the work:
//
//   Workflow<LoadReceipt> load_zipcode(WorkflowContext& flow, LoadZipcode request) {
//     Window window = flow.window(request.concurrency);
//     Future<PatientPage> page = flow.run(extract_patients, first_page(request));
//     for (;;) {
//       PatientPage patients = co_await page;
//       if (patients.next) page = flow.run(extract_patients, *patients.next);      // on its way while ...
//       for (Batch& batch : patients.batches) {
//         co_await window.add(extract_observations, std::move(batch));             // ... waits only while the window
//         is full
//       }
//       if (!patients.next) break;
//     }
//     co_await window.drain();
//     co_return co_await flow.run(issue_receipt, request.run);
//   }
//
// Its code runs again from the beginning whenever the engine recovers it, with the recorded outcomes: so it may read no
// clock, random number, environment, file or container ordered by addresses, and its steps must come in the same order.
// WorkflowContext offers now(), random() and sleep(). It runs on the engine's own thread: it may not block.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/activation.h"
#include "library/orchestration/coroutine.h"
#include "library/orchestration/future.h"
#include "library/orchestration/signals.h"

namespace wellhead::orchestration {

struct WorkflowInfo {
  std::string workflow_type;
  std::string workflow_id;
  std::string execution_id;  // one workflow id has one execution at a time, and many one after another
};

struct ChildOptions {
  ParentClosePolicy on_parent_close = ParentClosePolicy::request_cancel;
  std::map<std::string, std::string> labels = {};  // as StartOptions has them
};

// A workflow's name, with the types of what goes in and comes out. Out may be void.
template <class In, class Out>
struct WorkflowName {
  std::string name;
};

class WorkflowContext;

// At most `limit` steps at a time. Cheap to copy; copies are the same window.
class Window {
 public:
  // Schedules the activity as soon as fewer than `limit` steps of the window are open, and yields its Future. Throws
  // the first failure of the window's earlier steps instead of scheduling more.
  template <class In, class Out>
  Workflow<Future<Out>> add(ActivityName<In, Out> activity, std::type_identity_t<In> input);
  // Waits until all steps have ended, then throws the first failure, if there was one.
  Workflow<void> drain();
  std::size_t open() const;
  std::size_t limit() const;

 private:
  friend class WorkflowContext;
  struct State;
  Window(WorkflowContext& flow, std::size_t limit);
  static Workflow<void> wait_for_room(std::shared_ptr<State> state);
  static Workflow<void> wait_for_all(std::shared_ptr<State> state);
  static void track(const std::shared_ptr<State>& state, const std::shared_ptr<Slot>& step);
  template <class In, class Out>
  static Workflow<Future<Out>> add_step(std::shared_ptr<State> state, ActivityName<In, Out> activity, In input);

  std::shared_ptr<State> state_;
};

// Schedules steps of a workflow. The context is one, whose steps end when the workflow is cancelled;
// WorkflowContext::shielded() is another, whose steps go on: for clean-up.
class Steps {
 public:
  // Schedules an activity at the call; awaiting the future is for its result. A failed activity throws StepError.
  template <class In, class Out>
  [[nodiscard]] Future<Out> run(const ActivityName<In, Out>& activity, const std::type_identity_t<In>& input) {
    return run(activity, input, activity.options);
  }
  template <class In, class Out>
  [[nodiscard]] Future<Out> run(const ActivityName<In, Out>& activity, const std::type_identity_t<In>& input,
                                ActivityOptions options) {
    auto slot = std::make_shared<ValueSlot<Out>>(queue());
    schedule_activity(slot, activity.name, meta::to_json(input), std::move(options));
    return Future<Out>(std::move(slot));
  }

  // Starts another workflow and waits for its result. If an execution of that workflow id is open already, the step
  // fails with Error{conflict}.
  template <class In, class Out>
  [[nodiscard]] Future<Out> run_child(const WorkflowName<In, Out>& workflow, const std::string& workflow_id,
                                      const std::type_identity_t<In>& input, const ChildOptions& options = {}) {
    auto slot = std::make_shared<ValueSlot<Out>>(queue());
    start_child(slot, {.workflow_type = workflow.name,
                       .workflow_id = workflow_id,
                       .input = meta::to_json(input),
                       .on_parent_close = options.on_parent_close,
                       .labels = options.labels});
    return Future<Out>(std::move(slot));
  }

  [[nodiscard]] Future<void> sleep(std::chrono::milliseconds duration);

 protected:
  Steps(WorkflowContext& flow, bool shielded) : flow_(&flow), shielded_(shielded) {}
  ~Steps() = default;

 private:
  ReadyQueue& queue();
  void schedule_activity(std::shared_ptr<Slot> slot, const std::string& activity, Payload input,
                         ActivityOptions options);
  void start_child(std::shared_ptr<Slot> slot, StartChild command);

  WorkflowContext* flow_;
  bool shielded_;
};

class WorkflowContext : public Steps {
 public:
  WorkflowContext(WorkflowInfo info, ReadyQueue& queue);
  WorkflowContext(const WorkflowContext&) = delete;
  WorkflowContext& operator=(const WorkflowContext&) = delete;

  const WorkflowInfo& info() const { return info_; }
  meta::Time now() const { return now_; }
  std::uint64_t random() { return random_(); }
  // True while known history is run through again: do not log then.
  bool replaying() const { return replaying_; }
  bool cancel_requested() const { return cancel_requested_; }
  // Steps that the run has scheduled so far: what a run that pages by continue_as_new looks at.
  std::uint64_t steps_scheduled() const { return last_sequence_; }
  // The engine finds the history long enough; the embedded one never does.
  bool continue_as_new_suggested() const { return continue_as_new_suggested_; }

  class Shielded final : public Steps {
   private:
    friend class WorkflowContext;
    explicit Shielded(WorkflowContext& flow) : Steps(flow, true) {}
  };
  // Steps that a cancelled workflow may still take, and that its cancellation does not end.
  Shielded shielded() { return Shielded(*this); }

  // Runs a coroutine beside this one, from the next time this one waits.
  template <class T>
  [[nodiscard]] Future<T> spawn(Workflow<T> workflow) {
    auto slot = std::make_shared<ValueSlot<T>>(queue_);
    keep(drive(std::move(workflow), slot));
    return Future<T>(std::move(slot));
  }

  Window window(std::size_t limit) { return Window(*this, limit); }

  // The activity for each input, at most `limit` at a time; yields the results in the order of the inputs, or throws
  // the first failure when what had begun has ended.
  template <class In, class Out>
  Workflow<std::vector<Out>> for_each(std::size_t limit, ActivityName<In, Out> activity, std::vector<In> inputs) {
    return run_each<In, Out>(window(limit), std::move(activity), std::move(inputs));
  }

  // Waits for all, then yields their values in order or throws the first failure in that order.
  template <class T>
  Workflow<std::vector<T>> all(std::vector<Future<T>> futures) {
    return gather(std::move(futures));
  }
  Workflow<void> all(std::vector<Future<void>> futures);

  // Waits until one of several is ready and yields its index (the lowest when several are).
  template <class... T>
  AnyAwaiter any(const Future<T>&... futures) {
    return AnyAwaiter({futures.slot()...});
  }
  template <class T>
  AnyAwaiter any(const std::vector<Future<T>>& futures) {
    std::vector<std::shared_ptr<Slot>> slots;
    slots.reserve(futures.size());
    for (const auto& future : futures) slots.push_back(future.slot());
    return AnyAwaiter(std::move(slots));
  }

  // Ready once the predicate holds; it is asked after each turn of the run, and looks only at the workflow's own state.
  [[nodiscard]] Future<void> until(std::function<bool()> predicate);

  template <class T>
  Signals<T> signals(const std::string& name) {
    return Signals<T>(signal_queue(name), queue_);
  }

  // Answers Engine::query of this name from the workflow's own state; changes nothing and schedules nothing.
  template <class Out>
  void on_query(const std::string& name, std::function<Out()> answer) {
    queries_[name] = [answer = std::move(answer)] { return meta::to_json(answer()); };
  }

  // For code that a run begun by an older program may pass: false when the run's history went the old way. Each place
  // has an id of its own; the first answer stays for the run.
  bool patched(const std::string& id);

  // Ends this run when the workflow returns (what it returns is ignored), and begins the same workflow anew with this
  // input and an empty history. Steps that are open then are given up.
  template <class In>
  void continue_as_new(const In& input) {
    next_input_ = meta::to_json(input);
  }

 private:
  friend class Steps;
  friend class WorkflowRun;
  friend class Window;
  enum class StepKind { activity, timer, child };
  struct OpenStep {
    std::shared_ptr<Slot> slot;
    StepKind kind = StepKind::activity;
    std::string name;  // the activity's or the child's workflow type
    bool shielded = false;
  };
  struct Condition {
    std::function<bool()> holds;
    std::shared_ptr<ValueSlot<void>> slot;
  };

  // The step's number; 0 when it is refused, because the workflow is cancelled or its frames are being destroyed.
  Sequence open_step(OpenStep step);
  void keep(Workflow<void> beside);
  void request_cancel();
  void cancel_open_steps();
  bool settle_conditions();
  std::shared_ptr<SignalQueue> signal_queue(const std::string& name);

  template <class T>
  static Workflow<void> drive(Workflow<T> workflow, std::shared_ptr<ValueSlot<T>> slot) {
    try {
      if constexpr (std::is_void_v<T>) {
        co_await workflow;
        slot->complete();
      } else {
        T value = co_await workflow;
        slot->complete(std::move(value));
      }
    } catch (...) {
      slot->fail(std::current_exception());
    }
  }

  template <class T>
  static Workflow<std::vector<T>> gather(std::vector<Future<T>> futures) {
    std::vector<T> values;
    std::exception_ptr first;
    for (auto& future : futures) {
      try {
        T value = co_await future;
        values.push_back(std::move(value));
      } catch (...) {
        if (!first) first = std::current_exception();
      }
    }
    if (first) std::rethrow_exception(first);
    co_return values;
  }

  template <class In, class Out>
  static Workflow<std::vector<Out>> run_each(Window window, ActivityName<In, Out> activity, std::vector<In> inputs);

  WorkflowInfo info_;
  ReadyQueue& queue_;
  meta::Time now_{};
  bool replaying_ = false;
  bool continue_as_new_suggested_ = false;
  bool cancel_requested_ = false;
  bool closing_ = false;  // frames are being destroyed: no more commands
  std::mt19937_64 random_;
  Sequence last_sequence_ = 0;
  std::map<Sequence, OpenStep> open_;
  std::vector<Condition> conditions_;
  std::map<std::string, std::shared_ptr<SignalQueue>> signals_;
  std::map<std::string, std::function<Payload()>> queries_;
  std::map<std::string, bool> patches_;  // the answers: given, or known from the history
  std::set<std::string> told_patches_;   // in the history, and not asked for yet
  std::optional<Payload> next_input_;
  std::vector<Command> commands_;
  std::vector<Workflow<void>> beside_;
};

struct Window::State {
  WorkflowContext& flow;
  std::size_t limit;
  std::size_t open = 0;
  std::exception_ptr first_failure;
  // Settled, and replaced by a new one, each time a step ends.
  std::shared_ptr<ValueSlot<void>> step_ended;
};

template <class In, class Out>
Workflow<Future<Out>> Window::add(ActivityName<In, Out> activity, std::type_identity_t<In> input) {
  return add_step<In, Out>(state_, std::move(activity), std::move(input));
}

template <class In, class Out>
Workflow<Future<Out>> Window::add_step(std::shared_ptr<State> state, ActivityName<In, Out> activity, In input) {
  co_await wait_for_room(state);
  Future<Out> step = state->flow.run(activity, input);
  track(state, step.slot());
  co_return step;
}

template <class In, class Out>
Workflow<std::vector<Out>> WorkflowContext::run_each(Window window, ActivityName<In, Out> activity,
                                                     std::vector<In> inputs) {
  std::vector<Future<Out>> steps;
  steps.reserve(inputs.size());
  for (In& input : inputs) {
    Future<Out> step = co_await window.add(activity, std::move(input));
    steps.push_back(std::move(step));
  }
  co_await window.drain();
  std::vector<Out> results;
  results.reserve(steps.size());
  for (const auto& step : steps) results.push_back(step.get());
  co_return results;
}

}  // namespace wellhead::orchestration
