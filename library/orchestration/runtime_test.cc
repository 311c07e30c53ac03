#include "library/orchestration/runtime.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/orchestration/replay.h"

namespace wellhead::orchestration {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ActivityName<int, int> kDouble{"double"};
const ActivityName<std::string, void> kTell{"tell"};
using Script = std::function<Workflow<std::string>(WorkflowContext&, int)>;
const WorkflowName<int, std::string> kScript{"script"};

// A run of one workflow, driven by hand.
class Driven {
 public:
  explicit Driven(Script script) : registry_(registry_of(std::move(script))), run_(make_run()) {}

  std::vector<std::string> start(int input) { return give(InitializeWorkflow{meta::to_json(input), 7}); }
  std::vector<std::string> complete(Sequence sequence, const Payload& result) {
    return give(ResolveActivity{sequence, StepCompleted{result}});
  }
  std::vector<std::string> fail(Sequence sequence, const std::string& message) {
    return give(ResolveActivity{sequence, StepFailed{{.code = "source_failed", .message = message}}});
  }
  std::vector<std::string> give(Job job) { return give_all({std::move(job)}); }
  // Commands in words; a terminal one with its outcome.
  std::vector<std::string> give_all(std::vector<Job> jobs) {
    time_ += std::chrono::seconds(1);
    const Activation activation{.now = time_, .jobs = std::move(jobs)};
    for (const Job& job : activation.jobs) record(to_event(job, time_));
    const auto commands = run_->activate(activation);
    record({.kind = EventKind::activation, .at = time_});
    std::vector<std::string> words;
    for (const Command& command : commands) {
      record(to_event(command, time_));
      words.push_back(in_words(command));
    }
    return words;
  }

  std::unique_ptr<WorkflowRun> make_run() {
    return std::make_unique<WorkflowRun>(registry_, WorkflowInfo{"script", "id", "7"});
  }
  bool ended() const { return run_->ended(); }
  const std::vector<Event>& history() const { return history_; }
  void destroy() { run_.reset(); }
  meta::Time time() const { return time_; }

 private:
  static std::string in_words(const Command& command) {
    if (const auto* complete = std::get_if<CompleteWorkflow>(&command)) return "complete " + complete->result;
    if (const auto* fail = std::get_if<FailWorkflow>(&command))
      return "fail " + fail->failure.step + ": " + fail->failure.message;
    return describe(command);
  }
  void record(Event event) {
    event.number = static_cast<std::int64_t>(history_.size()) + 1;
    history_.push_back(std::move(event));
  }

  static Registry registry_of(Script script) {
    Registry registry;
    registry.add_workflow(kScript, std::move(script));
    return registry;
  }

