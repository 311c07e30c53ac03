// What is done to a running workflow from outside: signals, queries, pause, cancellation, retry.
#include <gmock/gmock.h>

#include <array>
#include <atomic>
#include <future>
#include <thread>

#include "library/orchestration/testing/conformance.h"

namespace wellhead::orchestration::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const RetryPolicy kOnce{.maximum_attempts = 1};
const ActivityName<int, int> kWork{"work", {.retry = kOnce}};
const ActivityName<std::string, void> kTell{"tell", {.retry = kOnce}};
const WorkflowName<int, std::string> kScript{"script"};
const WorkflowName<int, std::string> kChild{"child"};

meta::ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const meta::Error& error) {
    return error.code();
  }
  return meta::ErrorCode::internal;
}

Workflow<std::string> collect_signals(WorkflowContext& flow, int count) {
  auto texts = std::make_shared<std::vector<std::string>>();
  flow.on_query<std::vector<std::string>>("texts", [texts] { return *texts; });
  Signals<std::string> signals = flow.signals<std::string>("text");
  while (static_cast<int>(texts->size()) < count) {
    std::string text = co_await signals.next();
    texts->push_back(text);
    co_await flow.run(kTell, text);
  }
  co_return meta::to_json(*texts);
}

TEST_P(EngineControl, SignalsAreDeliveredOnceInOrderAlsoAcrossARestart) {
  registry_->add_workflow(kScript, collect_signals);
  registry_->add_activity(kTell, [](ActivityContext&, const std::string&) {});
  const auto execution = engine().start(kScript, "signals", 4);
  wait_until_running(execution.execution_id);
  for (const auto* text : {"a", "b", "c"}) engine().signal(execution.execution_id, "text", std::string(text));
  while (engine().query<std::vector<std::string>>(execution.execution_id, "texts").size() < 3)
    std::this_thread::yield();
  stop();
  engine().signal(execution.execution_id, "text", std::string("d"));
  EXPECT_EQ(engine().result(kScript, execution), R"(["a","b","c","d"])");
  EXPECT_EQ(code_of([&] { engine().signal(execution.execution_id, "text", std::string("late")); }),
            meta::ErrorCode::conflict);
  EXPECT_EQ(code_of([&] { engine().signal("9999", "text", std::string("lost")); }), meta::ErrorCode::not_found);
}

TEST_P(EngineControl, AQueryIsAnsweredWhileItRunsAndAfterItsEnd) {
  registry_->add_workflow(kScript, collect_signals);
  registry_->add_activity(kTell, [](ActivityContext&, const std::string&) {});
  const auto execution = engine().start(kScript, "query", 1);
  wait_until_running(execution.execution_id);
  EXPECT_THAT(engine().query<std::vector<std::string>>(execution.execution_id, "texts"), SizeIs(0));
  EXPECT_EQ(code_of([&] { engine().query_workflow(execution.execution_id, "nothing"); }), meta::ErrorCode::not_found);
  engine().signal(execution.execution_id, "text", std::string("x"));
  engine().result(kScript, execution);
  EXPECT_THAT(engine().query<std::vector<std::string>>(execution.execution_id, "texts"), ElementsAre("x"));
  EXPECT_EQ(code_of([&] { engine().query_workflow("9999", "texts"); }), meta::ErrorCode::not_found);
}

Workflow<std::string> three_steps(WorkflowContext& flow, int input) {
  int value = input;
  for (int i = 0; i < 3; ++i) value = co_await flow.run(kWork, value);
  co_return std::to_string(value);
}

TEST_P(EngineControl, APausedWorkflowBeginsNothingUntilItIsResumed) {
  std::atomic<int> begun = 0;
  std::promise<void> first_running;
  std::promise<void> go;
  auto gone = go.get_future().share();
  registry_->add_workflow(kScript, three_steps);
  registry_->add_activity(kWork, [&](ActivityContext&, int number) {
    if (++begun == 1) {
      first_running.set_value();
      gone.wait();
    }
    return number + 1;
  });
  const auto execution = engine().start(kScript, "paused", 0);
  first_running.get_future().wait();
  engine().pause(execution.execution_id);
  engine().pause(execution.execution_id);
  wait_until_paused(execution.execution_id);
  go.set_value();
  const auto first_ended = [&] {
    return engine().describe(execution.execution_id)->steps.at(0).state == StepDescription::State::completed;
  };
  while (!first_ended()) std::this_thread::yield();
  stop();
  EXPECT_TRUE(engine().describe(execution.execution_id)->paused) << "paused it stays, also under the next owner";
  EXPECT_EQ(begun, 1);
  engine().resume(execution.execution_id);
  EXPECT_EQ(engine().result(kScript, execution), "3");
  EXPECT_EQ(begun, 3);
  EXPECT_EQ(code_of([&] { engine().pause(execution.execution_id); }), meta::ErrorCode::conflict);
}

