#include "app/wellhead/progress_display.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/wellhead/table.h"

namespace wellhead::app {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

zipcode::Progress progress_of(std::int64_t covered, std::optional<std::int64_t> expected) {
  zipcode::Progress progress;
  progress.run.zipcode = meta::Zipcode::parse("02139");
  progress.run.state = "running";
  progress.patient_pages = 12;
  progress.patients_expected = expected;
  progress.patients_staged = 1'204;
  progress.patients_covered = covered;
  progress.observations_staged = covered * 40;
  return progress;
}

TEST(Progress, TellsRateAndTimeLeft) {
  ProgressRate rate;
  const SteadyTime start{};
  rate.add(start, progress_of(0, 1'204));
  EXPECT_FALSE(rate.seconds_left());
  rate.add(start + std::chrono::seconds(2), progress_of(301, 1'204));
  EXPECT_DOUBLE_EQ(*rate.fraction(), 0.25);
  EXPECT_DOUBLE_EQ(rate.rows_per_second(), 301 * 40 / 2.0);
  EXPECT_DOUBLE_EQ(*rate.seconds_left(), 6.0);
}

TEST(Progress, GoesByTheLastSeconds) {
  ProgressRate rate;
  const SteadyTime start{};
  for (int second = 0; second <= 60; ++second) {
    rate.add(start + std::chrono::seconds(second), progress_of(second < 50 ? 0 : (second - 50) * 10, 1'000));
  }
  EXPECT_DOUBLE_EQ(rate.rows_per_second(), 400);
  EXPECT_DOUBLE_EQ(*rate.seconds_left(), 90);
}

TEST(Progress, FitsOnTwoLinesOfATerminal) {
  ProgressRate rate;
  const SteadyTime start{};
  rate.add(start, progress_of(0, 1'204));
  rate.add(start + std::chrono::seconds(2), progress_of(301, 1'204));
  EXPECT_EQ(progress_lines(progress_of(301, 1'204), rate, 100),
            "02139  [#####...............]  25%  0:06 left\x1b[K\n"
            "       12 pages  1,204/1,204 patients  12,040 observations  6,020 rows/s  0 retries\x1b[K\n");
  EXPECT_EQ(progress_lines(progress_of(301, 1'204), rate, 7), "02139  \x1b[K\n       \x1b[K\n");
}

TEST(Progress, CountsOtherResourcesToo) {
  ProgressRate rate;
  const SteadyTime start{};
  auto progress = progress_of(0, 1'204);
  progress.others_staged = 0;
  rate.add(start, progress);
  progress.others_staged = 1'500;
  rate.add(start + std::chrono::seconds(1), progress);
  EXPECT_DOUBLE_EQ(rate.rows_per_second(), 1'500);
  EXPECT_EQ(progress_words(progress, rate),
            "12 pages  1,204/1,204 patients  0 observations  1,500 other resources  1,500 rows/s  0 retries");
}

TEST(Progress, SaysWhatItDoesNotKnow) {
  ProgressRate rate;
  auto progress = progress_of(10, std::nullopt);
  rate.add({}, progress);
  EXPECT_THAT(progress_lines(progress, rate, 80), AllOf(HasSubstr("loading"), Not(HasSubstr("%"))));
  progress.run.state = "queued";
  EXPECT_EQ(progress_state(progress, rate), "waiting for its turn");
  progress.run.run = {7};
  progress.run.paused = true;
  EXPECT_EQ(progress_state(progress, rate), "paused; `wellhead runs resume 7` lets it go on");
}

TEST(Table, AlignsByCodePoints) {
  EXPECT_EQ(format_table({{"A", "N"}, {"é→", "1"}, {"xyz", "10"}}, {Align::left, Align::right}),
            "A     N\né→    1\nxyz  10\n");
}

TEST(Table, WritesNumbersForPeople) {
  EXPECT_EQ(with_thousands(0), "0");
  EXPECT_EQ(with_thousands(999), "999");
  EXPECT_EQ(with_thousands(1'000), "1,000");
  EXPECT_EQ(with_thousands(-1'234'567), "-1,234,567");
  EXPECT_EQ(clock_time(59.6), "1:00");
  EXPECT_EQ(clock_time(3'723), "1:02:03");
  EXPECT_EQ(bytes_text(1'023), "1023 B");
  EXPECT_EQ(bytes_text(1'536), "1.5 KiB");
}

}  // namespace
}  // namespace wellhead::app