  Registry registry_;
  meta::Time time_{std::chrono::seconds(1'000)};
  std::vector<Event> history_;
  std::unique_ptr<WorkflowRun> run_;
};

Workflow<std::string> two_steps(WorkflowContext& flow, int input) {
  const int doubled = co_await flow.run(kDouble, input);
  const int again = co_await flow.run(kDouble, doubled);
  co_return std::to_string(again);
}

TEST(WorkflowRun, RunsStepsOneAfterAnother) {
  Driven run(two_steps);
  EXPECT_THAT(run.start(1), ElementsAre("schedule activity 1 'double'"));
  EXPECT_THAT(run.complete(1, "2"), ElementsAre("schedule activity 2 'double'"));
  EXPECT_FALSE(run.ended());
  EXPECT_THAT(run.complete(2, "4"), ElementsAre("complete \"4\""));
  EXPECT_TRUE(run.ended());
}

TEST(WorkflowRun, EmitsCommandsAtTheCallSoThatStepsOverlap) {
  Driven run([](WorkflowContext& flow, int count) -> Workflow<std::string> {
    std::vector<Future<int>> steps;
    steps.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) steps.push_back(flow.run(kDouble, i));
    std::vector<int> values = co_await flow.all(std::move(steps));
    co_return meta::to_json(values);
  });
  EXPECT_EQ(run.start(3).size(), 3U);
  EXPECT_THAT(run.complete(3, "30"), ElementsAre());
  EXPECT_THAT(run.complete(1, "10"), ElementsAre());
  EXPECT_THAT(run.complete(2, "20"), ElementsAre("complete \"[10,20,30]\""));
}

TEST(WorkflowRun, FailedStepFailsTheWorkflowWithItsName) {
  Driven run(two_steps);
  run.start(1);
  EXPECT_THAT(run.fail(1, "the server is on fire"), ElementsAre("fail double: the server is on fire"));
}

TEST(WorkflowRun, WorkflowCanCatchAFailedStep) {
  Driven run([](WorkflowContext& flow, int input) -> Workflow<std::string> {
    std::string caught;
    try {
      co_await flow.run(kDouble, input);
    } catch (const StepError& error) {
      caught = error.step() + ":" + std::string(meta::to_string(error.code()));
    }
    co_await flow.run(kTell, caught);
    co_return caught;
  });
  run.start(1);
  EXPECT_THAT(run.fail(1, "no"), ElementsAre("schedule activity 2 'tell'"));
  EXPECT_THAT(run.complete(2, "null"), ElementsAre("complete \"double:source_failed\""));
}

TEST(WorkflowRun, ResultOfAnotherShapeFailsTheWorkflow) {
  Driven run(two_steps);
  run.start(1);
  EXPECT_THAT(run.complete(1, "\"two\""), ElementsAre(HasSubstr("is not an integer")));
}

TEST(WorkflowRun, AllWaitsForEveryStepAndThrowsTheFirstFailure) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    std::vector<Future<void>> steps;
    for (const auto* name : {"a", "b", "c"}) steps.push_back(flow.run(kTell, name));
    co_await flow.all(std::move(steps));
    co_return "";
  });
  run.start(0);
  EXPECT_THAT(run.fail(3, "third"), ElementsAre());
  EXPECT_THAT(run.fail(2, "second"), ElementsAre());
  EXPECT_THAT(run.complete(1, "null"), ElementsAre("fail tell: second"));
}

TEST(WorkflowRun, TimersAndTime) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    const auto before = flow.now();
    co_await flow.sleep(milliseconds(500));
    co_return std::to_string(std::chrono::duration_cast<milliseconds>(flow.now() - before).count());
  });
  EXPECT_THAT(run.start(0), ElementsAre("start timer 1"));
  EXPECT_THAT(run.give(FireTimer{1}), ElementsAre("complete \"1000\""));
}

Workflow<std::string> windowed(WorkflowContext& flow, int count) {
  Window window = flow.window(2);
  int sum = 0;
  std::vector<Future<int>> steps;
  for (int i = 1; i <= count; ++i) {
    Future<int> step = co_await window.add(kDouble, i);
    steps.push_back(step);
  }
  co_await window.drain();
  for (const auto& step : steps) sum += step.get();
  co_return std::to_string(sum);
}

TEST(Window, AddWaitsOnlyWhileFull) {
  Driven run(windowed);
  EXPECT_THAT(run.start(4), ElementsAre("schedule activity 1 'double'", "schedule activity 2 'double'"));
  EXPECT_THAT(run.complete(2, "4"), ElementsAre("schedule activity 3 'double'"));
  EXPECT_THAT(run.complete(3, "6"), ElementsAre("schedule activity 4 'double'"));
  EXPECT_THAT(run.complete(4, "8"), ElementsAre());
  EXPECT_THAT(run.complete(1, "2"), ElementsAre("complete \"20\""));
}

TEST(Window, TwoEndsInOneTurnMakeRoomForTwo) {
  Driven run(windowed);
  run.start(4);
  EXPECT_THAT(run.give_all({ResolveActivity{1, StepCompleted{"2"}}, ResolveActivity{2, StepCompleted{"4"}}}),
              ElementsAre("schedule activity 3 'double'", "schedule activity 4 'double'"));
}

TEST(Window, AddThrowsTheFirstFailureInsteadOfSchedulingMore) {
  Driven run(windowed);
  run.start(4);
  EXPECT_THAT(run.fail(1, "first"), ElementsAre("fail double: first"));
}

