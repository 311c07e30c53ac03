// `wellhead load` killed exactly before and after each of its commits, and started again. WELLHEAD_TEST_WHOLE=1 takes
// more passings of each point.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

#include "tests/fixture/directory.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/functional/program.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;
using Counts = std::map<std::string, int>;

// Every place that a load which ends complete passes; a test holds this to be all of them.
constexpr std::array kPlaces = {"migration",  "row_limits",   "tables",      "request_run",    "start_workflow",
                                "begin_load", "total_before", "blob_rename", "stage_patients", "stage_observations",
                                "load",       "total_after",  "receipt",     "journal_append"};

class FailPoints : public testing::Test {
 protected:
  FailPoints() : server_({"--generate", "60", "--observations", "4", "--zip", "02139"}) {
    const fixture::TestDirectory directory;
    const auto log = directory.path() / "passed";
    auto environment = program_settings(undisturbed_, server_);
    environment["WELLHEAD_FAIL_POINT_LOG"] = log.string();
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
    EXPECT_EQ(load.wait(), 0) << load.errors();
    std::ifstream lines(log);
    for (std::string name; std::getline(lines, name);) ++passed_[name];
    server_.clear_log();
  }

  // Which passings of a point to die at: the first before a commit and a later one after it, or many of both.
  std::set<int> passings(const std::string& point) const {
    const int count = passed_.at(point);
    if (std::getenv("WELLHEAD_TEST_WHOLE") != nullptr) {
      return {1, std::min(2, count), std::min(3, count), (count + 1) / 2, count};
    }
    return {point.ends_with(".before") ? 1 : std::min(2, count)};
  }

  void die_and_go_on(const std::string& point, int passing);

  FhirSim server_;
  Warehouse undisturbed_{Warehouse::Begin::empty};
  Counts passed_;
};

void FailPoints::die_and_go_on(const std::string& point, int passing) {
  SCOPED_TRACE(point + ":" + std::to_string(passing));
  const Warehouse warehouse(Warehouse::Begin::empty);
  server_.clear_log();
  FetchProof proof;
  auto environment = program_settings(warehouse, server_);
  environment["WELLHEAD_FAIL_POINT"] = point + ":" + std::to_string(passing);
  {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
    const auto status = load.wait();
    // How often the journal is written, and in how many batches, depends on time: a late passing may not come.
    if (status != 0 || passing <= 2) {
      ASSERT_EQ(status, 128 + SIGKILL) << load.output() << load.errors();
    }
  }
  proof.note(warehouse, server_);
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, program_settings(warehouse, server_));
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  EXPECT_EQ(warehouse.content(), undisturbed_.content());
  // Whoever dies after the receipt's commit has finished its run; loading again is another.
  if (warehouse.number("SELECT count(*) FROM run") > 1) {
    EXPECT_EQ(warehouse.value("SELECT string_agg(state, ' ') FROM run"), "complete complete");
    return;
  }
  EXPECT_EQ(warehouse.receipts(), undisturbed_.receipts());
  const auto figures = proof.figures(warehouse, server_);
  EXPECT_THAT(figures.fetched_again, testing::IsEmpty());
  // The page and the batches that were in flight.
  EXPECT_LE(figures.repeated, 1 + 5 * figures.largest_batch);
}

TEST_F(FailPoints, AreAllKnownHere) {
  std::set<std::string> known;
  for (const std::string place : kPlaces) known.insert({place + ".before", place + ".after"});
  std::set<std::string> passed;
  // Old blobs are removed beside the load, before or after it.
  for (const auto& [name, count] : passed_) {
    if (!name.starts_with("remove_blobs")) passed.insert(name);
  }
  EXPECT_EQ(passed, known);
}

class EachFailPoint : public FailPoints, public testing::WithParamInterface<const char*> {};

TEST_P(EachFailPoint, LosesNothingAndRepeatsNothing) {
  const std::string place = GetParam();
  for (const auto* moment : {".before", ".after"}) {
    ASSERT_TRUE(passed_.contains(place + moment));
    for (const int passing : passings(place + moment)) die_and_go_on(place + moment, passing);
  }
}

INSTANTIATE_TEST_SUITE_P(Load, EachFailPoint, testing::ValuesIn(kPlaces),
                         [](const auto& place) { return std::string(place.param); });

// A run that fails is closed by a step of its own.
TEST_F(FailPoints, AtTheEndOfAFailedRunLoseNothing) {
  for (const auto* point : {"end_run.before:1", "end_run.after:1"}) {
    SCOPED_TRACE(point);
    const Warehouse warehouse(Warehouse::Begin::empty);
    server_.add_fault(R"({"kind": "bearer", "token": "right", "match": "Observation"})");
    auto environment = program_settings(warehouse, server_);
    environment["WELLHEAD_FAIL_POINT"] = point;
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
    ASSERT_EQ(load.wait(), 128 + SIGKILL) << load.output() << load.errors();
    server_.clear_faults();
    int starts = 0;
    for (int status = 1; status != 0 && starts < 2; ++starts) {
      Process again(WELLHEAD_PROGRAM, {"load", "02139"}, program_settings(warehouse, server_));
      status = again.wait();
    }
    EXPECT_EQ(warehouse.value("SELECT string_agg(state, ' ' ORDER BY run_id) FROM run"), "failed complete");
    EXPECT_EQ(warehouse.content(), undisturbed_.content());
  }
}

TEST_F(FailPoints, AreRefusedWhenTheyAreMalformed) {
  for (const auto* point : {"load", "load.before:", "load.before:0", "load.before:x", "load.before:1:pause"}) {
    auto environment = program_settings(undisturbed_, server_);
    environment["WELLHEAD_FAIL_POINT"] = point;
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
    EXPECT_EQ(load.wait(), 2) << point;
    EXPECT_THAT(load.errors(), testing::HasSubstr("WELLHEAD_FAIL_POINT '"));
  }
}

}  // namespace
}  // namespace wellhead::functional