TEST_P(EngineControl, APausedWorkflowCanBeCancelled) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    co_await flow.sleep(std::chrono::hours(1));
    co_return "";
  });
  const auto execution = engine().start(kScript, "paused and cancelled", 0);
  wait_until_running(execution.execution_id);
  engine().pause(execution.execution_id);
  engine().cancel(execution.execution_id);
  EXPECT_EQ(engine().wait(execution.execution_id).state, WorkflowState::cancelled);
  EXPECT_EQ(code_of([&] { engine().cancel(execution.execution_id); }), meta::ErrorCode::conflict);
}

TEST_P(EngineControl, ACancelledWorkflowCleansUpBehindAShield) {
  std::atomic<int> told = 0;
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    std::exception_ptr failure;
    try {
      co_await flow.sleep(std::chrono::hours(1));
    } catch (const meta::Error&) {
      failure = std::current_exception();
    }
    bool refused = false;
    try {
      co_await flow.run(kTell, "unshielded");
    } catch (const meta::Error&) {
      refused = true;
    }
    if (refused) {
      co_await flow.shielded().sleep(milliseconds(5));
      co_await flow.shielded().run(kTell, "clean");
    }
    std::rethrow_exception(failure);
  });
  registry_->add_activity(kTell, [&](ActivityContext&, const std::string& text) {
    EXPECT_EQ(text, "clean");
    ++told;
  });
  const auto execution = engine().start(kScript, "shield", 0);
  wait_until_running(execution.execution_id);
  engine().cancel(execution.execution_id);
  EXPECT_EQ(engine().wait(execution.execution_id).state, WorkflowState::cancelled);
  EXPECT_EQ(told, 1);
}

TEST_P(EngineControl, RetryGoesOnFromTheFailedStep) {
  std::atomic<bool> broken = true;
  std::array<std::atomic<int>, 4> runs{};
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    const auto number = flow.random();
    std::vector<Future<int>> steps;
    steps.reserve(3);
    for (int i = 0; i < 3; ++i) steps.push_back(flow.run(kWork, i));
    std::exception_ptr failure;
    int sum = 0;
    try {
      for (const auto& step : steps) sum += co_await step;
      sum += co_await flow.run(kWork, 3);
    } catch (const meta::Error&) {
      failure = std::current_exception();
    }
    if (failure) {
      co_await flow.run(kTell, "failed");
      std::rethrow_exception(failure);
    }
    co_return std::to_string(sum) + (number == flow.random() ? "!" : "");
  });
  registry_->add_activity(kTell, [](ActivityContext&, const std::string&) {});
  registry_->add_activity(kWork, [&](ActivityContext&, int number) {
    ++runs.at(static_cast<std::size_t>(number));
    if (number == 1 && broken) throw meta::Error(meta::ErrorCode::source_failed, "broken");
    return 10 * number;
  });
  const auto execution = engine().start(kScript, "retry", 0);
  ASSERT_EQ(engine().wait(execution.execution_id).state, WorkflowState::failed);
  stop();
  broken = false;
  const auto again = engine().retry(execution.execution_id);
  EXPECT_NE(again.execution_id, execution.execution_id);
  EXPECT_EQ(engine().result(kScript, again), "60");
  EXPECT_EQ(runs[0], 1);
  EXPECT_EQ(runs[1], 2);
  EXPECT_EQ(runs[2], 1) << "what ended beside the failure is kept";
  EXPECT_EQ(runs[3], 1);
  const auto told = engine().describe(again.execution_id);
  EXPECT_EQ(told->previous, execution.execution_id);
  EXPECT_TRUE(told->retried);
  EXPECT_EQ(engine().latest_execution("retry"), again.execution_id);
  EXPECT_EQ(code_of([&] { engine().retry(execution.execution_id); }), meta::ErrorCode::conflict) << "twice";
  EXPECT_EQ(code_of([&] { engine().retry(again.execution_id); }), meta::ErrorCode::conflict) << "complete";
  EXPECT_EQ(code_of([&] { engine().retry("9999"); }), meta::ErrorCode::not_found);
}

TEST_P(EngineControl, ARetriedWorkflowMayFailAgainAndBeRetriedAgain) {
  std::atomic<int> runs = 0;
  registry_->add_workflow(kScript, three_steps);
  registry_->add_activity(kWork, [&](ActivityContext&, int number) {
    if (number == 2 && ++runs < 3) throw meta::Error(meta::ErrorCode::source_failed, "not yet");
    return number + 1;
  });
  auto execution = engine().start(kScript, "again and again", 1);
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(engine().wait(execution.execution_id).state, WorkflowState::failed);
    execution = engine().retry(execution.execution_id);
  }
  EXPECT_EQ(engine().result(kScript, execution), "4");
}

TEST_P(EngineControl, ARunningWorkflowCannotBeRetriedAndACancelledOneCan) {
  std::atomic<bool> hold = true;
  registry_->add_workflow(kScript, three_steps);
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    while (hold && number == 1 && !activity.cancelled()) std::this_thread::yield();
    activity.throw_if_cancelled();
    return number + 1;
  });
  const auto execution = engine().start(kScript, "cancelled", 0);
  wait_for_steps(execution.execution_id, 2);
  EXPECT_EQ(code_of([&] { engine().retry(execution.execution_id); }), meta::ErrorCode::conflict);
  engine().cancel(execution.execution_id);
  ASSERT_EQ(engine().wait(execution.execution_id).state, WorkflowState::cancelled);
  hold = false;
  EXPECT_EQ(engine().result(kScript, engine().retry(execution.execution_id)), "3");
}