TEST(Window, DrainWaitsForAllThenThrowsTheFirstFailure) {
  Driven run(windowed);
  run.start(2);
  EXPECT_THAT(run.fail(2, "came first"), ElementsAre());
  EXPECT_THAT(run.fail(1, "came later"), ElementsAre("fail double: came first"));
}

// The shape of a load: the next page is on its way while batches run and groups are loaded.
TEST(WorkflowRun, AnyTellsWhichCameFirst) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    Future<int> page = flow.run(kDouble, 1);
    std::vector<Future<int>> groups = {flow.run(kDouble, 2), flow.run(kDouble, 3)};
    std::string order;
    while (!groups.empty()) {
      const std::size_t first = co_await flow.any(groups);
      order += std::to_string(groups[first].get()) + " ";
      groups.erase(groups.begin() + static_cast<std::ptrdiff_t>(first));
    }
    const std::size_t which = co_await flow.any(page, page);
    co_return order + std::to_string(page.get()) + " " + std::to_string(which);
  });
  run.start(0);
  EXPECT_THAT(run.complete(3, "30"), ElementsAre());
  EXPECT_THAT(run.complete(2, "20"), ElementsAre());
  EXPECT_THAT(run.complete(1, "10"), ElementsAre("complete \"30 20 10 0\""));
}

TEST(WorkflowRun, SpawnedCoroutinesRunBeside) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    Future<std::string> beside = flow.spawn(two_steps(flow, 5));
    const int own = co_await flow.run(kDouble, 1);
    std::string other = co_await beside;
    co_return std::to_string(own) + other;
  });
  EXPECT_THAT(run.start(0), ElementsAre("schedule activity 1 'double'", "schedule activity 2 'double'"));
  EXPECT_THAT(run.complete(2, "10"), ElementsAre("schedule activity 3 'double'"));
  EXPECT_THAT(run.complete(3, "20"), ElementsAre());
  EXPECT_THAT(run.complete(1, "2"), ElementsAre("complete \"220\""));
}

TEST(WorkflowRun, ConditionsAreAskedAfterEachTurn) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    auto count = std::make_shared<int>(0);
    Future<void> enough = flow.until([count] { return *count >= 2; });
    Window window = flow.window(3);
    for (int i = 0; i < 3; ++i) {
      Workflow<void> one = [](WorkflowContext& inner, std::shared_ptr<int> counted) -> Workflow<void> {
        co_await inner.run(kDouble, 1);
        ++*counted;
      }(flow, count);
      Future<void> unused = flow.spawn(std::move(one));
    }
    co_await enough;
    co_return std::to_string(*count);
  });
  EXPECT_EQ(run.start(0).size(), 3U);
  EXPECT_THAT(run.complete(2, "0"), ElementsAre());
  EXPECT_THAT(run.complete(1, "0"), ElementsAre("complete \"2\""));
}

TEST(WorkflowRun, CancelEndsOpenSteps) {
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    Future<int> step = flow.run(kDouble, 1);
    co_await flow.sleep(milliseconds(5));
    co_return std::to_string(co_await step);
  });
  run.start(0);
  EXPECT_THAT(run.give(CancelWorkflow{}),
              ElementsAre("cancel activity 1", "cancel timer 2", "end the workflow as cancelled"));
}

