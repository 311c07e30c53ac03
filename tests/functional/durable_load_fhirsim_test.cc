// A load as a durable workflow: it continues as new, is paused, cancelled, retried from the failed step, and queues.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <thread>

#include "library/orchestration/testing/recorded_journal.h"
#include "service/zipcode/scheduled_load.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/thrown.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::error_of;
using fixture::FhirSim;
using meta::ErrorCode;

std::vector<std::string> generated(int patients, int observations) {
  return {"--generate", std::to_string(patients), "--observations", std::to_string(observations), "--zip", "02139"};
}

zipcode::LoadOptions small_steps() {
  zipcode::LoadOptions options;
  options.page_size = 20;
  options.batch_bytes = 20'000;
  options.rows_per_load = 200;
  return options;
}

// With WELLHEAD_RECORD_JOURNALS=service/zipcode/testdata the journals that service/zipcode's tests replay are made
// anew.
void record(const Warehouse& warehouse, const std::string& execution_id, const std::string& name) {
  const char* directory = std::getenv("WELLHEAD_RECORD_JOURNALS");
  if (directory == nullptr) return;
  storage::PostgresJournal journal(warehouse.database_url());
  orchestration::testing::write_journal(std::filesystem::path(directory) / (name + ".journal.ndjson"),
                                        *journal.find(execution_id), journal.history(execution_id));
}

class DurableLoad : public ::testing::Test {
 protected:
  DurableLoad() : server_(generated(80, 12)) {
    Pipeline pipeline(undisturbed_, server_.base_url());
    receipts_ = pipeline.load("02139", small_steps()).receipts;
    record(undisturbed_, *pipeline.engine().latest_execution("load-zipcode/02139/1"), "complete");
    server_.clear_log();
  }

  void expect_equal(const Pipeline::Loaded& loaded) {
    EXPECT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
    EXPECT_EQ(warehouse_.content(), undisturbed_.content());
    ASSERT_EQ(loaded.receipts.size(), receipts_.size());
    for (std::size_t i = 0; i < receipts_.size(); ++i) {
      EXPECT_EQ(loaded.receipts[i].digest, receipts_[i].digest);
      EXPECT_EQ(loaded.receipts[i].entries_received, receipts_[i].entries_received);
      EXPECT_EQ(loaded.receipts[i].inserted, receipts_[i].inserted);
    }
  }

  FhirSim server_;
  Warehouse undisturbed_;
  std::vector<zipcode::Receipt> receipts_;
  Warehouse warehouse_;
};

TEST_F(DurableLoad, PagesByContinueAsNewWithoutFetchingAnythingTwice) {
  auto options = small_steps();
  options.steps_per_execution = 6;
  Pipeline pipeline(warehouse_, server_.base_url());
  const auto requested = pipeline.request("02139", options);
  expect_equal(pipeline.wait(requested));
  EXPECT_EQ(server_.repeated_searches(), 0);
  const auto history = pipeline.service().history(pipeline.engine(), requested.run);
  ASSERT_GE(history.size(), 3U);
  for (const auto& execution : history) EXPECT_LE(execution.steps.size(), 6U + 7U);
  record(warehouse_, history[1].execution_id, "continued");

  // The last execution's counts are those of the whole load, and the tables say the same.
  const auto counts = pipeline.engine().query<zipcode::LoadCounts>(history.back().execution_id, "progress");
  auto connection = warehouse_.connect();
  const auto summed = zipcode::read_progress(connection, requested.run);
  EXPECT_EQ(counts.patients_expected, 80);
  EXPECT_EQ(counts.patients_staged, summed.patients_staged);
  EXPECT_EQ(counts.patients_covered, 80);
  EXPECT_EQ(counts.observations_staged, summed.observations_staged);
  EXPECT_EQ(counts.rows_loaded, summed.rows_loaded);
  EXPECT_EQ(counts.requests, summed.requests);
}

TEST(DurableLoadOfSeveralTypes, PagesByContinueAsNewWithoutFetchingAnythingTwice) {
  FhirSim server(
      {"--generate", "60", "--observations", "6", "--encounters", "3", "--conditions", "2", "--zip", "02139"});
  const zipcode::Catalog catalog({.resources = {"patient", "observation", "encounter", "condition"}, .views = {}});
  Warehouse warehouse;
  warehouse.apply(catalog);
  auto options = small_steps();
  options.steps_per_execution = 10;
  Pipeline pipeline(warehouse, server.base_url(), {}, catalog);
  const auto requested = pipeline.request("02139", options);
  const auto loaded = pipeline.wait(requested);
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(server.repeated_searches(), 0);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM encounter"), 180);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM condition"), 120);
  const auto history = pipeline.service().history(pipeline.engine(), requested.run);
  ASSERT_GE(history.size(), 3U);
  record(warehouse, history[1].execution_id, "several_types");
  const auto counts = pipeline.engine().query<zipcode::LoadCounts>(history.back().execution_id, "progress");
  EXPECT_EQ(counts.patients_covered, 60);
  EXPECT_EQ(counts.others_staged, 300);
}

