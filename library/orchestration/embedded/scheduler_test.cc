#include "library/orchestration/embedded/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "library/orchestration/testing/memory_journal.h"

namespace wellhead::orchestration::embedded {
namespace {

using namespace std::chrono;
using meta::Time;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Time kNoon = sys_days(year(2024) / 2 / 29) + hours(12);

// Hourly, with the time of noon to come.
ScheduleRecord hourly(OverlapPolicy overlap, bool one_is_open = false) {
  ScheduleRecord record;
  record.schedule = {.id = "s", .spec = {.every = hours(1), .cron = {}}, .action = {}, .overlap = overlap};
  record.revision = 7;
  record.next_at = kNoon;
  if (one_is_open) record.recent.push_back({kNoon - hours(1), {}, "s/open", "1", WorkflowState::running});
  return record;
}

std::vector<std::string> started(const ScheduleStep& step) {
  std::vector<std::string> ids;
  ids.reserve(step.starts.size());
  for (const auto& start : step.starts) ids.push_back(start.workflow_id);
  return ids;
}

TEST(Decide, StartsTheTimeThatHasComeAndMovesOn) {
  const auto step = decide(hourly(OverlapPolicy::skip), kNoon + seconds(1));
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T12:00:00Z"));
  EXPECT_EQ(step.starts[0].scheduled_at, kNoon);
  EXPECT_EQ(step.next_at, kNoon + hours(1));
  EXPECT_EQ(step.revision, 7);
  EXPECT_FALSE(step.buffered_at);
  EXPECT_THAT(started(decide(hourly(OverlapPolicy::skip), kNoon - microseconds(1))), IsEmpty());
  EXPECT_THAT(started(decide(hourly(OverlapPolicy::skip), kNoon)), SizeIs(1));
}

TEST(Decide, SkipsWhileOneIsOpen) {
  const auto step = decide(hourly(OverlapPolicy::skip, true), kNoon);
  EXPECT_THAT(started(step), IsEmpty());
  EXPECT_EQ(step.skipped_overlap, 1);
  EXPECT_EQ(step.next_at, kNoon + hours(1));
}

TEST(Decide, BuffersOneWhileOneIsOpen) {
  auto record = hourly(OverlapPolicy::buffer_one, true);
  auto step = decide(record, kNoon);
  EXPECT_THAT(started(step), IsEmpty());
  EXPECT_EQ(step.buffered_at, kNoon);
  record.buffered_at = kNoon;
  record.next_at = kNoon + hours(1);
  step = decide(record, kNoon + hours(1));
  EXPECT_EQ(step.buffered_at, kNoon);
  EXPECT_EQ(step.skipped_overlap, 1);
  record.recent[0].state = WorkflowState::failed;
  step = decide(record, kNoon + minutes(1));
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T12:00:00Z"));
  EXPECT_FALSE(step.buffered_at);
  EXPECT_EQ(step.next_at, kNoon + hours(1));
}

TEST(Decide, CancelsTheOtherAndStartsWhenItHasEnded) {
  auto record = hourly(OverlapPolicy::cancel_other, true);
  auto step = decide(record, kNoon);
  EXPECT_THAT(started(step), IsEmpty());
  EXPECT_THAT(step.cancels, ElementsAre("s/open"));
  EXPECT_EQ(step.buffered_at, kNoon);
  // It takes long to end: the latest time counts.
  record.buffered_at = kNoon;
  record.next_at = kNoon + hours(1);
  step = decide(record, kNoon + hours(1));
  EXPECT_EQ(step.buffered_at, kNoon + hours(1));
  EXPECT_EQ(step.skipped_overlap, 1);
  record.recent[0].state = WorkflowState::cancelled;
  record.buffered_at = kNoon + hours(1);
  EXPECT_THAT(started(decide(record, kNoon + minutes(61))), ElementsAre("s/2024-02-29T13:00:00Z"));
}

TEST(Decide, MakesUpForMissedTimesByThePolicy) {
  const auto after = kNoon + hours(5) + minutes(1);
  auto record = hourly(OverlapPolicy::allow_all);
  // Without a window, the last one.
  auto step = decide(record, after);
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T17:00:00Z"));
  EXPECT_EQ(step.missed_catchup, 5);
  EXPECT_EQ(step.next_at, kNoon + hours(6));

  record.schedule.catchup_window = hours(3);
  step = decide(record, after);
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T15:00:00Z", "s/2024-02-29T16:00:00Z", "s/2024-02-29T17:00:00Z"));
  EXPECT_EQ(step.missed_catchup, 3);

  record.schedule.overlap = OverlapPolicy::skip;
  step = decide(record, after);
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T15:00:00Z"));
  EXPECT_EQ(step.skipped_overlap, 2);

  record.schedule.overlap = OverlapPolicy::buffer_one;
  step = decide(record, after);
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T15:00:00Z"));
  EXPECT_EQ(step.buffered_at, kNoon + hours(4));
  EXPECT_EQ(step.skipped_overlap, 1);

  record.schedule.overlap = OverlapPolicy::cancel_other;
  step = decide(record, after);
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T17:00:00Z"));
  EXPECT_THAT(step.cancels, IsEmpty());
  EXPECT_EQ(step.skipped_overlap, 2);

  record.schedule.catchup_window = milliseconds(0);
  step = decide(record, after);
  EXPECT_THAT(started(step), IsEmpty());
  EXPECT_EQ(step.missed_catchup, 6);
}

TEST(Decide, EveryTimeIsStartedSkippedOrMissedOnce) {
  for (const auto overlap :
       {OverlapPolicy::skip, OverlapPolicy::buffer_one, OverlapPolicy::cancel_other, OverlapPolicy::allow_all}) {
    auto record = hourly(overlap);
    record.schedule.spec.every = seconds(1);
    record.schedule.catchup_window = hours(1);
    const auto now = kNoon + hours(2);
    std::int64_t dealt_with = 0;
    while (*record.next_at <= now) {
      const auto step = decide(record, now);
      ASSERT_GT(step.next_at, record.next_at);
      dealt_with += step.skipped_overlap + step.missed_catchup + static_cast<std::int64_t>(step.starts.size());
      dealt_with += (step.buffered_at ? 1 : 0) - (record.buffered_at ? 1 : 0);
      record.next_at = step.next_at;
      record.buffered_at = step.buffered_at;
      for (const auto& start : step.starts) {
        record.recent.push_back({start.scheduled_at, now, start.workflow_id, "1", WorkflowState::queued});
      }
    }
    EXPECT_EQ(dealt_with, 7201) << to_string(overlap);
  }
}

TEST(Decide, TriggersAreTimesOfTheMoment) {
  auto record = hourly(OverlapPolicy::allow_all);
  record.schedule.paused = true;
  record.next_at.reset();
  record.triggers = 2;
  const auto step = decide(record, kNoon + milliseconds(1));
  EXPECT_THAT(started(step), ElementsAre("s/2024-02-29T12:00:00.001000Z", "s/2024-02-29T12:00:00.001001Z"));
  EXPECT_EQ(step.triggers, 2);
  EXPECT_FALSE(step.next_at);
  record.schedule.overlap = OverlapPolicy::skip;
  EXPECT_EQ(decide(record, kNoon).skipped_overlap, 1);
}

TEST(Decide, PausesWhatSomebodyHasSpoiled) {
  auto record = hourly(OverlapPolicy::skip);
  record.schedule.spec = {.every = {}, .cron = "61 * * * *"};
  const auto step = decide(record, kNoon);
  ASSERT_TRUE(step.pause);
  EXPECT_THAT(*step.pause, ::testing::HasSubstr("61"));
  EXPECT_FALSE(step.next_at);
}

}  // namespace
}  // namespace wellhead::orchestration::embedded
