// Schedules: their times, overlap, catching up, pausing and triggering. Times are waited for, never counted on: on a
// busy machine they come late, but none twice.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>
#include <thread>

#include "library/orchestration/schedule.h"
#include "library/orchestration/testing/conformance.h"

namespace wellhead::orchestration::testing {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::SizeIs;

const WorkflowName<int, int> kJob{"job"};
const char* const kGo = "go";

// Ends when it is told to.
Workflow<int> wait_for_go(WorkflowContext& flow, int input) {
  Signals<int> go = flow.signals<int>(kGo);
  co_await go.next();
  co_return input;
}

Workflow<int> pass(WorkflowContext& /*flow*/, int input) { co_return input; }

meta::Time now() { return meta::SystemClock().now(); }

template <class Condition>
void wait_until(Condition condition) {
  while (!condition()) std::this_thread::sleep_for(milliseconds(2));
}

meta::ErrorCode code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const meta::Error& error) {
    return error.code();
  }
  return meta::ErrorCode::internal;
}

ScheduleDescription look(Engine& engine) { return engine.describe_schedule("often").value(); }

std::int64_t count(const ScheduleDescription& schedule, WorkflowState state) {
  return std::ranges::count(schedule.recent, state, &StartedAction::state);
}

void go(Engine& engine, const StartedAction& action) { engine.signal(action.execution_id, kGo, 1); }

// Of a schedule with an interval: all its times up to the next were started, skipped, missed, or wait; each once.
void expect_complete(const ScheduleDescription& schedule, meta::Time first) {
  ASSERT_TRUE(schedule.next_at);
  EXPECT_EQ(schedule.actions + schedule.skipped_overlap + schedule.missed_catchup + (schedule.buffered_at ? 1 : 0),
            (*schedule.next_at - first) / *schedule.schedule.spec.every);
  std::set<std::string> ids;
  for (const auto& action : schedule.recent) {
    EXPECT_EQ(action.scheduled_at.time_since_epoch() % *schedule.schedule.spec.every, milliseconds(0));
    EXPECT_GE(action.started_at, action.scheduled_at);
    EXPECT_TRUE(ids.insert(action.workflow_id).second);
  }
}

}  // namespace

Schedule EngineSchedules::often(OverlapPolicy overlap, milliseconds interval) const {
  return {.id = "often",
          .spec = {.every = std::max(interval, home_->shortest_interval()), .cron = {}},
          .action = {.workflow_type = kJob.name, .input = "5"},
          .overlap = overlap};
}

Schedule EngineSchedules::seldom(OverlapPolicy overlap) const {
  auto schedule = often(overlap);
  schedule.spec = {.every = {}, .cron = "0 0 29 2 */7"};
  return schedule;
}

// Before an engine runs, so that the first time is known.
meta::Time EngineSchedules::create(const Schedule& schedule) {
  std::optional<meta::Time> first;
  start_without_running([&](Engine& client) {
    client.create_schedule(schedule);
    first = client.describe_schedule(schedule.id).value().next_at;
  });
  return first.value();
}

TEST_P(EngineSchedules, FiresAtItsIntervals) {
  registry_->add_workflow(kJob, pass);
  const auto first = create(often(OverlapPolicy::allow_all));
  wait_until([&] { return look(engine()).actions >= 4; });
  const auto told = look(engine());
  expect_complete(told, first);
  EXPECT_EQ(told.recent.at(0).workflow_id.rfind(home_->action_prefix("often") + "20", 0), 0U);
  EXPECT_EQ(engine().wait(told.recent.at(0).execution_id).result, "5");
  EXPECT_EQ(engine().describe(told.recent.at(0).execution_id)->workflow_type, kJob.name);
}

TEST_P(EngineSchedules, KeepsTheLatestActionsInMind) {
  registry_->add_workflow(kJob, pass);
  engine().create_schedule(often(OverlapPolicy::allow_all, milliseconds(5)));
  wait_until([&] { return look(engine()).actions >= 4 * kRecentActions; });
  engine().pause_schedule("often", "");
  wait_until([&] {
    const auto told = look(engine());
    return count(told, WorkflowState::completed) == static_cast<std::int64_t>(told.recent.size());
  });
  // Those that were open when the last one started are still there.
  EXPECT_GE(look(engine()).recent.size(), static_cast<std::size_t>(kRecentActions));
  engine().trigger_schedule("often");
  wait_until([&] { return look(engine()).recent.size() == static_cast<std::size_t>(kRecentActions); });
}

