#include "service/zipcode/load_plan.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <utility>

namespace wellhead::zipcode {
namespace {

LoadZipcode request(LoadOptions options = {}) {
  return {meta::RunId{1}, meta::Zipcode::parse("02139"), std::move(options), {}};
}

ExtractedPatients page(const ExtractPatients& step, std::int64_t patients, std::optional<std::string> next = {}) {
  return {step.batch, patients, patients, 1, std::move(next)};
}

ExtractedResources answered(const ExtractObservations& step, double seconds, std::int64_t bytes = 1000) {
  return {step.batch, step.count, step.count * 40, bytes, seconds, step.negotiate ? 200 : step.per_search, true};
}

TEST(LoadPlan, EmptyZipcodeLoadsItsEmptyBatchAndEnds) {
  LoadPlan plan(request());
  const auto first = plan.next_page();
  ASSERT_TRUE(first);
  EXPECT_FALSE(plan.next_page()) << "pages come one after another";
  EXPECT_FALSE(plan.finished());
  plan.take(page(*first, 0));
  EXPECT_FALSE(plan.next_extraction());
  const auto load = plan.next_load();
  ASSERT_TRUE(load);
  plan.take(LoadedGroup{});
  EXPECT_TRUE(plan.finished());
}

TEST(LoadPlan, BatchesStartAtFivePatientsAndGrowUntilASecond) {
  LoadPlan plan(request());
  plan.take(page(*plan.next_page(), 9000));
  std::int64_t size = 0;
  std::int64_t steps = 0;
  std::int64_t covered = 0;
  while (auto step = plan.next_extraction()) {
    EXPECT_EQ(step->first, covered);
    covered += step->count;
    if (steps == 0) {
      EXPECT_EQ(step->count, 5);
    }
    size = std::max(size, step->count);
    ++steps;
    // 400 patients a second.
    plan.take(answered(*step, static_cast<double>(step->count) / 400));
  }
  EXPECT_EQ(covered, 9000);
  EXPECT_EQ(size, 400);
  EXPECT_LE(steps, 30);
}

TEST(LoadPlan, BatchesStayBelowTheBytesOfOneStep) {
  LoadOptions options;
  options.batch_bytes = 1'000'000;
  LoadPlan plan(request(options));
  plan.take(page(*plan.next_page(), 1000));
  while (auto step = plan.next_extraction()) {
    EXPECT_LE(step->count, 100);
    plan.take(answered(*step, 0.001, step->count * 10'000));
  }
}

TEST(LoadPlan, NeverRunsMoreExtractionStepsThanAllowed) {
  LoadOptions options;
  options.concurrency = 3;
  options.observations = "per-patient";
  LoadPlan plan(request(options));
  plan.take(page(*plan.next_page(), 100, "next"));
  EXPECT_TRUE(plan.next_page());
  EXPECT_TRUE(plan.next_extraction());
  EXPECT_TRUE(plan.next_extraction());
  EXPECT_FALSE(plan.next_extraction());
}

TEST(LoadPlan, NegotiatesWithOneBatchBeforeUsingLists) {
  LoadPlan plan(request());
  plan.take(page(*plan.next_page(), 1000));
  auto first = plan.next_extraction();
  ASSERT_TRUE(first);
  EXPECT_TRUE(first->negotiate);
  EXPECT_FALSE(plan.next_extraction()) << "others wait for its answer";
  auto undecided = answered(*first, 0.1);
  undecided.negotiated = false;
  plan.take(undecided);
  auto second = plan.next_extraction();
  ASSERT_TRUE(second);
  EXPECT_TRUE(second->negotiate);
  plan.take(answered(*second, 0.1));
  auto third = plan.next_extraction();
  ASSERT_TRUE(third);
  EXPECT_FALSE(third->negotiate);
  EXPECT_EQ(third->per_search, 200);
  auto refused = answered(*third, 0.1);
  refused.per_search = 1;
  plan.take(refused);
  const auto fourth = plan.next_extraction();
  ASSERT_TRUE(fourth);
  EXPECT_EQ(fourth->per_search, 1);
}

TEST(LoadPlan, LoadsGroupsWhileExtractionGoesOn) {
  LoadOptions options;
  options.rows_per_load = 1000;
  options.observations = "batched";
  LoadPlan plan(request(options));
  plan.take(page(*plan.next_page(), 1000, "next"));
  const auto load = plan.next_load();
  ASSERT_TRUE(load) << "1,000 staged patients are worth a load";
  EXPECT_EQ(load->batches, std::vector<meta::BatchId>{{1}});
  plan.take(answered(*plan.next_extraction(), 0.1));
  EXPECT_FALSE(plan.next_load()) << "200 rows are not";
}

TEST(LoadPlan, RepeatedSearchStartsOverWithTheNextOrdinal) {
  LoadPlan plan(request());
  plan.take(page(*plan.next_page(), 0));
  plan.next_load();
  plan.take(LoadedGroup{});
  ASSERT_TRUE(plan.finished());
  plan.repeat_search();
  EXPECT_FALSE(plan.finished());
  const auto again = plan.next_page();
  ASSERT_TRUE(again);
  EXPECT_EQ(again->sweep, 2);
  EXPECT_EQ(again->batch.value, 2);
  EXPECT_FALSE(again->cursor);
}

TEST(LoadPlan, AnotherPlanGoesOnWhereAPausedOneHasLeftOff) {
  LoadPlan first(request());
  first.take(LoadBegun{120});
  const auto first_page = first.next_page();
  first.take(page(*first_page, 60, "next"));
  const auto second_page = first.next_page();
  const auto batch = first.next_extraction();
  ASSERT_TRUE(second_page && batch);
  first.pause();
  EXPECT_FALSE(first.next_extraction() || first.next_load() || first.next_page());
  EXPECT_FALSE(first.idle());
  first.take(answered(*batch, 0.1));
  first.take(page(*second_page, 60));
  ASSERT_TRUE(first.idle());
  EXPECT_FALSE(first.finished());

  auto resumed = request();
  resumed.position = meta::from_json<LoadPosition>(meta::to_json(first.position()));
  LoadPlan second(resumed);
  EXPECT_EQ(second.counts().patients_expected, 120);
  EXPECT_EQ(second.counts().patients_staged, 120);
  EXPECT_FALSE(second.next_page()) << "the search was exhausted";
  std::int64_t covered = batch->count;
  std::int64_t last_batch = std::max(batch->batch.value, second_page->batch.value);
  while (auto step = second.next_extraction()) {
    EXPECT_EQ(step->first, covered);
    EXPECT_GT(step->batch.value, last_batch) << "batch numbers go on";
    EXPECT_FALSE(step->negotiate) << "what was found out about the server stays known";
    covered += step->count;
    last_batch = step->batch.value;
    second.take(answered(*step, 0.1));
  }
  EXPECT_EQ(covered, 120);
  const auto load = second.next_load();
  ASSERT_TRUE(load);
  EXPECT_EQ(load->batches.front(), first_page->batch) << "what the first plan staged is loaded by the second";
  second.take(LoadedGroup{});
  EXPECT_TRUE(second.finished());
}

LoadOptions of_types(const std::vector<std::string>& types) {
  LoadOptions options;
  options.tables.emplace();
  for (const auto& type : types) options.tables->push_back({type, type, {}});
  return options;
}

TEST(LoadPlan, ResourceTypesTakeTurnsAndEachCoversAllPatients) {
  auto options = of_types({"Patient", "Observation", "Condition", "Condition"});
  options.concurrency = 4;
  LoadPlan plan(request(options));
  plan.take(page(*plan.next_page(), 300));
  std::map<std::string, std::int64_t> covered;
  std::vector<ExtractResources> running;
  while (!plan.finished()) {
    while (auto step = plan.next_extraction()) {
      EXPECT_EQ(step->first, covered[step->type]) << step->type;
      covered[step->type] += step->count;
      running.push_back(*step);
    }
    EXPECT_LE(running.size(), 4U);
    if (!running.empty()) {
      plan.take(answered(running.front(), 0.1), running.front().type);
      running.erase(running.begin());
    }
    while (plan.next_load()) plan.take(LoadedGroup{});
    EXPECT_LE(std::abs(covered["Observation"] - covered["Condition"]), 200) << "neither is left behind";
  }
  EXPECT_EQ(covered, (std::map<std::string, std::int64_t>{{"Condition", 300}, {"Observation", 300}}));
  EXPECT_EQ(plan.counts().patients_covered, 300);
}

TEST(LoadPlan, PatientsAloneAreALoad) {
  LoadPlan plan(request(of_types({"Patient"})));
  plan.take(page(*plan.next_page(), 300));
  EXPECT_FALSE(plan.next_extraction());
  ASSERT_TRUE(plan.next_load());
  plan.take(LoadedGroup{});
  EXPECT_TRUE(plan.finished());
  EXPECT_EQ(plan.counts().patients_covered, 300);
}

TEST(LoadPlan, APositionKeepsWhereEachTypeIs) {
  const auto options = of_types({"Patient", "Observation", "Condition"});
  LoadPlan first(request(options));
  first.take(page(*first.next_page(), 20));
  for (int i = 0; i < 2; ++i) {
    const auto step = first.next_extraction();
    ASSERT_TRUE(step);
    first.take(answered(*step, 0.1), step->type);
  }
  first.pause();
  auto resumed = request(options);
  resumed.position = meta::from_json<LoadPosition>(meta::to_json(first.position()));
  LoadPlan second(resumed);
  std::map<std::string, std::int64_t> begun;
  while (auto step = second.next_extraction()) {
    if (!begun.contains(step->type)) {
      EXPECT_EQ(step->first, 5) << step->type;
      EXPECT_FALSE(step->negotiate) << step->type;
    }
    begun[step->type] += step->count;
    second.take(answered(*step, 0.1), step->type);
  }
  EXPECT_EQ(begun, (std::map<std::string, std::int64_t>{{"Condition", 15}, {"Observation", 15}}));
}

}  // namespace
}  // namespace wellhead::zipcode
