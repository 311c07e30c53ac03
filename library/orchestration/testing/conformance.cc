#include "library/orchestration/testing/conformance.h"

#include <gmock/gmock.h>

#include <atomic>
#include <future>
#include <latch>
#include <mutex>
#include <set>
#include <thread>

namespace wellhead::orchestration::testing {

Engine& EngineConformance::engine() {
  if (!engine_) engine_ = home_->start(*registry_);
  return *engine_;
}

void EngineConformance::stop() {
  if (engine_) engine_->stop();
  engine_.reset();
}

void EngineConformance::replace_program() {
  stop();
  registry_ = std::make_unique<Registry>();
}

void EngineConformance::start_without_running(const std::function<void(Engine&)>& action) {
  const auto client = home_->client(*registry_);
  action(*client);
}

void EngineConformance::wait_until_running(const std::string& execution_id) {
  while (engine().describe(execution_id)->state == WorkflowState::queued) std::this_thread::yield();
}

// The journal knows at once; the owner has taken it in when it has answered something that was asked later.
void EngineConformance::wait_until_paused(const std::string& execution_id) {
  while (!engine().describe(execution_id)->paused) std::this_thread::yield();
  const auto probe = engine().start_workflow("no such workflow", "probe of " + execution_id, "0", {});
  while (!engine().describe(probe.execution_id)->blocked) std::this_thread::yield();
}

void EngineControl::wait_for_steps(const std::string& execution_id, std::size_t count) {
  while (engine().describe(execution_id)->steps.size() < count) std::this_thread::yield();
}

namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

const RetryPolicy kQuick{.initial_interval = milliseconds(2), .maximum_attempts = 4};
const ActivityName<int, int> kDouble{"double", {.retry = kQuick}};
const ActivityName<int, int> kOther{"other", {.retry = kQuick}};
const ActivityName<std::string, void> kTell{"tell", {.retry = kQuick}};
const WorkflowName<int, std::string> kScript{"script"};

// Waits until told to stop; false after ten seconds.
bool wait_for_stop(const ActivityContext& activity) {
  std::promise<void> stopped;
  const std::stop_callback tell(activity.stop_token(), [&] { stopped.set_value(); });
  return stopped.get_future().wait_for(std::chrono::seconds(10)) == std::future_status::ready;
}

int twice(ActivityContext&, int number) { return 2 * number; }

Workflow<std::string> two_steps(WorkflowContext& flow, int input) {
  const int first = co_await flow.run(kDouble, input);
  const int second = co_await flow.run(kOther, first);
  co_return std::to_string(second);
}

Workflow<std::string> fan_out(WorkflowContext& flow, int count) {
  Window window = flow.window(3);
  std::vector<Future<int>> steps;
  for (int i = 0; i < count; ++i) {
    Future<int> step = co_await window.add(kDouble, i);
    steps.push_back(step);
  }
  co_await window.drain();
  int sum = 0;
  for (const auto& step : steps) sum += step.get();
  co_return std::to_string(sum);
}

TEST_P(EngineConformance, RunsStepsAndGivesTheResult) {
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, twice);
  registry_->add_activity(kOther, twice);
  const auto execution = engine().start(kScript, "one", 5);
  EXPECT_FALSE(execution.joined);
  EXPECT_EQ(engine().result(kScript, execution), "20");

  const auto told = engine().describe(execution.execution_id);
  ASSERT_TRUE(told);
  EXPECT_EQ(told->state, WorkflowState::completed);
  EXPECT_EQ(told->workflow_id, "one");
  EXPECT_EQ(told->input, "5");
  EXPECT_TRUE(told->started_at && told->ended_at);
  ASSERT_THAT(told->steps, SizeIs(2));
  EXPECT_EQ(told->steps[0].name, "double");
  EXPECT_EQ(told->steps[0].result, "10");
  EXPECT_EQ(told->steps[1].state, StepDescription::State::completed);
  ASSERT_THAT(told->steps[1].attempts, SizeIs(1));
  EXPECT_GE(told->steps[1].attempts[0].started_at, told->steps[0].ended_at);
  EXPECT_EQ(engine().latest_execution("one"), execution.execution_id);
}