TEST_P(EngineSchedules, SkipsTimesWhileAnActionIsOpen) {
  registry_->add_workflow(kJob, wait_for_go);
  const auto first = create(often(OverlapPolicy::skip));
  wait_until([&] { return look(engine()).skipped_overlap >= 3; });
  const auto told = look(engine());
  EXPECT_EQ(told.actions, 1);
  EXPECT_FALSE(told.buffered_at);
  go(engine(), told.recent.at(0));
  wait_until([&] { return look(engine()).actions == 2; });
  expect_complete(look(engine()), first);
}

TEST_P(EngineSchedules, BuffersOneTime) {
  registry_->add_workflow(kJob, wait_for_go);
  const auto first = create(often(OverlapPolicy::buffer_one));
  wait_until([&] { return look(engine()).skipped_overlap >= 2; });
  const auto told = look(engine());
  ASSERT_EQ(told.actions, 1);
  ASSERT_TRUE(told.buffered_at);
  EXPECT_GT(*told.buffered_at, told.recent.at(0).scheduled_at);
  go(engine(), told.recent.at(0));
  wait_until([&] { return look(engine()).actions == 2; });
  EXPECT_EQ(look(engine()).recent.at(1).scheduled_at, told.buffered_at);
  expect_complete(look(engine()), first);
}

TEST_P(EngineSchedules, CancelsTheOther) {
  registry_->add_workflow(kJob, wait_for_go);
  engine().create_schedule(seldom(OverlapPolicy::cancel_other));
  engine().trigger_schedule("often");
  wait_until([&] { return look(engine()).actions == 1; });
  wait_until_running(look(engine()).recent.at(0).execution_id);
  wait_until([&] { return now() > look(engine()).recent.at(0).scheduled_at + home_->shortest_interval(); });
  engine().trigger_schedule("often");
  wait_until([&] { return look(engine()).actions == 2; });
  const auto told = look(engine());
  EXPECT_EQ(told.recent.at(0).state, WorkflowState::cancelled);
  EXPECT_FALSE(told.buffered_at);
  go(engine(), told.recent.at(1));
  EXPECT_EQ(engine().wait(told.recent.at(1).execution_id).state, WorkflowState::completed);
}

TEST_P(EngineSchedules, AllowsAll) {
  registry_->add_workflow(kJob, wait_for_go);
  const auto first = create(often(OverlapPolicy::allow_all));
  wait_until([&] { return count(look(engine()), WorkflowState::running) >= 3; });
  engine().pause_schedule("often", "");
  engine().unpause_schedule("often", "");
  EXPECT_EQ(look(engine()).skipped_overlap, 0);
  EXPECT_GT(look(engine()).next_at, first);
}

TEST_P(EngineSchedules, MakesUpForTimesWithinTheWindow) {
  registry_->add_workflow(kJob, pass);
  const auto schedule = often(OverlapPolicy::allow_all, milliseconds(20));
  const auto five_times = 5 * *schedule.spec.every;
  const auto first = create(schedule);
  wait_until([&] { return now() > first + five_times; });
  wait_until([&] { return look(engine()).actions >= 6; });
  stop();
  const auto next = [&] {
    std::optional<meta::Time> at;
    start_without_running([&](Engine& client) { at = look(client).next_at; });
    return *at;
  };
  const auto stopped = next();
  wait_until([&] { return now() > stopped + five_times; });
  wait_until([&] { return look(engine()).next_at > stopped + five_times; });
  const auto told = look(engine());
  EXPECT_EQ(told.missed_catchup, 0);
  expect_complete(told, first);
}

TEST_P(EngineSchedules, MissesTimesOutsideTheWindow) {
  registry_->add_workflow(kJob, pass);
  auto schedule = often(OverlapPolicy::allow_all, milliseconds(20));
  const auto interval = *schedule.spec.every;
  const auto window = std::max(2 * interval, home_->shortest_catchup_window());
  schedule.catchup_window = window;
  const auto first = create(schedule);
  home_->without_schedules([&] {
    const auto from = std::max(first, now());
    wait_until([&] { return now() > from + window + 8 * interval; });
  });
  const auto times = (window + 8 * interval) / interval;
  wait_until([&] { return look(engine()).missed_catchup + look(engine()).actions >= times; });
  const auto told = look(engine());
  EXPECT_GE(told.missed_catchup, 8);
  expect_complete(told, first);
}

