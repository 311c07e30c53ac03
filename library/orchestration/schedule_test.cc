#include "library/orchestration/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::orchestration {
namespace {

using namespace std::chrono;
using meta::Time;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Time at(int year, unsigned month, unsigned day, int hour = 0, int minute = 0, int second = 0) {
  return sys_days(std::chrono::year(year) / month / day) + hours(hour) + minutes(minute) + seconds(second);
}

std::string minute_of(Time time) { return meta::to_rfc3339(time).substr(0, 16); }

// The next `count` times after the first moment of 2024, a leap year that began on a Monday.
std::vector<std::string> times(std::string_view line, int count, Time after = at(2024, 1, 1) - microseconds(1)) {
  const auto cron = CronLine::parse(line);
  std::vector<std::string> found;
  for (int i = 0; i < count; ++i) {
    after = cron.next_after(after);
    found.push_back(minute_of(after));
  }
  return found;
}

std::string refusal(std::string_view line) {
  try {
    CronLine::parse(line);
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_input);
    return error.message();
  }
  return "accepted";
}

TEST(CronLine, MinutesAndHours) {
  EXPECT_THAT(times("* * * * *", 2), ElementsAre("2024-01-01T00:00", "2024-01-01T00:01"));
  EXPECT_THAT(times("0 3 * * *", 2), ElementsAre("2024-01-01T03:00", "2024-01-02T03:00"));
  EXPECT_THAT(times("59 23 31 12 *", 2), ElementsAre("2024-12-31T23:59", "2025-12-31T23:59"));
  EXPECT_THAT(times("*/15 8-9 * * *", 9), ElementsAre("2024-01-01T08:00", "2024-01-01T08:15", "2024-01-01T08:30",
                                                      "2024-01-01T08:45", "2024-01-01T09:00", "2024-01-01T09:15",
                                                      "2024-01-01T09:30", "2024-01-01T09:45", "2024-01-02T08:00"));
  EXPECT_THAT(times("5,10-30/10,50 0 * * *", 5), ElementsAre("2024-01-01T00:05", "2024-01-01T00:10", "2024-01-01T00:20",
                                                             "2024-01-01T00:30", "2024-01-01T00:50"));
  EXPECT_THAT(times("  0\t12  * * *  ", 1), ElementsAre("2024-01-01T12:00"));
  EXPECT_THAT(times("0 */100 * * *", 2), ElementsAre("2024-01-01T00:00", "2024-01-02T00:00"));
}

TEST(CronLine, IsStrictlyLater) {
  const auto cron = CronLine::parse("0 3 * * *");
  EXPECT_EQ(cron.next_after(at(2024, 1, 1, 2, 59, 59)), at(2024, 1, 1, 3));
  EXPECT_EQ(cron.next_after(at(2024, 1, 1, 3) - microseconds(1)), at(2024, 1, 1, 3));
  EXPECT_EQ(cron.next_after(at(2024, 1, 1, 3)), at(2024, 1, 2, 3));
  EXPECT_EQ(cron.next_after(at(2024, 1, 1, 3, 0, 1)), at(2024, 1, 2, 3));
  EXPECT_EQ(CronLine::parse("30 0 * * *").next_after(at(1969, 12, 31, 12)), at(1970, 1, 1, 0, 30));
}

TEST(CronLine, Names) {
  EXPECT_THAT(times("0 0 1 feb,DEC *", 2), ElementsAre("2024-02-01T00:00", "2024-12-01T00:00"));
  EXPECT_THAT(times("0 0 * * Mon-wed", 4),
              ElementsAre("2024-01-01T00:00", "2024-01-02T00:00", "2024-01-03T00:00", "2024-01-08T00:00"));
  EXPECT_THAT(times("0 0 1 jan-mar/2 *", 3), ElementsAre("2024-01-01T00:00", "2024-03-01T00:00", "2025-01-01T00:00"));
}

TEST(CronLine, SundayIsZeroAndSeven) {
  for (const auto* line : {"0 0 * * 0", "0 0 * * 7", "0 0 * * sun", "0 0 * * SUN"}) {
    EXPECT_THAT(times(line, 2), ElementsAre("2024-01-07T00:00", "2024-01-14T00:00")) << line;
  }
  for (const auto* line : {"0 0 * * 5-7", "0 0 * * fri-sun"}) {
    EXPECT_THAT(times(line, 4),
                ElementsAre("2024-01-05T00:00", "2024-01-06T00:00", "2024-01-07T00:00", "2024-01-12T00:00"))
        << line;
  }
  EXPECT_THAT(times("0 0 * * */2", 5), ElementsAre("2024-01-02T00:00", "2024-01-04T00:00", "2024-01-06T00:00",
                                                   "2024-01-07T00:00", "2024-01-09T00:00"));
}