TEST_P(EngineConformance, StepsOverlap) {
  std::latch all_three(3);
  registry_->add_workflow(kScript, fan_out);
  registry_->add_activity(kDouble, [&](ActivityContext&, int number) {
    all_three.arrive_and_wait();
    return number;
  });
  EXPECT_EQ(engine().result(kScript, engine().start(kScript, "overlap", 3)), "3");
}

TEST_P(EngineConformance, WindowBoundsWhatRunsAtOnce) {
  std::atomic<int> running = 0;
  std::atomic<int> most = 0;
  registry_->add_workflow(kScript, fan_out);
  registry_->add_activity(kDouble, [&](ActivityContext&, int number) {
    const int now = ++running;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) {
    }
    std::this_thread::yield();
    --running;
    return number;
  });
  EXPECT_EQ(engine().result(kScript, engine().start(kScript, "window", 40)), "780");
  EXPECT_LE(most, 3);
}

TEST_P(EngineConformance, FailedAttemptsAreRepeatedAndTold) {
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [](ActivityContext& activity, int number) {
    if (activity.attempt() < 3) {
      meta::Error error(meta::ErrorCode::source_busy, "busy", "Wait");
      if (activity.attempt() == 1) error.set_retry_after(milliseconds(40));
      throw error;
    }
    return number;
  });
  registry_->add_activity(kOther, twice);
  const auto execution = engine().start(kScript, "retry", 1);
  EXPECT_EQ(engine().result(kScript, execution), "2");
  const auto step = engine().describe(execution.execution_id)->steps.at(0);
  ASSERT_THAT(step.attempts, SizeIs(3));
  EXPECT_EQ(step.attempts[0].failure->message, "busy");
  EXPECT_GE(*step.attempts[1].started_at - *step.attempts[0].ended_at, milliseconds(40));
  EXPECT_FALSE(step.attempts[2].failure);
}

TEST_P(EngineConformance, LastAttemptFailsStepAndWorkflow) {
  std::atomic<int> attempts = 0;
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, twice);
  registry_->add_activity(kOther, [&](ActivityContext&, int) -> int {
    ++attempts;
    throw meta::Error(meta::ErrorCode::source_failed, "the server is on fire", "Call the fire brigade");
  });
  const auto execution = engine().start(kScript, "fail", 1);
  const auto ended = engine().wait(execution.execution_id);
  EXPECT_EQ(attempts, 4);
  EXPECT_EQ(ended.state, WorkflowState::failed);
  ASSERT_TRUE(ended.failure);
  EXPECT_EQ(ended.failure->step, "other");
  EXPECT_EQ(ended.failure->advice, "Call the fire brigade");
  EXPECT_EQ(ended.steps.at(0).state, StepDescription::State::completed);
  EXPECT_EQ(ended.steps.at(1).state, StepDescription::State::failed);
  EXPECT_THAT(ended.steps.at(1).attempts, SizeIs(4));
  EXPECT_THROW(engine().result(kScript, execution), meta::Error);
}

TEST_P(EngineConformance, WhatCannotHelpIsNotRepeated) {
  std::atomic<int> attempts = 0;
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [&](ActivityContext&, int) -> int {
    ++attempts;
    throw meta::Error(meta::ErrorCode::source_unauthorized, "401");
  });
  registry_->add_activity(kOther, twice);
  EXPECT_EQ(engine().wait(engine().start(kScript, "refused", 1).execution_id).state, WorkflowState::failed);
  EXPECT_EQ(attempts, 1);
}