TEST_F(DurableLoad, RetryGoesOnFromTheFailedStep) {
  Pipeline pipeline(warehouse_, server_.base_url());
  // Observation searches are refused from the twelfth on, which no repetition helps.
  server_.add_fault(R"({"kind":"bearer","token":"secret","match":"Observation","after":11})");
  const auto requested = pipeline.request("02139", small_steps());
  const auto failed = pipeline.wait(requested);
  ASSERT_EQ(failed.run.state, "failed");
  EXPECT_EQ(failed.run.failed_step, "extract_observations");
  EXPECT_EQ(error_of([&] { pipeline.service().pause(pipeline.engine(), requested.run); }).code(), ErrorCode::conflict);
  const auto staged = warehouse_.number("SELECT count(*) FROM staged_batch");
  EXPECT_GT(staged, 3);

  server_.clear_faults();
  server_.clear_log();
  pipeline.service().retry(pipeline.engine(), requested.run);
  expect_equal(pipeline.wait(requested));
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM run"), 1);
  EXPECT_EQ(server_.repeated_searches(), 0);
  const auto history = pipeline.service().history(pipeline.engine(), requested.run);
  ASSERT_EQ(history.size(), 1U) << "the retried execution holds the history of the failed one";
  record(warehouse_, history[0].execution_id, "retried");
  EXPECT_EQ(error_of([&] { pipeline.service().retry(pipeline.engine(), requested.run); }).code(), ErrorCode::conflict);
  EXPECT_EQ(error_of([&] { pipeline.service().retry(pipeline.engine(), meta::RunId{999}); }).code(),
            ErrorCode::not_found);
}

TEST_F(DurableLoad, CancelledItsRunIsClosedAndCanBeRetried) {
  server_.add_fault(R"({"kind":"latency","ms":30,"match":"Observation"})");
  Pipeline pipeline(warehouse_, server_.base_url());
  const auto requested = pipeline.request("02139", small_steps());
  while (warehouse_.number("SELECT count(*) FROM staged_batch") < 3) std::this_thread::yield();
  EXPECT_EQ(error_of([&] { pipeline.service().retry(pipeline.engine(), requested.run); }).code(), ErrorCode::conflict);
  pipeline.service().cancel(pipeline.engine(), requested.run);
  EXPECT_EQ(pipeline.wait(requested).run.state, "cancelled");
  EXPECT_EQ(error_of([&] { pipeline.service().cancel(pipeline.engine(), requested.run); }).code(), ErrorCode::conflict);
  server_.clear_faults();
  pipeline.service().retry(pipeline.engine(), requested.run);
  expect_equal(pipeline.wait(requested));
}

TEST_F(DurableLoad, ARunIsNotRetriedBesideAnotherOfItsZipcode) {
  server_.add_fault(R"({"kind":"bearer","token":"secret","match":"Observation"})");
  Pipeline pipeline(warehouse_, server_.base_url());
  const auto first = pipeline.request("02139", small_steps());
  ASSERT_EQ(pipeline.wait(first).run.state, "failed");
  server_.clear_faults();
  server_.add_fault(R"({"kind":"latency","ms":20,"match":"Observation"})");
  const auto second = pipeline.request("02139", small_steps());
  EXPECT_EQ(error_of([&] { pipeline.service().retry(pipeline.engine(), first.run); }).code(), ErrorCode::conflict);
  expect_equal(pipeline.wait(second));
}

TEST_F(DurableLoad, AScheduledLoadEndsWithItsLoad) {
  Pipeline pipeline(warehouse_, server_.base_url());
  const auto id = meta::Zipcode::parse("02139");
  const auto first = pipeline.engine().start(zipcode::kScheduledLoad, "schedule/02139/1", {id, small_steps()});
  const auto outcome = pipeline.engine().result(zipcode::kScheduledLoad, first);
  EXPECT_FALSE(outcome.joined);
  expect_equal(pipeline.wait({outcome.run, false}));
  record(warehouse_, first.execution_id, "scheduled");

  // Cancelled while its load is held, both end, and the run is closed.
  server_.add_fault(R"({"kind":"hold","match":"Observation"})");
  const auto second = pipeline.engine().start(zipcode::kScheduledLoad, "schedule/02139/2", {id, small_steps()});
  while (warehouse_.number("SELECT count(*) FROM run WHERE state = 'running'") == 0) std::this_thread::yield();
  pipeline.engine().cancel(second.execution_id);
  EXPECT_EQ(error_of([&] { pipeline.engine().result(zipcode::kScheduledLoad, second); }).code(), ErrorCode::cancelled);
  EXPECT_EQ(warehouse_.value("SELECT state FROM run ORDER BY run_id DESC LIMIT 1"), "cancelled");
  record(warehouse_, second.execution_id, "scheduled_cancelled");
  server_.clear_faults();
  EXPECT_EQ(pipeline.load("02139", small_steps()).run.state, "complete");
  EXPECT_EQ(warehouse_.content(), undisturbed_.content());
}

// Nobody lives in most of these: what counts is that none is refused or lost, and few run at a time.
TEST(QueuedLoads, AThousandZipcodesAskedForAtOnceAreQueuedAndRunAFewAtATime) {
  FhirSim server(generated(5, 2));
  Warehouse warehouse;
  constexpr int zipcodes = 1000;
  const auto zipcode_of = [](int number) { return std::to_string(10'000 + number); };
  Pipeline pipeline(warehouse, server.base_url());
  std::vector<std::jthread> askers;
  askers.reserve(4);
  for (int asker = 0; asker < 4; ++asker) {
    askers.emplace_back([&, asker] {
      for (int number = asker; number < zipcodes; number += 4) pipeline.request(zipcode_of(number));
    });
  }
  askers.clear();
  const auto again = pipeline.request(zipcode_of(zipcodes - 1));
  EXPECT_TRUE(again.joined);
  std::int64_t most = 0;
  while (warehouse.number("SELECT count(*) FROM run WHERE state IN ('queued', 'running')") > 0) {
    most = std::max(most, warehouse.number("SELECT count(*) FROM wellhead_journal.workflow WHERE state = 'running'"));
  }
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM run WHERE state = 'complete'"), zipcodes);
  EXPECT_GT(most, 1);
  EXPECT_LE(most, 8);
}

}  // namespace
}  // namespace wellhead::functional