TEST(CronLine, EitherDayWhenBothAreRestricted) {
  EXPECT_THAT(times("0 0 13 * 5", 4),
              ElementsAre("2024-01-05T00:00", "2024-01-12T00:00", "2024-01-13T00:00", "2024-01-19T00:00"));
  // One that begins with * restricts, and does not widen.
  EXPECT_THAT(times("0 0 */2 * 5", 2), ElementsAre("2024-01-05T00:00", "2024-01-19T00:00"));
  EXPECT_THAT(times("0 0 1 * *", 2), ElementsAre("2024-01-01T00:00", "2024-02-01T00:00"));
}

TEST(CronLine, MonthEndsAndLeapYears) {
  EXPECT_THAT(times("0 0 31 * *", 4),
              ElementsAre("2024-01-31T00:00", "2024-03-31T00:00", "2024-05-31T00:00", "2024-07-31T00:00"));
  EXPECT_THAT(times("0 0 30 * *", 2), ElementsAre("2024-01-30T00:00", "2024-03-30T00:00"));
  EXPECT_THAT(times("0 12 29 2 *", 2), ElementsAre("2024-02-29T12:00", "2028-02-29T12:00"));
  EXPECT_THAT(times("0 12 29 2 *", 1, at(2096, 3, 1)), ElementsAre("2104-02-29T12:00"));  // 2100 is none
  EXPECT_THAT(times("59 23 28 2 *", 2, at(2023, 2, 28, 23, 59)), ElementsAre("2024-02-28T23:59", "2025-02-28T23:59"));
  EXPECT_THAT(times("0 0 29 2 */7", 2), ElementsAre("2032-02-29T00:00", "2060-02-29T00:00"));  // a Sunday
  // The 30th never comes, the Mondays do.
  EXPECT_THAT(times("0 0 30 2 mon", 2), ElementsAre("2024-02-05T00:00", "2024-02-12T00:00"));
}

TEST(CronLine, Macros) {
  EXPECT_THAT(times("@hourly", 2), ElementsAre("2024-01-01T00:00", "2024-01-01T01:00"));
  EXPECT_THAT(times("@daily", 2), ElementsAre("2024-01-01T00:00", "2024-01-02T00:00"));
  EXPECT_EQ(times("@midnight", 3), times("@daily", 3));
  EXPECT_THAT(times("@weekly", 2), ElementsAre("2024-01-07T00:00", "2024-01-14T00:00"));
  EXPECT_THAT(times("@monthly", 2), ElementsAre("2024-01-01T00:00", "2024-02-01T00:00"));
  EXPECT_THAT(times("@yearly", 2), ElementsAre("2024-01-01T00:00", "2025-01-01T00:00"));
  EXPECT_EQ(times("@annually", 2), times("@yearly", 2));
}

TEST(CronLine, RefusalsNameTheFieldAndTheReason) {
  EXPECT_THAT(refusal(""), HasSubstr("it is empty"));
  EXPECT_THAT(refusal("0 3 * *"), HasSubstr("it has 4 fields, not 5"));
  EXPECT_THAT(refusal("0 0 3 * * *"), HasSubstr("it has 6 fields, not 5"));
  EXPECT_THAT(refusal("hourly"), HasSubstr("it has 1 fields, not 5"));
  EXPECT_THAT(refusal("60 * * * *"), HasSubstr("minute: 60 is not from 0 to 59"));
  EXPECT_THAT(refusal("* 24 * * *"), HasSubstr("hour: 24 is not from 0 to 23"));
  EXPECT_THAT(refusal("* * 0 * *"), HasSubstr("day of month: 0 is not from 1 to 31"));
  EXPECT_THAT(refusal("* * * 13 *"), HasSubstr("month: 13 is not from 1 to 12"));
  EXPECT_THAT(refusal("* * * * 8"), HasSubstr("day of week: 8 is not from 0 to 7"));
  EXPECT_THAT(refusal("* * * * someday"), HasSubstr("day of week: 'someday' is no number and no name"));
  EXPECT_THAT(refusal("x * * * *"), HasSubstr("minute: 'x' is no number"));
  EXPECT_THAT(refusal("-1 * * * *"), HasSubstr("minute: a value is missing"));
  EXPECT_THAT(refusal("1,,2 * * * *"), HasSubstr("minute: a value is missing"));
  EXPECT_THAT(refusal("* 5-3 * * *"), HasSubstr("hour: the range 5-3 runs backwards"));
  EXPECT_THAT(refusal("*/0 * * * *"), HasSubstr("minute: the step of '*/0' is no number from 1 on"));
  EXPECT_THAT(refusal("*/ * * * *"), HasSubstr("minute: the step of '*/' is no number from 1 on"));
  EXPECT_THAT(refusal("5/15 * * * *"), HasSubstr("minute: the step of '5/15' needs a range or *"));
  EXPECT_THAT(refusal("99999999999 * * * *"), HasSubstr("minute"));
  EXPECT_THAT(refusal("@reboot"), HasSubstr("there is no '@reboot'"));
  EXPECT_THAT(refusal("CRON_TZ=Europe/Berlin 0 3 * * *"), HasSubstr("times are UTC"));
}

