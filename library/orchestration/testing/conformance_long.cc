// Long-lived workflows: continue-as-new, histories of thousands of steps, changed programs, limits, heartbeats.
#include <gmock/gmock.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "library/orchestration/testing/conformance.h"

namespace wellhead::orchestration::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const RetryPolicy kQuick{.initial_interval = milliseconds(2), .maximum_attempts = 3};
const ActivityName<int, int> kWork{"work", {.retry = kQuick}};
const WorkflowName<int, std::string> kScript{"script"};

Workflow<std::string> count_down(WorkflowContext& flow, int left) {
  flow.on_query<int>("left", [left] { return left; });
  if (left == 0) {
    Signals<std::string> signals = flow.signals<std::string>("end");
    co_return co_await signals.next();
  }
  const int next = co_await flow.run(kWork, left);
  flow.continue_as_new(next);
  co_return "";
}

TEST_P(EngineEndurance, ContinuesAsNewUnderTheSameIdAndItsFirstExecutionStandsForAll) {
  registry_->add_workflow(kScript, count_down);
  registry_->add_activity(kWork, [](ActivityContext&, int left) { return left - 1; });
  const auto first = engine().start(kScript, "chain", 5);
  wait_until_running(first.execution_id);
  while (engine().query<int>(first.execution_id, "left") > 0) std::this_thread::yield();
  engine().signal(first.execution_id, "end", std::string("the end"));
  EXPECT_EQ(engine().result(kScript, first), "the end");
  EXPECT_EQ(engine().describe(first.execution_id)->state, WorkflowState::continued);
  const auto last = engine().describe(*engine().latest_execution("chain"));
  EXPECT_EQ(last->input, "0");
  EXPECT_FALSE(last->retried);
  int links = 0;
  for (auto link = last; link->previous; link = engine().describe(*link->previous)) ++links;
  EXPECT_EQ(links, 5);
  EXPECT_EQ(engine().query<int>(first.execution_id, "left"), 0) << "the first id stands for the chain";
}

// How long it takes is the engine's and the machine's business, as long as it goes on.
bool goes_on_until(std::future<void>& done, const std::atomic<int>& steps) {
  constexpr std::chrono::minutes patience{3};
  for (int before = -1; before != steps;) {
    before = steps;
    if (done.wait_for(patience) == std::future_status::ready) return true;
  }
  return false;
}

TEST_P(EngineEndurance, AHistoryOfTenThousandStepsIsReplayed) {
  constexpr int steps = 10'000;
  std::atomic<int> runs = 0;
  std::promise<void> nearly_done;
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int count) -> Workflow<std::string> {
    std::vector<int> numbers(static_cast<std::size_t>(count), 1);
    std::vector<int> results = co_await flow.for_each<int, int>(500, kWork, std::move(numbers));
    int sum = 0;
    for (const int result : results) sum += result;
    const int last = co_await flow.run(kWork, 0);
    co_return std::to_string(sum + last);
  });
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    const int run = ++runs;
    if (run == steps + 1) {
      nearly_done.set_value();
      while (!activity.cancelled()) std::this_thread::yield();
      activity.throw_if_cancelled();
    }
    return number;
  });
  home_->widen(50);
  const auto execution = engine().start(kScript, "long", steps);
  auto done = nearly_done.get_future();
  const bool went_on = goes_on_until(done, runs);
  stop();
  ASSERT_TRUE(went_on) << "no step has ended for minutes, after " << runs << " of them";
  EXPECT_EQ(engine().result(kScript, execution), std::to_string(steps));
  EXPECT_EQ(runs, steps + 2);
}

TEST_P(EngineEndurance, ARunOfAnOlderProgramFinishesTheOldWay) {
  const auto two_steps = [](bool knows_patch) {
    return [knows_patch](WorkflowContext& flow, int input) -> Workflow<std::string> {
      int value = input;
      if (knows_patch && flow.patched("twice")) value = co_await flow.run(kWork, value);
      value = co_await flow.run(kWork, value);
      Signals<std::string> signals = flow.signals<std::string>("go");
      std::string go = co_await signals.next();
      if (knows_patch && flow.patched("twice")) value += 100;
      co_return std::to_string(value) + go;
    };
  };
  const auto work = [](ActivityContext&, int number) { return number + 1; };
  registry_->add_workflow(kScript, two_steps(false));
  registry_->add_activity(kWork, work);
  const auto old = engine().start(kScript, "old", 0);
  while (engine().describe(old.execution_id)->steps.empty()) std::this_thread::yield();

  replace_program();
  registry_->add_workflow(kScript, two_steps(true));
  registry_->add_activity(kWork, work);
  const auto fresh = engine().start(kScript, "new", 0);
  while (engine().describe(fresh.execution_id)->steps.size() < 2) std::this_thread::yield();
  stop();  // the new run is replayed with its marker
  for (const auto& execution : {old, fresh}) engine().signal(execution.execution_id, "go", std::string("!"));
  EXPECT_EQ(engine().result(kScript, old), "1!");
  EXPECT_EQ(engine().result(kScript, fresh), "102!");
}

