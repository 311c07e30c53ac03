#include "library/orchestration/embedded/embedded_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "library/orchestration/testing/conformance.h"
#include "library/orchestration/testing/memory_journal.h"

namespace wellhead::orchestration::testing {
namespace {

using embedded::EmbeddedEngine;
using embedded::EmbeddedEngineOptions;
using std::chrono::milliseconds;

const EmbeddedEngineOptions kOptions{
    .slots = {{"default", 3}}, .maximum_workflows = 4, .poll_interval = milliseconds(5)};

class MemoryHome final : public EngineHome {
 public:
  std::unique_ptr<Engine> start(const Registry& registry) override {
    auto engine = std::make_unique<EmbeddedEngine>(journal_, registry, kOptions);
    EXPECT_TRUE(engine->try_own());
    return engine;
  }
  std::unique_ptr<Engine> client(const Registry& registry) override {
    return std::make_unique<EmbeddedEngine>(journal_, registry, kOptions);
  }

 private:
  MemoryJournal journal_;
};

WELLHEAD_ENGINE_CONFORMANCE(Memory, EngineFactory([] { return std::make_unique<MemoryHome>(); }));

const ActivityName<int, int> kWork{"work", {.retry = {.maximum_attempts = 1}}};
const WorkflowName<int, int> kJob{"job"};

Workflow<int> job(WorkflowContext& flow, int input) {
  const int first = co_await flow.run(kWork, input);
  const int second = co_await flow.run(kWork, first);
  co_return second;
}

class Ownership : public ::testing::Test {
 protected:
  Ownership() {
    registry_.add_workflow(kJob, job);
    registry_.add_activity(kWork, [this](ActivityContext& activity, int number) {
      if (hold_) {
        running_.set_value();
        std::promise<void> stopped;
        const std::stop_callback tell(activity.stop_token(), [&] { stopped.set_value(); });
        stopped.get_future().wait();
      }
      return number + 1;
    });
  }
  // The next activity runs until it is told to stop.
  void hold() { hold_ = true; }
  void wait_until_running() {
    running_.get_future().wait();
    hold_ = false;
  }

  MemoryJournal journal_;
  Registry registry_;
  std::atomic<bool> hold_ = false;
  std::promise<void> running_;
};

TEST_F(Ownership, OneEngineOwnsAndAnotherFollows) {
  EmbeddedEngine owner(journal_, registry_, kOptions);
  EmbeddedEngine other(journal_, registry_, kOptions);
  EXPECT_TRUE(owner.try_own());
  EXPECT_TRUE(owner.try_own());
  EXPECT_FALSE(other.try_own());
  EXPECT_TRUE(owner.owns());
  EXPECT_FALSE(other.owns());
  EXPECT_EQ(other.result(kJob, other.start(kJob, "followed", 1)), 3);
  owner.stop();
  EXPECT_TRUE(other.try_own());
  EXPECT_EQ(other.result(kJob, other.start(kJob, "own", 1)), 3);
  EXPECT_FALSE(owner.try_own());
}

TEST_F(Ownership, WhoCompetesTakesOverWhenTheOwnerStops) {
  EmbeddedEngine owner(journal_, registry_, kOptions);
  ASSERT_TRUE(owner.try_own());
  hold();
  const auto execution = owner.start(kJob, "handed over", 1);
  wait_until_running();
  EmbeddedEngine successor(journal_, registry_, kOptions);
  successor.own_when_free();
  EXPECT_FALSE(successor.owns());
  owner.stop();
  EXPECT_EQ(successor.result(kJob, execution), 3);
}

TEST_F(Ownership, AnOwnerThatLostItsLeaseStopsAndWritesNothing) {
  auto options = kOptions;
  options.lease_duration = milliseconds(30);
  EmbeddedEngine owner(journal_, registry_, options);
  ASSERT_TRUE(owner.try_own());
  hold();
  const auto execution = owner.start(kJob, "lost", 1);
  wait_until_running();
  const auto events = journal_.history(execution.execution_id).size();
  journal_.steal_lease();
  try {
    owner.wait(execution.execution_id);
    FAIL() << "the lost lease was not noticed";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::lease_lost);
  }
  EXPECT_FALSE(owner.owns());
  EXPECT_EQ(journal_.history(execution.execution_id).size(), events);
  EmbeddedEngine successor(journal_, registry_, kOptions);
  ASSERT_TRUE(successor.try_own());
  EXPECT_EQ(successor.result(kJob, execution), 3);
}

TEST_F(Ownership, AnEngineThatCompetesGoesOnAfterLosingItsLease) {
  auto options = kOptions;
  options.lease_duration = milliseconds(30);
  EmbeddedEngine engine(journal_, registry_, options);
  engine.own_when_free();
  hold();
  const auto execution = engine.start(kJob, "again", 1);
  wait_until_running();
  journal_.steal_lease();
  EXPECT_EQ(engine.result(kJob, execution), 3);
}

TEST_F(Ownership, AJournalThatComesBackInTimeIsNoFailure) {
  EmbeddedEngine engine(journal_, registry_, kOptions);
  ASSERT_TRUE(engine.try_own());
  const auto execution = engine.start(kJob, "patient", 1);
  journal_.set_failing(meta::ErrorCode::database_unreachable);
  std::jthread repair([this] {
    std::this_thread::sleep_for(milliseconds(150));
    journal_.set_failing({});
  });
  EXPECT_EQ(engine.result(kJob, execution), 3);
}

TEST_F(Ownership, AJournalThatStaysAwayEndsTheWait) {
  auto options = kOptions;
  options.journal_patience = milliseconds(50);
  EmbeddedEngine engine(journal_, registry_, options);
  ASSERT_TRUE(engine.try_own());
  hold();
  const auto execution = engine.start(kJob, "given up", 1);
  wait_until_running();
  journal_.set_failing(meta::ErrorCode::database_unreachable);
  try {
    engine.wait(execution.execution_id);
    FAIL() << "waited without a journal";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::database_unreachable);
  }
}