TEST(CronLine, RefusesDatesThatNeverCome) {
  EXPECT_THAT(refusal("0 0 30 2 *"), AllOf(HasSubstr("day of month"), HasSubstr("30")));
  EXPECT_THAT(refusal("0 0 31 4,6,9,11 *"), HasSubstr("day of month"));
  EXPECT_EQ(refusal("0 0 29 2 *"), "accepted");
  EXPECT_EQ(refusal("0 0 31 4,5 *"), "accepted");
}

TEST(ScheduleTimes, IntervalsAreMultiplesSince1970) {
  const ScheduleTimes hourly({.every = hours(1), .cron = {}});
  EXPECT_EQ(hourly.next_after(at(2024, 2, 29, 23, 30)), at(2024, 3, 1));
  EXPECT_EQ(hourly.next_after(at(2024, 2, 29, 23)), at(2024, 3, 1));
  EXPECT_EQ(hourly.next_after(at(1969, 12, 31, 22, 30)), at(1969, 12, 31, 23));
  EXPECT_EQ(hourly.count(at(2024, 1, 1), at(2024, 1, 2)), 24);
  EXPECT_EQ(hourly.count(at(2024, 1, 1, 0, 1), at(2024, 1, 1, 1)), 0);
  EXPECT_EQ(hourly.count(at(2024, 1, 1, 0, 1), at(2024, 1, 1, 1, 1)), 1);
  const ScheduleTimes nightly({.every = {}, .cron = "0 3 * * *"});
  EXPECT_EQ(nightly.count(at(2024, 1, 1, 3), at(2024, 1, 11, 3)), 10);
}

TEST(ScheduleTimes, WhatIsMadeUpFor) {
  const ScheduleTimes minutely({.every = minutes(1), .cron = {}});
  const ScheduleTimes hourly({.every = hours(1), .cron = {}});
  const ScheduleTimes nightly({.every = {}, .cron = "0 3 * * *"});
  const auto morning = at(2024, 1, 10, 8, 30);
  // By default ten minutes, and the last one however old.
  EXPECT_EQ(minutely.first_to_make_up(at(2024, 1, 9), morning, {}), at(2024, 1, 10, 8, 20));
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 9), morning, {}), at(2024, 1, 10, 8));
  EXPECT_EQ(nightly.first_to_make_up(at(2024, 1, 7, 3), morning, {}), at(2024, 1, 10, 3));
  // Nothing was missed.
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 10, 9), morning, {}), at(2024, 1, 10, 9));
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 10, 8), at(2024, 1, 10, 8), {}), at(2024, 1, 10, 8));
  // A window says it exactly.
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 9), morning, hours(3)), at(2024, 1, 10, 6));
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 9), morning, minutes(20)), at(2024, 1, 10, 9));
  EXPECT_EQ(hourly.first_to_make_up(at(2024, 1, 10, 8), at(2024, 1, 10, 8), milliseconds(0)), at(2024, 1, 10, 8));
}

TEST(Schedule, RefusesWhatCannotBeOne) {
  const auto refused = [](const Schedule& schedule) {
    try {
      require_valid(schedule);
    } catch (const meta::Error& error) {
      return error.code() == meta::ErrorCode::invalid_input;
    }
    return false;
  };
  const Schedule good{.id = "load-02139", .spec = {.every = hours(1), .cron = {}}, .action = {}};
  EXPECT_FALSE(refused(good));
  auto both = good;
  both.spec.cron = "@daily";
  auto neither = good;
  neither.spec.every.reset();
  auto never = good;
  never.spec.every = milliseconds(0);
  auto nameless = good;
  nameless.id.clear();
  auto spaced = good;
  spaced.id = "a b";
  auto negative = good;
  negative.catchup_window = milliseconds(-1);
  for (const auto& bad : {both, neither, never, nameless, spaced, negative}) EXPECT_TRUE(refused(bad));
  EXPECT_EQ(overlap_policy_from_string("buffer_one"), OverlapPolicy::buffer_one);
  EXPECT_THROW(overlap_policy_from_string("sometimes"), meta::Error);
}

}  // namespace
}  // namespace wellhead::orchestration
