// What the journal promises about schedules beside the engines' conformance: the fence, and that a step counts once.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/storage/postgres/journal.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"

namespace wellhead::storage {
namespace {

using namespace std::chrono;
using orchestration::ScheduleStep;
using ::testing::SizeIs;

const meta::Time kNoon = sys_days(year(2024) / 2 / 29) + hours(12);

class JournalSchedules : public ::testing::Test {
 protected:
  JournalSchedules() : connection_(database_.connect()), journal_(database_.url()) {
    migrate(connection_);
    journal_.create_schedule({.id = "s", .spec = {.every = hours(1), .cron = {}}, .action = {"job", "1"}}, kNoon);
  }
  orchestration::ScheduleRecord read() { return journal_.schedules("s").at(0); }
  ScheduleStep step() {
    ScheduleStep step;
    step.schedule_id = "s";
    step.revision = read().revision;
    step.next_at = kNoon + hours(1);
    step.starts = {{kNoon, "s/noon"}};
    return step;
  }
  std::int64_t workflows() { return connection_.query("SELECT count(*) FROM wellhead_journal.workflow").integer(0, 0); }

  fixture::TestDatabase database_;
  Connection connection_;
  PostgresJournal journal_;
};

TEST_F(JournalSchedules, AStepCountsOnce) {
  const auto epoch = journal_.acquire_lease("test", minutes(1)).value();
  ASSERT_THAT(journal_.due_schedules(kNoon).due, SizeIs(1));
  const auto first = step();
  EXPECT_TRUE(journal_.advance_schedule(epoch, first));
  // As after a commit whose answer was lost.
  EXPECT_FALSE(journal_.advance_schedule(epoch, first));
  EXPECT_EQ(workflows(), 1);
  EXPECT_EQ(read().actions, 1);
  EXPECT_EQ(read().next_at, kNoon + hours(1));
  const auto due = journal_.due_schedules(kNoon + minutes(1));
  EXPECT_THAT(due.due, SizeIs(0));
  EXPECT_EQ(due.next_at, kNoon + hours(1));
}

TEST_F(JournalSchedules, WhoLostTheLeaseFiresNothing) {
  const auto epoch = journal_.acquire_lease("test", minutes(1)).value();
  journal_.release_lease(epoch);
  PostgresJournal other(database_.url());
  ASSERT_TRUE(other.acquire_lease("successor", minutes(1)));
  try {
    journal_.advance_schedule(epoch, step());
    FAIL() << "an owner of the past has fired";
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::lease_lost);
  }
  EXPECT_EQ(workflows(), 0);
  EXPECT_EQ(read().next_at, kNoon);
}

TEST_F(JournalSchedules, AChangeInBetweenWins) {
  const auto epoch = journal_.acquire_lease("test", minutes(1)).value();
  const auto before = step();
  journal_.set_schedule_paused("s", true, "", {});
  EXPECT_FALSE(journal_.advance_schedule(epoch, before));
  EXPECT_EQ(workflows(), 0);
  journal_.set_schedule_paused("s", false, "", kNoon);
  const auto again = step();
  journal_.delete_schedule("s");
  journal_.create_schedule({.id = "s", .spec = {.every = hours(1), .cron = {}}, .action = {"job", "1"}}, kNoon);
  EXPECT_FALSE(journal_.advance_schedule(epoch, again));
  EXPECT_EQ(workflows(), 0);
  EXPECT_TRUE(journal_.advance_schedule(epoch, step()));
  EXPECT_EQ(workflows(), 1);
}

}  // namespace
}  // namespace wellhead::storage