TEST(WorkflowRun, ThousandsOfImmediateStepsKeepTheStackFlat) {
  Driven run([](WorkflowContext& flow, int count) -> Workflow<std::string> {
    Window window = flow.window(1'000'000);
    for (int i = 0; i < count; ++i) co_await window.add(kDouble, i);
    co_return std::to_string(window.open());
  });
  EXPECT_EQ(run.start(100'000).size(), 100'001U);
}

TEST(WorkflowRun, DestroyedWhereItWaitsItEmitsNothing) {
  static int destroyed;
  destroyed = 0;
  struct Cleanup {
    WorkflowContext* flow;
    ~Cleanup() {
      ++destroyed;
      Future<int> ignored = flow->run(kDouble, 1);
    }
  };
  Driven run([](WorkflowContext& flow, int) -> Workflow<std::string> {
    Cleanup cleanup{&flow};
    Future<std::string> beside = flow.spawn(two_steps(flow, 5));
    co_await flow.sleep(milliseconds(5));
    co_return "";
  });
  run.start(0);
  run.destroy();
  EXPECT_EQ(destroyed, 1);
}

TEST(WorkflowRun, OutcomeOfAStepThatIsNotOpenFailsTheTask) {
  Driven run(two_steps);
  run.start(1);
  EXPECT_THROW(run.complete(5, "1"), meta::Error);
}

TEST(WorkflowRun, UnknownWorkflowTypeIsAnError) {
  const Registry empty;
  EXPECT_THROW(WorkflowRun(empty, {"script", "id", "7"}), meta::Error);
}

// ---- replay

Workflow<std::string> random_and_window(WorkflowContext& flow, int count) {
  const auto number = flow.random();
  std::string result = co_await windowed(flow, count);
  co_await flow.sleep(milliseconds(number % 100));
  co_return result + ":" + std::to_string(number) + ":" + meta::to_rfc3339(flow.now());
}

TEST(Replay, ComesToTheSameStateAfterEveryTurn) {
  Driven first(random_and_window);
  first.start(3);
  first.give_all({ResolveActivity{2, StepCompleted{"4"}}, ResolveActivity{1, StepCompleted{"2"}}});
  first.complete(3, "6");
  first.give(FireTimer{4});
  ASSERT_TRUE(first.ended());
  const std::span<const Event> history(first.history());
  int turns = 0;
  for (std::size_t length = 0; length <= history.size(); ++length) {
    if (length < history.size() && !is_job(history[length].kind)) continue;
    const auto run = first.make_run();
    const auto state = replay(*run, history.first(length));
    EXPECT_EQ(run->ended(), length == history.size());
    EXPECT_EQ(state.last_event, static_cast<std::int64_t>(length));
    ++turns;
  }
  EXPECT_GE(turns, 4);
}

TEST(Replay, SaysWhatIsOpen) {
  Driven first(windowed);
  first.start(5);
  first.complete(2, "4");
  auto history = first.history();
  history.push_back(
      {.number = static_cast<std::int64_t>(history.size()) + 1, .kind = EventKind::attempt_failed, .sequence = 3});
  const auto run = first.make_run();
  const auto state = replay(*run, history);
  ASSERT_EQ(state.activities.size(), 2U);
  EXPECT_EQ(state.activities.at(1).command.input, "1");
  EXPECT_EQ(state.activities.at(1).failed_attempts, 0);
  EXPECT_EQ(state.activities.at(3).command.input, "3");
  EXPECT_EQ(state.activities.at(3).failed_attempts, 1);
  EXPECT_EQ(state.last_event, static_cast<std::int64_t>(history.size()));
}

std::string replay_error(const std::vector<Event>& history, Script changed) {
  Driven other(std::move(changed));
  const auto run = other.make_run();
  try {
    replay(*run, history);
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::nondeterminism);
    return error.message();
  }
  return "no error";
}

TEST(Replay, ChangedCodeIsNamedWithBothSides) {
  Driven first(two_steps);
  first.start(1);
  first.complete(1, "2");
  EXPECT_EQ(replay_error(first.history(), two_steps), "no error");
  const auto slept = [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    co_await flow.run(kDouble, input);
    co_await flow.sleep(milliseconds(1));
    co_return "";
  };
  EXPECT_THAT(replay_error(first.history(), slept),
              HasSubstr("its history says \"schedule activity 2 'double'\", its code does \"start timer 2\""));
  const auto shorter = [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    co_await flow.run(kDouble, input);
    co_return "";
  };
  EXPECT_THAT(replay_error(first.history(), shorter), HasSubstr("its code does \"complete the workflow\""));
  const auto more = [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    Future<int> one = flow.run(kDouble, input);
    Future<int> other = flow.run(kDouble, input);
    co_return std::to_string(co_await one + co_await other);
  };
  EXPECT_THAT(replay_error(first.history(), more), HasSubstr("its history says \"nothing\""));
  const auto fewer = [](WorkflowContext& flow, int) -> Workflow<std::string> {
    co_await flow.until([] { return false; });
    co_return "";
  };
  EXPECT_THAT(replay_error(first.history(), fewer), HasSubstr("its code does \"nothing\""));
}