TEST_P(EngineConformance, HeartbeatReachesTheNextAttempt) {
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [](ActivityContext& activity, int) {
    if (const auto reached = activity.last_heartbeat<int>()) return *reached;
    activity.heartbeat(41);
    throw meta::Error(meta::ErrorCode::source_failed, "half way");
  });
  registry_->add_activity(kOther, twice);
  EXPECT_EQ(engine().result(kScript, engine().start(kScript, "heartbeat", 1)), "82");
}

TEST_P(EngineConformance, SleepsOnTheEnginesClock) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int wait) -> Workflow<std::string> {
    const auto before = flow.now();
    co_await flow.sleep(milliseconds(wait));
    co_return flow.now() - before >= milliseconds(wait) ? "slept" : "woke too early";
  });
  EXPECT_EQ(engine().result(kScript, engine().start(kScript, "sleep", 30)), "slept");
}

TEST_P(EngineConformance, StartingAnOpenWorkflowJoinsIt) {
  std::promise<void> go;
  auto gone = go.get_future().share();
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [gone](ActivityContext&, int number) {
    gone.wait();
    return number;
  });
  registry_->add_activity(kOther, twice);
  const auto first = engine().start(kScript, "same", 1);
  const auto second = engine().start(kScript, "same", 100);
  EXPECT_TRUE(second.joined);
  EXPECT_EQ(second.execution_id, first.execution_id);
  go.set_value();
  EXPECT_EQ(engine().result(kScript, second), "2");
  const auto third = engine().start(kScript, "same", 100);
  EXPECT_FALSE(third.joined);
  EXPECT_EQ(engine().result(kScript, third), "200");
}

TEST_P(EngineConformance, CancelReachesActivityAndWorkflow) {
  std::promise<bool> saw_stop;
  std::promise<void> running;
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [&](ActivityContext& activity, int number) {
    running.set_value();
    saw_stop.set_value(wait_for_stop(activity));
    return number;
  });
  registry_->add_activity(kOther, twice);
  const auto execution = engine().start(kScript, "cancel", 1);
  running.get_future().wait();
  engine().cancel(execution.execution_id);
  const auto ended = engine().wait(execution.execution_id);
  EXPECT_EQ(ended.state, WorkflowState::cancelled);
  EXPECT_EQ(ended.steps.at(0).state, StepDescription::State::cancelled);
  EXPECT_TRUE(saw_stop.get_future().get());
  EXPECT_THROW(engine().cancel(execution.execution_id), meta::Error);
  EXPECT_THROW(engine().cancel("9999"), meta::Error);
  EXPECT_THROW(engine().wait("9999"), meta::Error);
}

TEST_P(EngineConformance, MoreWorkflowsThanRunAtOnceAreQueued) {
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, twice);
  registry_->add_activity(kOther, twice);
  std::vector<Execution> executions;
  executions.reserve(40);
  for (int i = 0; i < 40; ++i) executions.push_back(engine().start(kScript, "queued-" + std::to_string(i), i));
  for (int i = 0; i < 40; ++i) {
    EXPECT_EQ(engine().result(kScript, executions[static_cast<std::size_t>(i)]), std::to_string(4 * i));
  }
}

TEST_P(EngineConformance, AfterARestartFinishedStepsAreNotRepeated) {
  std::atomic<int> first_runs = 0;
  std::atomic<int> second_runs = 0;
  std::promise<void> in_second;
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [&](ActivityContext&, int number) {
    ++first_runs;
    return 2 * number;
  });
  registry_->add_activity(kOther, [&](ActivityContext& activity, int number) {
    if (++second_runs == 1) {
      in_second.set_value();
      wait_for_stop(activity);
      activity.throw_if_cancelled();
    }
    return number;
  });
  const auto execution = engine().start(kScript, "restart", 21);
  in_second.get_future().wait();
  stop();
  EXPECT_EQ(engine().result(kScript, execution), "42");
  EXPECT_EQ(first_runs, 1);
  EXPECT_EQ(second_runs, 2);
  EXPECT_THAT(engine().describe(execution.execution_id)->steps.at(1).attempts, SizeIs(1));
}

