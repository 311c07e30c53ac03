// Loads on a Temporal server, by the program: equal to loads of the embedded engine, whatever is killed meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temporal_server.h"
#include "tests/fixture/wait.h"
#include "tests/functional/program.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;
using testing::HasSubstr;

class TemporalLoad : public testing::Test {
 protected:
  TemporalLoad() : server_({"--generate", "120", "--observations", "10", "--zip", "02139"}) {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, program_settings(undisturbed_, server_));
    EXPECT_EQ(load.wait(), 0) << load.errors();
    server_.clear_log();
  }

  std::map<std::string, std::string> settings() const {
    auto environment = program_settings(warehouse_, server_);
    environment["WELLHEAD_ENGINE"] = "temporal";
    environment["TEMPORAL_ADDRESS"] = temporal_.address();
    environment["WELLHEAD_LEASE_DURATION"] = "3s";
    return environment;
  }
  std::int64_t staged() const { return warehouse_.number("SELECT count(*) FROM staged_batch"); }
  void expect_equal_to_undisturbed() const {
    EXPECT_EQ(warehouse_.content(), undisturbed_.content());
    EXPECT_EQ(warehouse_.receipts(), undisturbed_.receipts());
    EXPECT_EQ(warehouse_.value("SELECT string_agg(state, ' ') FROM run"), "complete");
    EXPECT_EQ(warehouse_.number("SELECT count(*) FROM wellhead_journal.workflow"), 0);
  }

  FhirSim server_;
  fixture::TemporalServer temporal_;
  Warehouse undisturbed_;
  Warehouse warehouse_;
};

TEST_F(TemporalLoad, EqualsAnEmbeddedLoad) {
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  expect_equal_to_undisturbed();
  Process show(WELLHEAD_PROGRAM, {"runs", "show", "1"}, settings());
  ASSERT_EQ(show.wait(), 0) << show.errors();
  EXPECT_THAT(show.output(), HasSubstr("issue_receipt"));
}

TEST_F(TemporalLoad, GoesOnWhateverIsKilled) {
  server_.add_fault(R"({"kind":"latency","ms":60})");
  for (int round = 0; round < 3; ++round) {
    const auto enough = staged() + 2;
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
    fixture::wait_until([&] { return !load.running() || staged() >= enough; });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    load.signal(SIGKILL);
    load.wait();
    if (round != 1) continue;
    temporal_.kill();
    temporal_.start_again();
  }
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  const auto enough = staged() + 2;
  fixture::wait_until([&] { return !load.running() || staged() >= enough; });
  temporal_.kill();
  server_.clear_faults();
  temporal_.start_again();
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM run"), 1) << "every start went on with the same run";
  expect_equal_to_undisturbed();
}

// One process has the workflows, another the extraction, a third the rest.
TEST_F(TemporalLoad, IsSharedByWorkersOfTheQueues) {
  Process workflows(WELLHEAD_PROGRAM, {"worker", "--serve-queues", "workflows"}, settings());
  Process extraction(WELLHEAD_PROGRAM, {"worker", "--serve-queues", "extraction"}, settings());
  Process rest(WELLHEAD_PROGRAM, {"worker", "--serve-queues", "default,loading"}, settings());
  auto environment = settings();
  environment["WELLHEAD_LISTEN"] = "127.0.0.1:0";
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment);
  fixture::wait_until([&] { return !serve.running() || serve.output().find("http://") != std::string::npos; });
  ASSERT_TRUE(serve.running()) << serve.errors();
  auto text = serve.output().substr(serve.output().find("http://"));
  text.erase(text.find_first_of(" \n"));
  Process ask(
      "/usr/bin/curl",
      {"-sf", "-X", "POST", "-H", "content-type: application/json", "-d", R"({"zipcode":"02139"})", text + "/zipcodes"},
      {});
  ASSERT_EQ(ask.wait(), 0) << ask.output() << ask.errors();
  fixture::wait_until([&] { return warehouse_.value("SELECT string_agg(state, ' ') FROM run") == "complete"; });
  for (Process* process : {&serve, &workflows, &extraction, &rest}) {
    process->signal(SIGTERM);
    EXPECT_EQ(process->wait(), 0) << process->errors();
  }
  expect_equal_to_undisturbed();
}

TEST_F(TemporalLoad, SaysThatThereIsNoServer) {
  temporal_.kill();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  EXPECT_NE(load.wait(), 0);
  EXPECT_THAT(load.errors(), HasSubstr("no connection to the Temporal server at " + temporal_.address()));
}

}  // namespace
}  // namespace wellhead::functional
