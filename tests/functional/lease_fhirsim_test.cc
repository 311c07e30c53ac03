// Two processes over one warehouse, of which one sleeps past its lease: it must write nothing when it wakes up.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <csignal>
#include <fstream>
#include <iterator>
#include <thread>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/functional/program.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;

// proc(5): the state stands after the name in parentheses.
bool is_stopped(pid_t process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  const std::string stat((std::istreambuf_iterator<char>(file)), {});
  const auto name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat.at(name_end + 2) == 'T';
}

// Every row of every table with the transaction that wrote it; but for the lease itself.
std::string everything_written(const Warehouse& warehouse) {
  auto connection = warehouse.connect();
  const auto tables = connection.query(
      "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('public', 'wellhead_journal') "
      "AND tablename <> 'lease' ORDER BY 1");
  std::string all;
  for (int row = 0; row < tables.rows(); ++row) {
    const std::string table(tables.text(row, 0));
    all += table + " " +
           warehouse.value(
               "SELECT count(*) || ' ' || coalesce(md5(string_agg(t.xmin || t::text, '|' ORDER BY t.xmin || "
               "t::text)), '') FROM " +
               table + " t") +
           "\n";
  }
  return all;
}

class Overtaken : public testing::Test {
 protected:
  Overtaken() : server_({"--generate", "60", "--observations", "4", "--zip", "02139"}) {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, program_settings(undisturbed_, server_));
    EXPECT_EQ(load.wait(), 0) << load.errors();
  }

  std::map<std::string, std::string> settings() const {
    auto environment = program_settings(warehouse_, server_);
    environment["WELLHEAD_LEASE_DURATION"] = "3s";
    return environment;
  }
  void expect_equal_to_undisturbed() const {
    EXPECT_EQ(warehouse_.content(), undisturbed_.content());
    EXPECT_EQ(warehouse_.receipts(), undisturbed_.receipts());
    EXPECT_EQ(warehouse_.value("SELECT string_agg(state, ' ') FROM run"), "complete");
  }

  FhirSim server_;
  Warehouse undisturbed_;
  Warehouse warehouse_;
};

class OvertakenAt : public Overtaken, public testing::WithParamInterface<const char*> {};

// Asleep just before a commit, with the row lock of its fence held, or just after it.
TEST_P(OvertakenAt, ACommitWritesNothingAndFollows) {
  auto environment = settings();
  environment["WELLHEAD_FAIL_POINT"] = GetParam();
  Process sleeper(WELLHEAD_PROGRAM, {"worker"}, environment);
  while (sleeper.running() && !owns(warehouse_, sleeper.pid())) std::this_thread::yield();
  Process successor(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  while (sleeper.running() && successor.running() && !is_stopped(sleeper.pid())) std::this_thread::yield();
  ASSERT_TRUE(sleeper.running()) << sleeper.errors();
  ASSERT_TRUE(successor.running()) << successor.output() << successor.errors() << sleeper.errors();
  ASSERT_EQ(successor.wait(), 0) << successor.errors();
  expect_equal_to_undisturbed();

  const auto before = everything_written(warehouse_);
  sleeper.signal(SIGCONT);
  const std::string lost = "another process runs the workflows now";
  while (sleeper.running() && sleeper.errors().find(lost) == std::string::npos) std::this_thread::yield();
  while (sleeper.running() && !owns(warehouse_, sleeper.pid())) std::this_thread::yield();
  ASSERT_TRUE(sleeper.running()) << sleeper.errors();
  sleeper.signal(SIGTERM);
  EXPECT_EQ(sleeper.wait(), 0) << sleeper.errors();
  EXPECT_EQ(everything_written(warehouse_), before);
  expect_equal_to_undisturbed();
}

INSTANTIATE_TEST_SUITE_P(Load, OvertakenAt,
                         testing::Values("begin_load.before:1:stop", "total_before.before:1:stop",
                                         "stage_patients.before:1:stop", "stage_observations.before:2:stop",
                                         "stage_observations.after:1:stop", "blob_rename.before:3:stop",
                                         "load.before:1:stop", "total_after.before:1:stop", "receipt.before:1:stop",
                                         "journal_append.before:6:stop", "journal_append.after:6:stop"),
                         [](const auto& point) {
                           std::string name(point.param);
                           for (auto& c : name) c = c == '.' || c == ':' ? '_' : c;
                           return name;
                         });

TEST_F(Overtaken, LoadInTheMiddleFollowsTheRunToItsEnd) {
  server_.add_fault(R"({"kind":"latency","ms":50})");
  Process sleeper(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  while (sleeper.running() && warehouse_.number("SELECT count(*) FROM staged_batch") < 2) std::this_thread::yield();
  sleeper.signal(SIGSTOP);
  ASSERT_TRUE(sleeper.running()) << sleeper.errors();
  Process successor(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  ASSERT_EQ(successor.wait(), 0) << successor.errors();
  expect_equal_to_undisturbed();
  const auto before = everything_written(warehouse_);
  sleeper.signal(SIGCONT);
  EXPECT_EQ(sleeper.wait(), 0) << sleeper.errors();
  EXPECT_THAT(sleeper.output(), testing::HasSubstr("complete"));
  EXPECT_EQ(everything_written(warehouse_), before);
}

}  // namespace
}  // namespace wellhead::functional
