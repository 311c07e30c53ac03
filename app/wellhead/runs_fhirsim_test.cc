// What can be done with a run while it loads and after it failed: by the commands and over HTTP, from other processes
// than the one that runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>

#include "app/wellhead/testing/program_fixture.h"
#include "library/webserver/testing/raw_client.h"

namespace wellhead::app {
namespace {

using fixture::Process;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using testing::Json;
using ::testing::StartsWith;

constexpr int kPatients = 200;
constexpr int kObservations = 5;

// One request for the observations of each patient.
class RunsTest : public testing::ProgramTest {
 protected:
  RunsTest()
      : ProgramTest({"--generate", std::to_string(kPatients), "--observations", std::to_string(kObservations), "--zip",
                     "02139"}) {
    environment_["WELLHEAD_OBSERVATIONS"] = "per-patient";
    environment_["WELLHEAD_PAGE_SIZE"] = "50";
    environment_["WELLHEAD_BLOB_URL"] = "file://" + (directory_.path() / "blobs").string();
  }

  // So that a load lasts long enough to be caught on any machine.
  void slow_down() { server_.add_fault(R"({"kind": "latency", "ms": 1000, "match": "Observation"})"); }
  // The server refuses observations for good after so many searches.
  void refuse_after(int searches) {
    server_.add_fault(R"({"kind": "bearer", "token": "right", "match": "Observation", "after": )" +
                      std::to_string(searches) + "}");
  }