TEST_F(Ownership, AJournalThatRefusesIsToldToThoseWhoFollow) {
  EmbeddedEngine engine(journal_, registry_, kOptions);
  journal_.set_failing(meta::ErrorCode::database_refused);
  engine.own_when_free();
  EXPECT_THROW(engine.throw_if_failed(), meta::Error);
  journal_.set_failing({});
  const auto execution = engine.start(kJob, "refused", 1);
  EXPECT_THROW(engine.wait(execution.execution_id), meta::Error);
  // The refusal is over: it is noticed without being told.
  while (!engine.owns()) std::this_thread::yield();
  EXPECT_NO_THROW(engine.throw_if_failed());
  EXPECT_EQ(engine.result(kJob, execution), 3);
}

// Whatever the moment of the crash: what was journaled is enough to go on, and finished steps are not repeated.
TEST_F(Ownership, GoesOnFromEveryPrefixOfTheJournal) {
  EmbeddedEngine engine(journal_, registry_, kOptions);
  ASSERT_TRUE(engine.try_own());
  const auto execution = engine.start(kJob, "whole", 1);
  ASSERT_EQ(engine.result(kJob, execution), 3);
  engine.stop();
  const auto history = journal_.history(execution.execution_id);
  ASSERT_GE(history.size(), 8U);
  for (std::size_t kept = 0; kept + 1 < history.size(); ++kept) {
    // Appends are whole turns: a prefix ends before a job or the end.
    if (!is_job(history[kept].kind)) continue;
    MemoryJournal cut;
    const auto again = cut.start("job", "cut", "1");
    const auto epoch = cut.acquire_lease("dead", milliseconds(0));
    const std::vector<Event> prefix(history.begin(), history.begin() + static_cast<std::ptrdiff_t>(kept));
    cut.append(*epoch, std::vector<JournalEntry>{{again.execution_id, prefix, WorkflowState::running, {}}});
    EmbeddedEngine successor(cut, registry_, kOptions);
    ASSERT_TRUE(successor.try_own());
    EXPECT_EQ(successor.result(kJob, again), 3);
    successor.stop();
    EXPECT_EQ(cut.history(again.execution_id).size(), history.size());
  }
}

}  // namespace
}  // namespace wellhead::orchestration::testing