// ---- what a retried execution keeps

// Two steps beside each other; a clean-up step after a failure.
Workflow<std::string> pair_with_clean_up(WorkflowContext& flow, int input) {
  Future<int> left = flow.run(kDouble, input);
  Future<int> right = flow.run(kDouble, input + 1);
  std::exception_ptr failure;
  int sum = 0;
  try {
    sum = co_await left;
    sum += co_await right;
  } catch (const meta::Error&) {
    failure = std::current_exception();
  }
  if (failure) {
    co_await flow.run(kTell, "failed");
    std::rethrow_exception(failure);
  }
  co_return std::to_string(sum);
}

std::vector<EventKind> kinds_of(const std::vector<Event>& history) {
  std::vector<EventKind> kinds;
  kinds.reserve(history.size());
  for (const Event& event : history) kinds.push_back(event.kind);
  return kinds;
}

TEST(HistoryToRetry, KeepsWhatEndedBeforeAndBesideTheFailure) {
  Driven first(pair_with_clean_up);
  first.start(1);
  EXPECT_THAT(first.fail(1, "no"), ElementsAre("schedule activity 3 'tell'"));
  EXPECT_THAT(first.complete(2, "4"), ElementsAre());
  EXPECT_THAT(first.complete(3, "null"), ElementsAre("fail double: no"));
  const auto kept = history_to_retry(first.history(), first.time());
  using enum EventKind;
  EXPECT_THAT(kinds_of(kept), ElementsAre(workflow_started, activation, activity_scheduled, activity_scheduled,
                                          activity_completed, retried));
  const auto run = first.make_run();
  const auto state = replay(*run, kept);
  ASSERT_EQ(state.activities.size(), 1U);
  EXPECT_TRUE(state.activities.contains(1)) << "the failed step is open again";
  ASSERT_EQ(state.undelivered.size(), 1U);
  EXPECT_EQ(std::get<ResolveActivity>(state.undelivered[0]).sequence, 2U);
}

TEST(HistoryToRetry, ForgetsTheRequestToCancelAndWhatItGaveUp) {
  Driven first(two_steps);
  first.start(1);
  first.complete(1, "2");
  EXPECT_THAT(first.give(CancelWorkflow{}), ElementsAre("cancel activity 2", "end the workflow as cancelled"));
  const auto run = first.make_run();
  const auto state = replay(*run, history_to_retry(first.history(), first.time()));
  EXPECT_FALSE(run->ended());
  EXPECT_TRUE(state.activities.contains(2));
}

TEST(HistoryToRetry, TakesTheLastTurnAgainWhenTheWorkflowsOwnCodeThrew) {
  const auto throws = [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    co_await flow.run(kDouble, input);
    throw meta::Error(meta::ErrorCode::internal, "a bug of the workflow");
  };
  Driven first(throws);
  first.start(1);
  EXPECT_THAT(first.complete(1, "2"), ElementsAre("fail : a bug of the workflow"));
  Driven corrected(two_steps);
  const auto run = corrected.make_run();
  const auto state = replay(*run, history_to_retry(first.history(), first.time()));
  ASSERT_EQ(state.undelivered.size(), 1U);
  const auto commands = run->activate({.now = first.time(), .jobs = state.undelivered});
  ASSERT_EQ(commands.size(), 1U);
  EXPECT_EQ(describe(commands[0]), "schedule activity 2 'double'");
}

TEST(HistoryToRetry, AttemptsOfAStepAreCountedAnew) {
  Driven first(two_steps);
  first.start(1);
  auto history = first.history();
  history.push_back({.number = 4, .kind = EventKind::attempt_failed, .sequence = 1});
  first.fail(1, "no");
  history.insert(history.end(), first.history().begin() + 3, first.history().end());
  const auto run = first.make_run();
  EXPECT_EQ(replay(*run, history_to_retry(history, first.time())).activities.at(1).failed_attempts, 0);
}

}  // namespace
}  // namespace wellhead::orchestration