TEST_P(EngineConformance, WhatAnActivityFinishesDuringStopIsKept) {
  std::atomic<int> runs = 0;
  std::promise<void> in_first;
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, [&](ActivityContext& activity, int number) {
    ++runs;
    in_first.set_value();
    wait_for_stop(activity);
    return number;
  });
  registry_->add_activity(kOther, twice);
  const auto execution = engine().start(kScript, "finishing", 4);
  in_first.get_future().wait();
  stop();
  EXPECT_EQ(engine().result(kScript, execution), "8");
  EXPECT_EQ(runs, 1);
}

TEST_P(EngineConformance, OpenTimersGoOnAfterARestart) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int wait) -> Workflow<std::string> {
    co_await flow.run(kTell, "before");
    const auto before = flow.now();
    co_await flow.sleep(milliseconds(wait));
    co_return flow.now() - before >= milliseconds(wait) ? "slept" : "woke too early";
  });
  std::promise<void> told;
  registry_->add_activity(kTell, [&](ActivityContext&, const std::string&) { told.set_value(); });
  const auto execution = engine().start(kScript, "timer", 60);
  told.get_future().wait();
  stop();
  EXPECT_EQ(engine().result(kScript, execution), "slept");
}

TEST_P(EngineConformance, ChangedCodeBlocksTheRunAndTheRightCodeGoesOn) {
  const auto add_activities = [&](bool finish) {
    registry_->add_activity(kDouble, twice);
    registry_->add_activity(kOther, [finish](ActivityContext& activity, int number) {
      if (!finish) wait_for_stop(activity);
      activity.throw_if_cancelled();
      return number;
    });
  };
  registry_->add_workflow(kScript, two_steps);
  add_activities(false);
  const auto execution = engine().start(kScript, "changed", 3);
  while (engine().describe(execution.execution_id)->steps.size() < 2) std::this_thread::yield();

  replace_program();
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    co_await flow.sleep(milliseconds(1));
    co_return "";
  });
  add_activities(true);
  try {
    engine().wait(execution.execution_id);
    FAIL() << "the changed code was not noticed";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::nondeterminism);
    EXPECT_THAT(error.message(), HasSubstr("schedule activity 1 'double'"));
    EXPECT_THAT(error.message(), HasSubstr("start timer 1"));
  }
  EXPECT_EQ(engine().describe(execution.execution_id)->state, WorkflowState::running);

  replace_program();
  registry_->add_workflow(kScript, two_steps);
  add_activities(true);
  EXPECT_EQ(engine().result(kScript, execution), "6");
  EXPECT_FALSE(engine().describe(execution.execution_id)->blocked);
}

TEST_P(EngineConformance, UnknownWorkflowOrActivityBlocksUntilItIsKnown) {
  const auto unknown = engine().start(kScript, "unknown", 3);
  EXPECT_THROW(engine().wait(unknown.execution_id), meta::Error);

  replace_program();
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, twice);
  EXPECT_THROW(engine().wait(unknown.execution_id), meta::Error);

  replace_program();
  registry_->add_workflow(kScript, two_steps);
  registry_->add_activity(kDouble, twice);
  registry_->add_activity(kOther, twice);
  EXPECT_EQ(engine().result(kScript, unknown), "12");
}

TEST_P(EngineConformance, WaitingCanBeGivenUp) {
  registry_->add_workflow(kScript, [](WorkflowContext& flow, int) -> Workflow<std::string> {
    co_await flow.sleep(std::chrono::hours(1));
    co_return "";
  });
  const auto execution = engine().start(kScript, "long", 0);
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(engine().wait(execution.execution_id, stop.get_token()), meta::Error);
  std::jthread waiting([&] { EXPECT_THROW(engine_->wait(execution.execution_id), meta::Error); });
  engine_->stop();
}

}  // namespace
}  // namespace wellhead::orchestration::testing