  std::string state() const {
    const auto rows = database_.connect().query("SELECT state FROM run WHERE run_id = 1");
    return rows.empty() ? "" : std::string(rows.text(0, 0));
  }
  void wait_for_observations(int batches) const {
    wait_until([&] {
      auto connection = database_.connect();
      if (connection.query("SELECT to_regclass('staged_batch')").is_null(0, 0)) return false;
      return connection.query("SELECT count(*) FROM staged_batch WHERE resource_type = 'Observation'").integer(0, 0) >=
             batches;
    });
  }
  // Patients that are covered by finished batches, and pages of them.
  std::int64_t finished(const std::string& type, const std::string& member) const {
    return database_.connect()
        .query("SELECT coalesce(sum((result->>$1)::bigint), 0) FROM staged_batch WHERE resource_type = $2",
               {member, type})
        .integer(0, 0);
  }
  std::vector<std::string> staged_batches() const {
    const auto rows = database_.connect().query("SELECT concat_ws(' ', batch, staged, fetched_at) FROM staged_batch");
    std::vector<std::string> batches;
    batches.reserve(static_cast<std::size_t>(rows.rows()));
    for (int row = 0; row < rows.rows(); ++row) batches.emplace_back(rows.text(row, 0));
    return batches;
  }
  struct Searches {
    std::int64_t patient_pages = 0;
    std::int64_t observations = 0;
  };
  Searches searches() const {
    Searches made;
    for (const auto& request : server_.request_log()) {
      if (request.target.find("_summary") != std::string::npos) continue;
      const bool observations = (request.target + request.body).find("Observation") != std::string::npos;
      ++(observations ? made.observations : made.patient_pages);
    }
    return made;
  }
  // The receipts' digests of the zip code: equal digests mean equal rows.
  static std::string digests(const Json& answer) {
    return answer.text("/runs/0/receipts/0/digest") + answer.text("/runs/0/receipts/1/digest");
  }
  std::string undisturbed() {
    server_.clear_faults();
    const fixture::TestDatabase other;
    auto environment = environment_;
    environment["WELLHEAD_DATABASE_URL"] = other.url();
    environment["WELLHEAD_ENGINE"] = "embedded";  // equal on all
    Process load(WELLHEAD_PROGRAM, {"load", "02139", "--json"}, environment);
    EXPECT_EQ(load.wait(), 0) << load.errors();
    return digests(Json(load.output()));
  }
  void expect_complete(const Json& answer) {
    EXPECT_EQ(answer.text("/runs/0/run/state"), "complete");
    EXPECT_EQ(count("patient"), kPatients);
    EXPECT_EQ(count("observation"), kPatients * kObservations);
    EXPECT_EQ(digests(answer), undisturbed());
  }
  void expect_refusal(std::vector<std::string> arguments, const std::string& why) const {
    const auto outcome = run(std::move(arguments));
    EXPECT_EQ(outcome.status, 1) << outcome.output;
    EXPECT_THAT(outcome.errors, AllOf(StartsWith("wellhead: "), HasSubstr(why)));
    EXPECT_EQ(std::ranges::count(outcome.errors, '\n'), 1) << outcome.errors;
  }
  // The server's log stands still once the steps that ran have ended, although there is more to ask for.
  void expect_standstill() const {
    wait_until([&] {
      const auto before = server_.request_log().size();
      std::this_thread::sleep_for(std::chrono::seconds(4));
      return server_.request_log().size() == before;
    });
    EXPECT_LT(finished("Observation", "patients"), kPatients);
    EXPECT_EQ(state(), "running");
  }
};

TEST_F(RunsTest, RetryGoesOnFromTheFailedStep) {
  refuse_after(25);
  ASSERT_EQ(run({"load", "02139"}).status, 1);
  ASSERT_EQ(state(), "failed");
  const auto covered = finished("Observation", "patients");
  const auto pages = finished("Patient", "pages");
  const auto batches = staged_batches();
  EXPECT_GT(covered, 0);
  EXPECT_LT(covered, kPatients);
  server_.clear_faults();
  server_.clear_log();

  const auto retried = run({"runs", "retry", "1", "--json"});
  ASSERT_EQ(retried.status, 0) << retried.errors;
  EXPECT_EQ(Json(retried.output).number("/runs/0/run/run"), 1);
  EXPECT_EQ(searches().observations, kPatients - covered) << "what was finished was fetched again";
  EXPECT_EQ(searches().patient_pages, finished("Patient", "pages") - pages);
  EXPECT_THAT(staged_batches(), IsSupersetOf(batches));
  expect_complete(Json(retried.output));
  expect_refusal({"runs", "retry", "1"}, "run 1 cannot be retried: it is complete");

  const auto shown = run({"runs", "show", "1"});
  EXPECT_THAT(shown.output, AllOf(StartsWith("Run 1 of 02139"), HasSubstr("load_zipcode, retried")));
  const Json json(run({"runs", "show", "1", "--json"}).output);
  EXPECT_TRUE(json.flag("/executions/0/retried"));
  EXPECT_NE(json.text("/executions/0/previous"), "");
}

TEST_F(RunsTest, RetryLeavesTheRunToAWorker) {
  refuse_after(10);
  ASSERT_EQ(run({"load", "02139"}).status, 1);
  server_.clear_faults();
  const auto detached = run({"runs", "retry", "1", "--detach"});
  EXPECT_EQ(detached.status, 0) << detached.errors;
  EXPECT_THAT(detached.output, HasSubstr("Run 1 of 02139 goes on"));
  // Temporal's workers are not known to the database.
  if (!testing::kOnTemporal) {
    EXPECT_THAT(detached.output, HasSubstr("No worker runs just now"));
  }
  expect_refusal({"runs", "retry", "1"}, "run 1 cannot be retried: it is running");

  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
  const auto watched = run({"runs", "watch", "1", "--json"});
  EXPECT_EQ(watched.status, 0) << watched.errors;
  expect_complete(Json(watched.output));
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
}

TEST_F(RunsTest, PauseHoldsRequestsUntilItIsResumed) {
  slow_down();
  Process load(WELLHEAD_PROGRAM, {"load", "02139", "--json"}, environment_);
  wait_for_observations(1);
  const auto paused = run({"runs", "pause", "1", "--json"});
  ASSERT_EQ(paused.status, 0) << paused.errors;
  EXPECT_TRUE(Json(paused.output).flag("/run/paused"));
  EXPECT_TRUE(Json(paused.output).flag("/has_worker"));
  expect_standstill();
  ASSERT_TRUE(load.running());
  EXPECT_EQ(run({"runs", "pause", "1"}).status, 0) << "twice is no error";
  EXPECT_THAT(run({"runs"}).output, HasSubstr("running, paused"));
  EXPECT_THAT(run({"runs", "show", "1"}).output, HasSubstr("paused"));

  server_.clear_faults();
  const auto resumed = run({"runs", "resume", "1"});
  EXPECT_EQ(resumed.status, 0) << resumed.errors;
  EXPECT_THAT(resumed.output, HasSubstr("Run 1 of 02139 goes on"));
  EXPECT_EQ(load.wait(), 0) << load.errors();
  expect_complete(Json(load.output()));
  expect_refusal({"runs", "pause", "1"}, "run 1 cannot be paused: it has ended, and is complete");
  expect_refusal({"runs", "resume", "1"}, "run 1 cannot be resumed: it has ended, and is complete");
}

TEST_F(RunsTest, ACancelledRunCanBeRetried) {
  slow_down();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment_);
  wait_for_observations(1);
  const auto cancelled = run({"runs", "cancel", "1"});
  ASSERT_EQ(cancelled.status, 0) << cancelled.errors;
  EXPECT_EQ(load.wait(), 1);
  EXPECT_THAT(load.errors(), HasSubstr("cancelled"));
  EXPECT_EQ(state(), "cancelled");
  expect_refusal({"runs", "cancel", "1"}, "run 1 cannot be cancelled: it has ended, and is cancelled");
  EXPECT_EQ(run({"runs", "watch", "1"}).status, 1);

