// wellhead schedule, with PostgreSQL and fhirsim: loads that begin by themselves.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include "app/wellhead/testing/test_engine.h"
#include "library/meta/describe.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"

namespace wellhead::app {
namespace {

// What `schedules list --json` says, as far as it is looked at.
struct ListedSchedule {
  std::string zipcode;
  bool paused = false;
  std::string note;
  std::string last_state;
  std::int64_t started = 0;
  static constexpr auto kFields =
      meta::fields(meta::field("zipcode", &ListedSchedule::zipcode), meta::field("paused", &ListedSchedule::paused),
                   meta::field("note", &ListedSchedule::note), meta::field("last_state", &ListedSchedule::last_state),
                   meta::field("started", &ListedSchedule::started));
};
struct Listed {
  std::vector<ListedSchedule> schedules;
  static constexpr auto kFields = meta::fields(meta::field("schedules", &Listed::schedules));
};

namespace fs = std::filesystem;
using fixture::Process;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class ScheduleCommand : public ::testing::Test {
 protected:
  ScheduleCommand() : server_({"--generate", "12", "--observations", "4", "--zip", "02139"}) {
    fs::permissions(directory_.path(), fs::perms(0755));
    environment_ = {{"WELLHEAD_DATABASE_URL", database_.url()},
                    {"WELLHEAD_HOME", (directory_.path() / "home").string()},
                    {"WELLHEAD_SOURCE_URL", server_.base_url()}};
    environment_.insert(engine_.settings().begin(), engine_.settings().end());
  }

  struct Outcome {
    int status = 0;
    std::string output;
    std::string errors;
  };
  Outcome run(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), "schedule");
    Process process(WELLHEAD_PROGRAM, std::move(arguments), environment_);
    const int status = process.wait(std::chrono::seconds(120));
    return {status, process.output(), process.errors()};
  }
  std::unique_ptr<Process> worker() const {
    return std::make_unique<Process>(WELLHEAD_PROGRAM, std::vector<std::string>{"worker"}, environment_);
  }
  static void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 6000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(condition());
  }
  std::int64_t number(const std::string& sql) const { return database_.connect().query(sql).integer(0, 0); }
  std::int64_t complete_runs() const { return number("SELECT count(*) FROM run WHERE state = 'complete'"); }
  void expect_rows() const {
    EXPECT_EQ(number("SELECT count(*) FROM patient"), 12);
    EXPECT_EQ(number("SELECT count(*) FROM observation"), 48);
    EXPECT_EQ(number("SELECT sum(inserted) FROM receipt"), 60);
    EXPECT_EQ(number("SELECT sum(updated) FROM receipt"), 0);
  }

  fixture::TestDirectory directory_;
  fixture::TestDatabase database_;
  fixture::FhirSim server_;
  testing::TestEngine engine_;
  std::map<std::string, std::string> environment_;
};

TEST_F(ScheduleCommand, LoadsAgainAndAgain) {
  const auto added = run({"add", "02139", "--every", "1s", "--note", "often"});
  ASSERT_EQ(added.status, 0) << added.errors;
  EXPECT_THAT(added.output, AllOf(StartsWith("SCHEDULE"), HasSubstr("every 1s"), HasSubstr("skip")));
  const auto running = worker();
  wait_until([&] { return complete_runs() >= 3; });

  ASSERT_EQ(run({"pause", "02139", "--note", "enough"}).status, 0);
  wait_until([&] { return number("SELECT count(*) FROM run WHERE state IN ('queued', 'running')") == 0; });
  const auto listed = run({"list", "--json"});
  ASSERT_EQ(listed.status, 0) << listed.errors;
  const Listed answer = meta::from_json<Listed>(listed.output);
  ASSERT_EQ(answer.schedules.size(), 1U);
  EXPECT_EQ(answer.schedules[0].zipcode, "02139");
  EXPECT_TRUE(answer.schedules[0].paused);
  EXPECT_EQ(answer.schedules[0].note, "enough");
  EXPECT_EQ(answer.schedules[0].last_state, "complete");
  EXPECT_GE(answer.schedules[0].started, 3);
  expect_rows();
  EXPECT_EQ(number("SELECT count(*) FROM receipt WHERE run_id > (SELECT min(run_id) FROM run) AND unchanged <> staged"),
            0);

  const auto before = complete_runs();
  ASSERT_EQ(run({"trigger", "02139"}).status, 0);
  wait_until([&] { return complete_runs() > before; });
  ASSERT_EQ(run({"resume", "02139"}).status, 0);
  wait_until([&] { return complete_runs() > before + 1; });
  const auto removed = run({"remove", "02139"});
  EXPECT_EQ(removed.status, 0) << removed.errors;
  EXPECT_THAT(run({"list"}).output, StartsWith("no schedules yet"));
  running->signal(SIGTERM);
  EXPECT_EQ(running->wait(), 0);
  expect_rows();
}