TEST_P(EngineEndurance, AnAttemptThatPassesItsLimitIsRepeated) {
  ActivityOptions limited{.retry = kQuick, .start_to_close = milliseconds(40)};
  std::atomic<int> attempts = 0;
  std::atomic<bool> told_to_stop = false;
  registry_->add_workflow(kScript, [limited](WorkflowContext& flow, int input) -> Workflow<std::string> {
    const int result = co_await flow.run(kWork, input, limited);
    co_return std::to_string(result);
  });
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    ++attempts;
    if (activity.attempt() == 1) {
      while (!activity.cancelled()) std::this_thread::yield();
      told_to_stop = true;
      return -1;  // too late to count
    }
    return number;
  });
  const auto execution = engine().start(kScript, "slow", 7);
  EXPECT_EQ(engine().result(kScript, execution), "7");
  stop();  // joins the first attempt, which nobody waits for
  EXPECT_TRUE(told_to_stop);
  const auto step = engine().describe(execution.execution_id)->steps.at(0);
  ASSERT_GE(step.attempts.size(), 2U);
  EXPECT_EQ(step.attempts[0].failure->code, "activity_timeout");
  EXPECT_THAT(step.attempts[0].failure->message, HasSubstr("start-to-close"));
}

TEST_P(EngineEndurance, SilenceBeyondTheHeartbeatLimitFailsTheAttempt) {
  ActivityOptions limited{.retry = kQuick, .heartbeat_timeout = milliseconds(60)};
  registry_->add_workflow(kScript, [limited](WorkflowContext& flow, int input) -> Workflow<std::string> {
    const int result = co_await flow.run(kWork, input, limited);
    co_return std::to_string(result);
  });
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    if (activity.attempt() == 1) {
      activity.heartbeat(41);
      while (!activity.cancelled()) std::this_thread::yield();
      activity.throw_if_cancelled();
    }
    return number + activity.last_heartbeat<int>().value_or(0);
  });
  const auto execution = engine().start(kScript, "silent", 1);
  EXPECT_EQ(engine().result(kScript, execution), "42");
  EXPECT_THAT(engine().describe(execution.execution_id)->steps.at(0).attempts.at(0).failure->message,
              HasSubstr("heartbeat"));
}

TEST_P(EngineEndurance, NoAttemptFollowsTheScheduleToCloseLimit) {
  ActivityOptions limited{.retry = {.initial_interval = milliseconds(5), .backoff = 1, .maximum_attempts = 0},
                          .schedule_to_close = milliseconds(80)};
  registry_->add_workflow(kScript, [limited](WorkflowContext& flow, int input) -> Workflow<std::string> {
    const int result = co_await flow.run(kWork, input, limited);
    co_return std::to_string(result);
  });
  registry_->add_activity(
      kWork, [&](ActivityContext&, int) -> int { throw meta::Error(meta::ErrorCode::source_failed, "never"); });
  const auto ended = engine().wait(engine().start(kScript, "in vain", 1).execution_id);
  EXPECT_EQ(ended.state, WorkflowState::failed);
  EXPECT_EQ(ended.failure->code, "activity_timeout");
}

// What an activity has told is there for the next owner, though it never ended.
TEST_P(EngineEndurance, HeartbeatsOutliveTheEngine) {
  std::promise<void> half_way;
  std::atomic<int> runs = 0;
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    const int result = co_await flow.run(kWork, input);
    co_return std::to_string(result);
  });
  registry_->add_activity(kWork, [&](ActivityContext& activity, int) {
    if (++runs == 1) {
      activity.heartbeat(1);
      activity.heartbeat(2);
      half_way.set_value();
      while (!activity.cancelled()) std::this_thread::yield();
      activity.throw_if_cancelled();
    }
    return activity.last_heartbeat<int>().value_or(-1);
  });
  const auto execution = engine().start(kScript, "resumed", 1);
  half_way.get_future().wait();
  stop();
  EXPECT_EQ(engine().result(kScript, execution), "2");
}

TEST_P(EngineEndurance, OfThoseThatWaitTheHigherPriorityBeginsFirst) {
  std::mutex mutex;
  std::condition_variable begun;
  std::vector<std::string> order;
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int input) -> Workflow<std::string> {
    const int result = co_await flow.run(kWork, input);
    co_return std::to_string(result);
  });
  // Nobody makes room before it has begun, so that the order is that of the slots.
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    std::unique_lock lock(mutex);
    order.push_back(activity.workflow_id());
    begun.notify_all();
    begun.wait_for(lock, std::chrono::seconds(10), [&] { return std::ranges::find(order, "first") != order.end(); });
    return number;
  });
  // Queued while no engine runs.
  start_without_running([&](Engine& idle) {
    for (int i = 0; i < 6; ++i) idle.start(kScript, "later " + std::to_string(i), i, {.priority = 4});
    idle.start(kScript, "first", 9, {.priority = 1});
  });
  for (int i = 0; i < 6; ++i) engine().wait(*engine().latest_execution("later " + std::to_string(i)));
  engine().wait(*engine().latest_execution("first"));
  ASSERT_THAT(order, SizeIs(7));
  const auto first = std::ranges::find(order, "first") - order.begin();
  EXPECT_LT(first, home_->taken_up_at_once()) << "it began among the first that found a slot";
}

}  // namespace
}  // namespace wellhead::orchestration::testing
