#include "library/meta/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace wellhead::meta {
namespace {

using testing::HasSubstr;
using testing::Not;

TEST(Metrics, FamiliesWithoutLabelsAreThereFromTheStart) {
  const CounterFamily counter("test_empty_total", "Nothing yet.");
  EXPECT_THAT(metrics_text(), HasSubstr("# HELP test_empty_total Nothing yet.\n"
                                        "# TYPE test_empty_total counter\n"
                                        "test_empty_total 0\n"));
}

TEST(Metrics, SeriesAreToldApartByTheirLabels) {
  CounterFamily counter("test_things_total", "Things.", {"kind", "colour"});
  counter.add({"cup", "red"});
  counter.add({"cup", "blue"}, 2);
  counter.add({"cup", "red"});
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_things_total{colour="red",kind="cup"} 2)"));
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_things_total{colour="blue",kind="cup"} 2)"));
}

TEST(Metrics, AFamilyMadeTwiceIsTheSame) {
  CounterFamily("test_twice_total", "Twice.", {"kind"}).add({"a"});
  CounterFamily("test_twice_total", "Twice.", {"kind"}).add({"a"});
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_twice_total{kind="a"} 2)"));
}

TEST(Metrics, GaugesGoUpAndDown) {
  GaugeFamily gauge("test_depth", "Depth.", {"queue"});
  gauge.set({"q"}, 5);
  gauge.add({"q"}, -2);
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_depth{queue="q"} 3)"));
}

TEST(Metrics, ASeriesIsKeptBeyondItsFamily) {
  const Gauge kept = GaugeFamily("test_kept", "Kept.", {"queue"}).at({"q"});
  kept.add(3);
  kept.add(-1);
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_kept{queue="q"} 2)"));
}

TEST(Metrics, HistogramsCountByBucket) {
  HistogramFamily histogram("test_seconds", "Seconds.", {"step"}, {0.1, 1});
  for (const double seconds : {0.05, 0.5, 5.0}) histogram.observe({"s"}, seconds);
  const auto text = metrics_text();
  EXPECT_THAT(text, HasSubstr(R"(test_seconds_bucket{step="s",le="0.1"} 1)"));
  EXPECT_THAT(text, HasSubstr(R"(test_seconds_bucket{step="s",le="1"} 2)"));
  EXPECT_THAT(text, HasSubstr(R"(test_seconds_bucket{step="s",le="+Inf"} 3)"));
  EXPECT_THAT(text, HasSubstr(R"(test_seconds_count{step="s"} 3)"));
}

TEST(Metrics, ValuesCannotBreakOutOfTheirLabel) {
  CounterFamily counter("test_odd_total", "Odd.", {"kind"});
  counter.add({"a\"} 7\nfake 1"});
  EXPECT_THAT(metrics_text(), Not(HasSubstr("\nfake 1")));
}

TEST(Metrics, ThreadsLoseNoCounts) {
  CounterFamily counter("test_threads_total", "Threads.", {"kind"});
  {
    std::vector<std::jthread> threads;
    threads.reserve(4);
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&counter] {
        for (int n = 0; n < 1000; ++n) counter.add({n % 2 == 0 ? "even" : "odd"});
      });
    }
  }
  EXPECT_THAT(metrics_text(), HasSubstr(R"(test_threads_total{kind="even"} 2000)"));
}

}  // namespace
}  // namespace wellhead::meta
