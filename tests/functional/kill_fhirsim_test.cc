// `wellhead load` as a program, killed with -9 in the middle and started again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;

std::map<std::string, std::string> settings(const Warehouse& warehouse, const FhirSim& server) {
  return {{"WELLHEAD_SOURCE_URL", server.base_url()},
          {"WELLHEAD_DATABASE_URL", warehouse.database_url()},
          {"WELLHEAD_BLOB_URL", warehouse.blob_url()},
          {"WELLHEAD_HOME", warehouse.blob_directory().string() + "/home"},
          {"WELLHEAD_PAGE_SIZE", "20"}};
}

class KilledLoad : public testing::Test {
 protected:
  KilledLoad() : server_({"--generate", "150", "--observations", "20", "--zip", "02139"}) {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(undisturbed_, server_));
    EXPECT_EQ(load.wait(), 0) << load.output() << load.errors();
    server_.clear_log();
    be_slow();
  }

  void be_slow() { server_.add_fault(R"({"kind":"latency","ms":15})"); }
  // However late this process gets its turn, the load is still under way: after so many requests it waits for let_go().
  void hold_after(std::size_t requests) {
    server_.add_fault(R"({"kind":"hold","after":)" + std::to_string(requests) + "}");
  }
  void let_go() {
    server_.clear_faults();
    be_slow();
  }
  void wait_for_staged_batches(Process& load, std::int64_t count) {
    fixture::wait_until(
        [&] { return !load.running() || warehouse_.number("SELECT count(*) FROM staged_batch") >= count; });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
  }

  FhirSim server_;
  Warehouse undisturbed_;
  Warehouse warehouse_;
};

TEST_F(KilledLoad, GoesOnWithoutRepeatingFinishedStepsOrDoublingARow) {
  std::mt19937 random(20260131);
  int kills = 0;
  for (int round = 0; round < 6; ++round) {
    const auto more = 10 + random() % 15;
    const auto enough = server_.request_log().size() + more;
    hold_after(more + 20);
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_, server_));
    fixture::wait_until([&] { return !load.running() || server_.request_log().size() >= enough; });
    if (!load.running()) break;
    load.signal(SIGKILL);
    EXPECT_EQ(load.wait(), 128 + SIGKILL);
    let_go();
    ++kills;
  }
  EXPECT_GE(kills, 3);
  let_go();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_, server_));
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  EXPECT_EQ(warehouse_.content(), undisturbed_.content());
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM run"), 1) << "every start went on with the same run";
  EXPECT_EQ(warehouse_.value("SELECT state FROM run"), "complete");
  EXPECT_EQ(warehouse_.value("SELECT string_agg(digest::text, ' ' ORDER BY resource_type) FROM receipt"),
            undisturbed_.value("SELECT string_agg(digest::text, ' ' ORDER BY resource_type) FROM receipt"));
  // A first page that was asked for twice belongs to a batch that was in flight when the process was killed.
  EXPECT_LE(server_.repeated_searches(), 5 * kills);
}

TEST_F(KilledLoad, UpGoesOnWithWhatLoadLeftBehind) {
  {
    hold_after(60);
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_, server_));
    wait_for_staged_batches(load, 2);
    load.signal(SIGKILL);
    ASSERT_EQ(load.wait(), 128 + SIGKILL);
    let_go();
  }
  auto environment = settings(warehouse_, server_);
  environment["WELLHEAD_LISTEN"] = "127.0.0.1:0";
  Process up(WELLHEAD_PROGRAM, {"up"}, environment);
  fixture::wait_until([&] { return !up.running() || warehouse_.value("SELECT state FROM run") == "complete"; });
  EXPECT_TRUE(up.running()) << up.errors();
  EXPECT_EQ(warehouse_.content(), undisturbed_.content());
  up.signal(SIGTERM);
  EXPECT_EQ(up.wait(std::chrono::seconds(20)), 0) << up.errors();
}

TEST_F(KilledLoad, TerminatedInMidLoadItEndsWithinSecondsAndLosesNothing) {
  {
    hold_after(60);
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_, server_));
    wait_for_staged_batches(load, 2);
    load.signal(SIGTERM);
    EXPECT_EQ(load.wait(std::chrono::seconds(20)), 1) << load.errors();
    let_go();
  }
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_, server_));
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  EXPECT_EQ(warehouse_.content(), undisturbed_.content());
}

// PostgreSQL of its own dies under a load, which starts it again itself and goes on.
TEST_F(KilledLoad, StartsPostgresqlOfItsOwnAgainWhenItIsKilled) {
  const fixture::TestDirectory home;
  std::filesystem::permissions(home.path(), std::filesystem::perms(0755));
  auto environment = settings(warehouse_, server_);
  environment.erase("WELLHEAD_DATABASE_URL");
  environment["WELLHEAD_HOME"] = home.path().string();
  environment["WELLHEAD_BLOB_URL"] = "file://" + (home.path() / "blobs").string();
  const auto postmaster = [&] {
    pid_t pid = 0;
    std::error_code changing;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(home.path(), changing)) {
      if (entry.path().filename() == "postmaster.pid") std::ifstream(entry.path()) >> pid;
    }
    return pid;
  };
  hold_after(60);
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
  pid_t killed = 0;
  for (const std::size_t requests : {15, 30}) {
    pid_t running = 0;
    fixture::wait_until([&] {
      running = postmaster();
      return !load.running() || (server_.request_log().size() >= requests && running != 0 && running != killed);
    });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    killed = running;
    ::kill(killed, SIGKILL);
  }
  let_go();
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  EXPECT_THAT(load.output(), testing::HasSubstr("complete"));
  EXPECT_THAT(load.errors(), testing::HasSubstr("was started again"));
  EXPECT_EQ(postmaster(), 0) << "stopped with the load";
  for (const auto* table : {"patient", "observation", "observation_component", "zipcode_patient"}) {
    Process psql(WELLHEAD_PROGRAM, {"psql", "-At", "-c", Warehouse::content_sql(table)}, environment);
    ASSERT_EQ(psql.wait(), 0) << psql.errors();
    EXPECT_EQ(psql.output(), undisturbed_.content(table) + "\n") << table;
  }
}

}  // namespace
}  // namespace wellhead::functional