// ---- children

Workflow<std::string> parent_of(WorkflowContext& flow, int number) {
  Future<std::string> child = flow.run_child(kChild, "the child", number);
  std::string result;
  try {
    result = co_await child;
  } catch (const StepError& error) {
    result = error.step() + ": " + error.message();
  }
  co_return result;
}

TEST_P(EngineControl, AChildsResultOrFailureReachesItsParent) {
  registry_->add_workflow(kScript, parent_of);
  registry_->add_workflow(kChild, three_steps);
  registry_->add_activity(kWork, [](ActivityContext&, int number) {
    if (number > 100) throw meta::Error(meta::ErrorCode::source_failed, "too much");
    return number + 1;
  });
  const auto execution = engine().start(kScript, "parent", 1);
  EXPECT_EQ(engine().result(kScript, execution), "4");
  const auto step = engine().describe(execution.execution_id)->steps.at(0);
  EXPECT_EQ(step.kind, StepDescription::Kind::child);
  EXPECT_EQ(step.child_workflow_id, "the child");
  EXPECT_EQ(step.state, StepDescription::State::completed);
  EXPECT_EQ(engine().result(kScript, engine().start(kScript, "parent", 101)), "child: too much");
}

TEST_P(EngineControl, AnOpenWorkflowOfThatIdIsNoChild) {
  registry_->add_workflow(kScript, parent_of);
  registry_->add_workflow(kChild, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    co_await flow.sleep(std::chrono::hours(1));
    co_return "";
  });
  engine().start(kChild, "the child", 0);
  EXPECT_THAT(engine().result(kScript, engine().start(kScript, "parent", 1)), HasSubstr("is open already"));
}

// More parents than run at once, and each needs a child to end.
TEST_P(EngineControl, ChildrenBeginAlsoWhenParentsFillTheEngine) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int number) -> Workflow<std::string> {
    std::string result = co_await flow.run_child(kChild, "child of " + std::to_string(number), number);
    co_return result;
  });
  registry_->add_workflow(kChild, three_steps);
  registry_->add_activity(kWork, [](ActivityContext&, int number) { return number + 1; });
  std::vector<Execution> parents;
  parents.reserve(12);
  for (int i = 0; i < 12; ++i) parents.push_back(engine().start(kScript, "parent " + std::to_string(i), i));
  for (int i = 0; i < 12; ++i) {
    EXPECT_EQ(engine().result(kScript, parents[static_cast<std::size_t>(i)]), std::to_string(i + 3));
  }
}

TEST_P(EngineControl, ParentAndChildGoOnAfterARestart) {
  std::atomic<bool> hold = true;
  registry_->add_workflow(kScript, parent_of);
  registry_->add_workflow(kChild, three_steps);
  registry_->add_activity(kWork, [&](ActivityContext& activity, int number) {
    while (hold && number == 2 && !activity.cancelled()) std::this_thread::yield();
    activity.throw_if_cancelled();
    return number + 1;
  });
  const auto execution = engine().start(kScript, "parent", 1);
  while (!engine().latest_execution("the child")) std::this_thread::yield();
  wait_for_steps(*engine().latest_execution("the child"), 2);
  stop();
  hold = false;
  EXPECT_EQ(engine().result(kScript, execution), "4");
}

TEST_P(EngineControl, WhatBecomesOfAChildWhoseParentEndsIsItsPolicy) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int policy) -> Workflow<std::string> {
    const auto on_close = policy == 0 ? ParentClosePolicy::request_cancel : ParentClosePolicy::abandon;
    Future<std::string> child =
        flow.run_child(kChild, "child " + std::to_string(policy), 0, {.on_parent_close = on_close});
    co_await flow.run(kTell, "until the child runs");
    co_return "ended";
  });
  registry_->add_workflow(kChild, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    Signals<std::string> signals = flow.signals<std::string>("end");
    co_return co_await signals.next();
  });
  std::atomic<Engine*> other = nullptr;
  registry_->add_activity(kTell, [&](ActivityContext& activity, const std::string&) {
    while (!other.load() || !other.load()->latest_execution("child " + activity.workflow_id()))
      std::this_thread::yield();
  });
  other = &engine();
  for (const int policy : {0, 1}) {
    const auto parent = engine().start(kScript, std::to_string(policy), policy);
    EXPECT_EQ(engine().result(kScript, parent), "ended");
  }
  EXPECT_EQ(engine().wait(*engine().latest_execution("child 0")).state, WorkflowState::cancelled);
  engine().signal(*engine().latest_execution("child 1"), "end", std::string("by itself"));
  EXPECT_EQ(engine().wait(*engine().latest_execution("child 1")).state, WorkflowState::completed);
}

}  // namespace
}  // namespace wellhead::orchestration::testing