  server_.clear_faults();
  const auto retried = run({"runs", "retry", "1", "--json"});
  ASSERT_EQ(retried.status, 0) << retried.errors;
  expect_complete(Json(retried.output));
}

TEST_F(RunsTest, WatchingLeavesTheRunAlone) {
  slow_down();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment_);
  wait_for_observations(1);
  Process left(WELLHEAD_PROGRAM, {"runs", "watch", "1"}, environment_);
  Process watched(WELLHEAD_PROGRAM, {"runs", "watch", "1"}, environment_);
  wait_until([&] { return left.errors().find("patients") != std::string::npos; });
  left.signal(SIGINT);
  EXPECT_EQ(left.wait(), 1);
  EXPECT_THAT(left.errors(), HasSubstr("stopped watching run 1; the run goes on"));
  server_.clear_faults();
  EXPECT_EQ(watched.wait(), 0) << watched.errors();
  EXPECT_THAT(watched.output(), AllOf(StartsWith("ZIP"), HasSubstr("complete")));
  EXPECT_EQ(load.wait(), 0) << load.errors();
}

TEST_F(RunsTest, NamesARunThatIsNotThere) {
  for (const auto* command : {"show", "watch", "retry", "pause", "resume", "cancel"}) {
    expect_refusal({"runs", command, "999"}, "there is no run 999");
  }
}

TEST_F(RunsTest, IsControlledOverHttp) {
  slow_down();
  Process up(WELLHEAD_PROGRAM, {"up"}, environment_);
  // Another process, which runs nothing: it asks and tells through the journal.
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  const auto port_of = [](Process& process) {
    const auto url = api_of(process);
    return static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  };
  const auto port = port_of(serve);
  port_of(up);
  const auto post = [&](const std::string& action) {
    return webserver::testing::RawClient(port).request("POST", "/runs/1/" + action);
  };
  const auto get = [&] { return webserver::testing::get(port, "/runs/1").body; };
  ASSERT_EQ(webserver::testing::post_json(port, "/zipcodes", R"({"zipcode":"02139"})").status, 202);
  wait_for_observations(1);

  const auto paused = post("pause");
  ASSERT_EQ(paused.status, 202) << paused.body;
  EXPECT_TRUE(Json(paused.body).flag("/paused"));
  expect_standstill();
  const Json told(get());
  EXPECT_TRUE(told.flag("/paused"));
  EXPECT_EQ(told.number("/progress/patients_expected"), kPatients);
  EXPECT_GT(told.number("/progress/patients_staged"), 0);
  EXPECT_LE(told.number("/progress/patients_covered"), finished("Observation", "patients"));
  EXPECT_EQ(told.text("/steps/0/name"), "begin_load");
  EXPECT_EQ(post("retry").status, 409);

  EXPECT_EQ(post("resume").status, 202);
  EXPECT_EQ(post("cancel").status, 202);
  wait_until([&] { return state() == "cancelled"; });
  const auto twice = post("cancel");
  EXPECT_EQ(twice.status, 409);
  EXPECT_EQ(twice.header("content-type"), "application/problem+json");
  EXPECT_THAT(twice.body, HasSubstr("it has ended, and is cancelled"));

  server_.clear_faults();
  const auto retried = post("retry");
  ASSERT_EQ(retried.status, 202) << retried.body;
  EXPECT_EQ(retried.header("location"), "/runs/1");
  wait_until([&] { return state() == "complete"; });
  EXPECT_EQ(post("retry").status, 409);
  EXPECT_EQ(webserver::testing::RawClient(port).request("POST", "/runs/999/pause").status, 404);
  EXPECT_EQ(Json(get()).number("/progress/patients_covered"), kPatients);
  expect_complete(Json(run({"runs", "watch", "1", "--json"}).output));
  for (auto* process : {&serve, &up}) {
    process->signal(SIGTERM);
    EXPECT_EQ(process->wait(), 0) << process->errors();
  }
}

}  // namespace
}  // namespace wellhead::app