// By the embedded engine's tables. On Temporal no worker fires anything.
#ifndef WELLHEAD_TEST_ON_TEMPORAL
TEST_F(ScheduleCommand, KilledWorkersLoseNoTimeAndDoubleNone) {
  ASSERT_EQ(run({"add", "02139", "--every", "1s"}).status, 0);
  const auto first = number("SELECT extract(epoch FROM next_at)::bigint FROM wellhead_journal.schedule");
  for (std::int64_t goal = 1; goal <= 4; ++goal) {
    const auto running = worker();
    wait_until([&] { return number("SELECT actions FROM wellhead_journal.schedule") >= goal; });
    running->signal(SIGKILL);
    EXPECT_EQ(running->wait(), 128 + SIGKILL);
  }
  const auto running = worker();
  const auto goal = complete_runs() + 2;
  wait_until([&] { return complete_runs() >= goal; });
  // Every second since the first was started, skipped or missed.
  EXPECT_EQ(number("SELECT extract(epoch FROM next_at)::bigint - actions - skipped_overlap - missed_catchup "
                   "FROM wellhead_journal.schedule"),
            first);
  ASSERT_EQ(run({"remove", "02139"}).status, 0);
  wait_until([&] { return number("SELECT count(*) FROM run WHERE state IN ('queued', 'running')") == 0; });
  running->signal(SIGTERM);
  EXPECT_EQ(running->wait(), 0);
  EXPECT_EQ(number("SELECT count(*) - count(DISTINCT workflow_id) FROM wellhead_journal.workflow "
                   "WHERE workflow_type = 'scheduled_load'"),
            0);
  EXPECT_EQ(number("SELECT count(*) FROM run WHERE state <> 'complete'"), 0);
  expect_rows();
}
#endif

TEST_F(ScheduleCommand, ACancelledLoadMakesRoomForTheNext) {
  server_.add_fault(R"({"kind": "latency", "match": "Observation", "ms": 600000, "times": 1})");
  ASSERT_EQ(run({"add", "02139", "--cron", "0 0 29 2 *", "--overlap", "cancel_other"}).status, 0);
  const auto running = worker();
  ASSERT_EQ(run({"trigger", "02139"}).status, 0);
  wait_until([&] { return number("SELECT count(*) FROM run WHERE state = 'running'") == 1; });
  ASSERT_EQ(run({"trigger", "02139"}).status, 0);
  wait_until([&] { return complete_runs() == 1; });
  EXPECT_EQ(number("SELECT count(*) FROM run WHERE state = 'cancelled' AND run_id = 1"), 1);
  expect_rows();
}

TEST_F(ScheduleCommand, RefusesWhatCannotBe) {
  const auto bad_line = run({"add", "02139", "--cron", "0 25 * * *"});
  EXPECT_EQ(bad_line.status, 2);
  EXPECT_THAT(bad_line.errors,
              AllOf(StartsWith("wellhead: the cron line '0 25 * * *' is wrong: hour: 25 is not from 0 to 23")));
  EXPECT_THAT(run({"add", "02139", "--cron", "0 0 30 2 *"}).errors, HasSubstr("day of month"));
  EXPECT_EQ(run({"add", "02139"}).status, 2);
  EXPECT_EQ(run({"add", "02139", "--every", "1h", "--cron", "@daily"}).status, 2);
  EXPECT_THAT(run({"add", "02139", "--every", "soon"}).errors, HasSubstr("a time like 90s, 15m, 1h or 2d"));
  EXPECT_EQ(run({"add", "02139", "--every", "0s"}).status, 2);
  EXPECT_EQ(run({"add", "2139", "--every", "1h"}).status, 2);
  EXPECT_THAT(run({"add", "02139", "--every", "1h", "--overlap", "maybe"}).errors, HasSubstr("buffer_one"));
  EXPECT_EQ(run({"add", "02139", "--every", "1h", "--name", "no good"}).status, 2);
  EXPECT_EQ(run({}).status, 2);

  ASSERT_EQ(run({"add", "02139", "02140", "--every", "2d", "--name", "rare", "--catch-up", "2h"}).status, 0);
  EXPECT_THAT(run({"list"}).output, AllOf(HasSubstr("rare-02139"), HasSubstr("rare-02140"), HasSubstr("every 2d")));
  const auto twice = run({"add", "02139", "--every", "1h", "--name", "rare-02139"});
  EXPECT_EQ(twice.status, 1);
  EXPECT_THAT(twice.errors, HasSubstr("there is a schedule rare-02139 already"));
  for (const auto* command : {"pause", "resume", "remove", "trigger"}) {
    const auto unknown = run({command, "02141"});
    EXPECT_EQ(unknown.status, 1) << command;
    EXPECT_THAT(unknown.errors, HasSubstr("there is no schedule 02141"));
  }
}

}  // namespace
}  // namespace wellhead::app