TEST_P(EngineSchedules, DoesNotMakeUpForTimesOfAPause) {
  registry_->add_workflow(kJob, pass);
  engine().create_schedule(often(OverlapPolicy::allow_all));
  wait_until([&] { return look(engine()).actions >= 1; });
  engine().pause_schedule("often", "the server is being moved");
  engine().pause_schedule("often", "");
  const auto paused = look(engine());
  EXPECT_TRUE(paused.schedule.paused);
  EXPECT_EQ(paused.schedule.note, "the server is being moved");
  EXPECT_FALSE(paused.next_at);
  const auto until = now() + 5 * *paused.schedule.spec.every;
  wait_until([&] { return now() > until; });
  EXPECT_EQ(look(engine()).actions, paused.actions);
  engine().trigger_schedule("often");
  wait_until([&] { return look(engine()).actions == paused.actions + 1; });
  engine().unpause_schedule("often", "moved");
  const auto unpaused = look(engine());
  EXPECT_EQ(unpaused.schedule.note, "moved");
  wait_until([&] { return look(engine()).actions >= paused.actions + 2; });
  for (const auto& action : look(engine()).recent) {
    const auto at = action.scheduled_at;
    EXPECT_TRUE(at <= paused.recent.back().scheduled_at || at >= until) << action.workflow_id;
  }
  EXPECT_EQ(look(engine()).missed_catchup, 0);
}

TEST_P(EngineSchedules, DeletedItFiresNoMoreAndLeavesWhatItStarted) {
  registry_->add_workflow(kJob, wait_for_go);
  engine().create_schedule(often(OverlapPolicy::allow_all));
  wait_until([&] { return look(engine()).actions >= 1; });
  const auto action = look(engine()).recent.at(0);
  engine().delete_schedule("often");
  EXPECT_FALSE(engine().describe_schedule("often"));
  EXPECT_THAT(engine().list_schedules(), SizeIs(0));
  go(engine(), action);
  EXPECT_EQ(engine().wait(action.execution_id).state, WorkflowState::completed);
  engine().create_schedule(seldom(OverlapPolicy::skip));
  EXPECT_EQ(look(engine()).actions, 0);
}

TEST_P(EngineSchedules, AreListedById) {
  auto schedule = seldom(OverlapPolicy::buffer_one);
  schedule.catchup_window = hours(2);
  schedule.paused = true;
  schedule.note = "not yet";
  engine().create_schedule(schedule);
  auto other = seldom(OverlapPolicy::skip);
  other.id = "a";
  engine().create_schedule(other);
  const auto list = engine().list_schedules();
  ASSERT_THAT(list, SizeIs(2));
  EXPECT_EQ(list[0].schedule.id, "a");
  EXPECT_GT(list[0].next_at, now());
  EXPECT_EQ(list[1].schedule.spec.cron, schedule.spec.cron);
  EXPECT_FALSE(list[1].schedule.spec.every);
  EXPECT_EQ(list[1].schedule.overlap, OverlapPolicy::buffer_one);
  EXPECT_EQ(list[1].schedule.catchup_window, hours(2));
  EXPECT_EQ(list[1].schedule.note, "not yet");
  EXPECT_EQ(list[1].schedule.action.workflow_type, kJob.name);
  EXPECT_EQ(list[1].schedule.action.input, "5");
  EXPECT_FALSE(list[1].next_at);
}

TEST_P(EngineSchedules, RefusesWhatCannotBe) {
  const auto schedule = seldom(OverlapPolicy::skip);
  engine().create_schedule(schedule);
  EXPECT_EQ(code_of([&] { engine().create_schedule(schedule); }), meta::ErrorCode::conflict);
  auto bad = schedule;
  bad.id = "bad";
  bad.spec.cron = "0 0 30 2 *";
  EXPECT_EQ(code_of([&] { engine().create_schedule(bad); }), meta::ErrorCode::invalid_input);
  EXPECT_EQ(code_of([&] { engine().delete_schedule("other"); }), meta::ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { engine().pause_schedule("other", ""); }), meta::ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { engine().unpause_schedule("other", ""); }), meta::ErrorCode::not_found);
  EXPECT_EQ(code_of([&] { engine().trigger_schedule("other"); }), meta::ErrorCode::not_found);
  EXPECT_FALSE(engine().describe_schedule("other"));
  EXPECT_THAT(engine().list_schedules(), SizeIs(1));
}

}  // namespace wellhead::orchestration::testing
