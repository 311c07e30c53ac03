// The commands with servers: PostgreSQL, fhirsim.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <functional>
#include <set>
#include <sstream>
#include <thread>

#include "app/wellhead/testing/program_fixture.h"
#include "library/webserver/testing/raw_client.h"
#include "tests/fixture/certificate.h"
#include "tests/fixture/loopback.h"

namespace wellhead::app {
namespace {

namespace fs = std::filesystem;
using fixture::Process;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::Json;
using ::testing::Not;
using ::testing::StartsWith;

using CliTest = testing::ProgramTest;

TEST_F(CliTest, LoadsAndTellsWhatItDid) {
  const auto load = run({"load", "02139", "--json"});
  ASSERT_EQ(load.status, 0) << load.errors;
  const Json answer(load.output);
  EXPECT_EQ(answer.text("/runs/0/run/state"), "complete");
  EXPECT_EQ(answer.number("/runs/0/receipts/0/staged"), 30);
  EXPECT_EQ(answer.number("/runs/0/receipts/1/staged"), 300);

  const auto again = run({"load", "02139", "02139"});
  ASSERT_EQ(again.status, 0) << again.errors;
  EXPECT_THAT(again.output, AllOf(StartsWith("ZIP"), HasSubstr("complete"), HasSubstr("300")));

  const auto list = run({"runs", "--json"});
  ASSERT_EQ(list.status, 0) << list.errors;
  EXPECT_EQ(Json(list.output).size("/runs"), 2U);
  EXPECT_EQ(Json(run({"runs", "--limit", "1", "--zipcode", "02139", "--json"}).output).size("/runs"), 1U);
  EXPECT_EQ(Json(run({"runs", "--zipcode", "99999", "--json"}).output).size("/runs"), 0U);

  const auto first = std::to_string(answer.number("/runs/0/run/run"));
  const Json shown(run({"runs", "show", first, "--json"}).output);
  EXPECT_THAT(shown.text("/answer"), AllOf(StartsWith("complete"), HasSubstr("30 patients")));
  EXPECT_EQ(shown.text("/steps/0/name"), "begin_load");
  EXPECT_EQ(shown.text("/steps/0/state"), "completed");
  EXPECT_EQ(shown.size("/steps/0/attempts"), 1U);
  const auto text = run({"runs", "show", first});
  EXPECT_THAT(text.output, AllOf(StartsWith("Run " + first + " of 02139"), HasSubstr("entries received"),
                                 HasSubstr("issue_receipt")));
}

TEST_F(CliTest, ShowsTheAttemptsAndErrorsOfAStep) {
  environment_["WELLHEAD_RETRY_ATTEMPTS"] = "1";
  server_.add_fault(R"({"kind": "server_error", "match": "Observation", "times": 1})");
  ASSERT_EQ(run({"load", "02139"}).status, 0);
  const auto text = run({"runs", "show", "1"});
  EXPECT_THAT(text.output, AllOf(HasSubstr("extract_observations"), HasSubstr("503")));
}

TEST_F(CliTest, SaysThatARunIsNotThere) {
  const auto outcome = run({"runs", "show", "999"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.errors, StartsWith("wellhead: there is no run 999"));
}

TEST_F(CliTest, FailsWhenALoadFails) {
  server_.add_fault(R"({"kind": "bearer", "token": "right", "match": "Observation"})");
  const auto outcome = run({"load", "02139", "--json"});
  EXPECT_EQ(outcome.status, 1) << outcome.errors;
  const Json answer(outcome.output);
  EXPECT_EQ(answer.text("/runs/0/run/state"), "failed");
  EXPECT_THAT(answer.text("/runs/0/run/failed_step"), HasSubstr("extract_observations"));
  EXPECT_THAT(outcome.errors, AllOf(HasSubstr("wellhead: the load of 02139 failed at extract_observations"),
                                    HasSubstr("401"), HasSubstr("wellhead runs show 1")));
}

TEST_F(CliTest, PlansWithoutLoading) {
  environment_["WELLHEAD_DATABASE_URL"] = "postgresql://127.0.0.1:1/none";
  const auto outcome = run({"load", "02139", "--plan", "--json"});
  ASSERT_EQ(outcome.status, 0) << outcome.errors;
  const Json answer(outcome.output);
  EXPECT_EQ(answer.number("/loads/0/estimate/patients"), 30);
  EXPECT_EQ(answer.text("/loads/0/estimate/resources/0/resource_type"), "Observation");
  EXPECT_EQ(answer.number("/loads/0/estimate/resources/0/resources"), 300);
  EXPECT_EQ(answer.number("/loads/0/estimate/rows"), 330);
  EXPECT_THAT(run({"load", "02139", "--plan"}).output, AllOf(StartsWith("ZIP"), HasSubstr("02139")));
}

TEST_F(CliTest, MigratesOnce) {
  EXPECT_GT(Json(run({"migrate", "--json"}).output).size("/done"), 0U);
  EXPECT_EQ(Json(run({"migrate", "--json"}).output).size("/done"), 0U);
}

TEST_F(CliTest, DoctorSaysWhatIsWrong) {
  const auto well = run({"doctor", "--json"});
  EXPECT_EQ(well.status, 0) << well.output;
  EXPECT_EQ(Json(well.output).size("/findings"), 3U);

  environment_["WELLHEAD_DATABASE_URL"] = "postgresql://127.0.0.1:1/none";
  environment_["WELLHEAD_SOURCE_URL"] = "http://127.0.0.1:1/fhir";
  environment_["WELLHEAD_BLOB_URL"] = "file:///proc/none";
  const auto ill = run({"doctor", "--json"});
  EXPECT_EQ(ill.status, 1);
  const Json findings(ill.output);
  for (const auto* ok : {"/findings/0/ok", "/findings/1/ok", "/findings/2/ok"}) EXPECT_FALSE(findings.flag(ok)) << ok;
  EXPECT_THAT(run({"doctor"}).output, AllOf(HasSubstr("FAILED"), HasSubstr("→")));
}

TEST_F(CliTest, UpServesAndStopsInSeconds) {
  Process up(WELLHEAD_PROGRAM, {"up", "--load", "02139"}, environment_);
  const auto api = api_of(up);
  ASSERT_THAT(api, StartsWith("http://127.0.0.1:")) << up.errors();
  wait_until([&] { return up.errors().find("complete") != std::string::npos; });
  const auto begun = std::chrono::steady_clock::now();
  up.signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0) << up.errors();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
}

TEST_F(CliTest, ServeQueuesForAWorkerAndLoadFollowsIt) {
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  ASSERT_THAT(api_of(serve), StartsWith("http://127.0.0.1:")) << serve.errors();
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
  wait_until([&] { return worker.errors().find("ready") != std::string::npos; });
  wait_until([&] {
    return !database_.connect().query("SELECT 1 FROM wellhead_journal.lease WHERE owner IS NOT NULL").empty();
  });
  const auto load = run({"load", "02139"});
  EXPECT_EQ(load.status, 0) << load.errors;
  EXPECT_EQ(database_.connect().query("SELECT epoch FROM wellhead_journal.lease").integer(0, 0), 1)
      << "the worker ran it; load never became the owner";
  for (auto* process : {&serve, &worker}) {
    process->signal(SIGINT);
    EXPECT_EQ(process->wait(), 0) << process->errors();
  }
}

// The value of a series in Prometheus' text format; 0: it is not there.
double series(const std::string& text, const std::string& name) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) return std::stod(line.substr(name.size() + 1));
  }
  return 0;
}

TEST_F(CliTest, AWorkerTellsWhatItCountsWithoutIds) {
  environment_["WELLHEAD_METRICS_LISTEN"] = "127.0.0.1:0";
  environment_["WELLHEAD_REQUEST_RATE"] = "3";
  server_.add_fault(R"({"kind": "server_error", "times": 2})");
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
  wait_until([&] { return worker.errors().find("ready") != std::string::npos; });
  wait_until([&] {
    return !database_.connect().query("SELECT 1 FROM wellhead_journal.lease WHERE owner IS NOT NULL").empty();
  });
  ASSERT_EQ(run({"load", "02139"}).status, 0);
  const auto log = worker.errors();
  const auto at = log.find("http://127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << log;
  const auto port = static_cast<std::uint16_t>(std::stoi(log.substr(at + 17)));
  EXPECT_EQ(webserver::testing::get(port, "/health/ready").status, 200);
  EXPECT_EQ(webserver::testing::get(port, "/patients").status, 404);
  const auto metrics = webserver::testing::get(port, "/metrics").body;
  EXPECT_EQ(series(metrics, R"(wellhead_rows_total{outcome="inserted",table="patient"})"), 30) << metrics;
  EXPECT_EQ(series(metrics, R"(wellhead_rows_total{outcome="inserted",table="observation"})"), 300);
  EXPECT_GE(series(metrics, R"(wellhead_batches_staged_total{resource_type="Observation"})"), 1);
  EXPECT_EQ(series(metrics, R"(wellhead_source_requests_total{status="5xx"})"), 2);
  EXPECT_GE(series(metrics, R"(wellhead_source_requests_total{status="2xx"})"), 3);
  EXPECT_EQ(series(metrics, "wellhead_source_retries_total"), 2);
  EXPECT_GT(series(metrics, "wellhead_source_received_bytes_total"), 10'000);
  EXPECT_GE(series(metrics, R"(wellhead_source_budget_wait_seconds_count{reason="budget"})"), 1);
  EXPECT_THAT(metrics, HasSubstr("wellhead_source_circuit_open{source=\"" + server_.base_url() + "\"} 0\n"));
  const auto patient = database_.connect().query("SELECT id, family FROM patient LIMIT 1");
  EXPECT_THAT(metrics, HasSubstr("wellhead_zipcode_lag_seconds{zipcode=\"02139\"} "));
  EXPECT_GE(series(metrics, R"(wellhead_source_request_seconds_count{method="GET"})"), 3);
  for (const std::string pool : {"wellhead loads", "wellhead journal", "wellhead api"}) {
    EXPECT_GT(series(metrics, "wellhead_database_connections_limit{pool=\"" + pool + "\"}"), 0) << pool;
  }
  EXPECT_GE(series(metrics, R"(wellhead_database_connection_wait_seconds_count{pool="wellhead loads"})"), 1);
  for (const auto& secret : {std::string(patient.text(0, 0)), std::string(patient.text(0, 1))}) {
    EXPECT_THAT(metrics, Not(HasSubstr(secret)));
  }
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
}

// W3C Trace Context: from who asked, through the logs, to the source.
TEST_F(CliTest, ATraceGoesFromWhoAsksToTheSource) {
  const std::string trace = "4bf92f3577b34da6a3ce929d0e0e4736";
  environment_["WELLHEAD_LOG_FORMAT"] = "json";
  environment_["WELLHEAD_LOG_LEVEL"] = "debug";
  Process up(WELLHEAD_PROGRAM, {"up"}, environment_);
  const auto api = api_of(up);
  ASSERT_THAT(api, StartsWith("http://127.0.0.1:")) << up.errors();
  const auto port = static_cast<std::uint16_t>(std::stoi(api.substr(api.rfind(':') + 1)));
  webserver::testing::RawClient client(port);
  client.send(
      "POST /zipcodes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 19\r\n"
      "traceparent: 00-" +
      trace + "-00f067aa0ba902b7-01\r\n\r\n{\"zipcode\":\"02139\"}");
  EXPECT_THAT(client.read_until(R"("joined":false})"), HasSubstr("202 Accepted"));
  wait_until(
      [&] { return webserver::testing::get(port, "/runs/1").body.find(R"("state":"complete")") != std::string::npos; });
  wait_until([&] { return up.errors().find("POST /zipcodes 202") != std::string::npos; });
  const std::string field = R"("trace":")" + trace + '"';
  bool access = false;
  bool load = false;
  std::istringstream lines(up.errors());
  for (std::string line; std::getline(lines, line);) {
    if (line.find(field) == std::string::npos) continue;
    access = access || line.find("POST /zipcodes 202") != std::string::npos;
    load = load || line.find(R"("run":1,)") != std::string::npos;
  }
  EXPECT_TRUE(access) << "the access log has the trace\n" << up.errors();
  EXPECT_TRUE(load) << "the load's lines have it\n" << up.errors();
  // Each request to the source has the trace and a parent id of its own.
  const std::string header = R"("traceparent":"00-)" + trace + "-";
  std::set<std::string> parents = {"00f067aa0ba902b7"};
  std::size_t requests = 0;
  std::istringstream asked(server_.request("GET", "/admin/log").body);
  for (std::string line; std::getline(asked, line); ++requests) {
    const auto at = line.find(header);
    ASSERT_NE(at, std::string::npos) << line;
    parents.insert(line.substr(at + header.size(), 16));
  }
  EXPECT_GE(requests, 3U);
  EXPECT_EQ(parents.size(), requests + 1);
  up.signal(SIGTERM);
  EXPECT_EQ(up.wait(), 0) << up.errors();
}

// As in a container: the settings of API and worker are there, and one of the two runs.
TEST_F(CliTest, HealthAsksWhoRuns) {
  environment_["WELLHEAD_LISTEN"] = "127.0.0.1:" + std::to_string(fixture::free_port());
  environment_["WELLHEAD_METRICS_LISTEN"] = "127.0.0.1:" + std::to_string(fixture::free_port());
  const auto nobody = run({"health"});
  EXPECT_EQ(nobody.status, 1);
  EXPECT_THAT(nobody.output, StartsWith("not ready: GET http://127.0.0.1:"));
  {
    Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
    wait_until([&] { return run({"health"}).status == 0; });
    const Json answer(run({"health", "--json"}).output);
    EXPECT_TRUE(answer.flag("/ready"));
    EXPECT_EQ(answer.text("/url"), "http://" + environment_["WELLHEAD_METRICS_LISTEN"] + "/health/ready");
    worker.signal(SIGTERM);
    EXPECT_EQ(worker.wait(), 0) << worker.errors();
  }
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  wait_until([&] { return run({"health"}).status == 0; });
  EXPECT_EQ(run({"health"}).output, "ready\n");
  database_.connect().execute("INSERT INTO schema_migration (version, name, digest) VALUES (9999, 'new', 'x')");
  const auto newer = run({"health"});
  EXPECT_EQ(newer.status, 1);
  EXPECT_THAT(newer.output, AllOf(StartsWith("not ready: "), HasSubstr("503"), HasSubstr("newer than this program")));
}

// Whatever name the certificate is for: here one that this machine does not have.
TEST_F(CliTest, HealthAsksByTlsWhereTheApiSpeaksIt) {
  const fs::path served = directory_.path() / "served";
  const fs::path other = directory_.path() / "other";
  for (const auto& place : {served, other}) {
    fs::create_directory(place);
    fixture::make_self_signed({place / "certificate.pem", place / "key.pem"}, "wellhead.example.org");
  }
  environment_["WELLHEAD_LISTEN"] = "127.0.0.1:" + std::to_string(fixture::free_port());
  environment_["WELLHEAD_TLS_CERTIFICATE_FILE"] = served / "certificate.pem";
  environment_["WELLHEAD_TLS_KEY_FILE"] = served / "key.pem";
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  wait_until([&] { return run({"health"}).status == 0; });
  EXPECT_EQ(Json(run({"health", "--json"}).output).text("/url"),
            "https://" + environment_["WELLHEAD_LISTEN"] + "/health/ready");
  environment_["WELLHEAD_TLS_CERTIFICATE_FILE"] = other / "certificate.pem";
  const auto somebody_else = run({"health"});
  EXPECT_EQ(somebody_else.status, 1);
  EXPECT_THAT(somebody_else.output, AllOf(StartsWith("not ready: "), HasSubstr("certificate")));
}

TEST_F(CliTest, AnInterruptedLoadGoesOn) {
  server_.add_fault(R"({"kind": "latency", "ms": 300})");
  environment_["WELLHEAD_PAGE_SIZE"] = "5";
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment_);
  wait_until([&] {
    return !database_.connect().query("SELECT to_regclass('staged_batch')").is_null(0, 0) && count("staged_batch") >= 2;
  });
  const auto begun = std::chrono::steady_clock::now();
  load.signal(SIGTERM);
  EXPECT_EQ(load.wait(), 1);
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(20));
  EXPECT_THAT(load.errors(), HasSubstr("wellhead: stopped before the load ended"));
  server_.clear_faults();
  const auto again = run({"load", "02139", "--json"});
  ASSERT_EQ(again.status, 0) << again.errors;
  EXPECT_EQ(Json(again.output).number("/runs/0/run/run"), 1);
  EXPECT_EQ(count("observation"), 300);
}

// A terminal that closes sends SIGHUP.
TEST_F(CliTest, ALoadByNohupOutlivesItsTerminal) {
  server_.add_fault(R"({"kind": "latency", "ms": 300})");
  environment_["WELLHEAD_PAGE_SIZE"] = "5";
  Process load("/usr/bin/nohup", {fs::absolute(WELLHEAD_PROGRAM), "load", "02139"}, environment_);
  wait_until([&] {
    return !database_.connect().query("SELECT to_regclass('staged_batch')").is_null(0, 0) && count("staged_batch") >= 1;
  });
  load.signal(SIGHUP);
  EXPECT_EQ(load.wait(), 0) << load.errors();
  EXPECT_EQ(count("observation"), 300);
}

TEST_F(CliTest, LogsInJsonLines) {
  environment_["WELLHEAD_LOG_FORMAT"] = "json";
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
  wait_until([&] { return worker.errors().find("ready") != std::string::npos; });
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0);
  std::istringstream lines(worker.errors());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) EXPECT_NE(Json(line).text("/message"), "") << line;
  EXPECT_GE(count, 2);
}

TEST_F(CliTest, WhatAnActivityLogsSaysItsRunZipCodeAndStep) {
  server_.add_fault(R"({"kind": "server_error", "match": "Observation", "times": 1})");
  const auto load = run({"load", "02139", "--log-format", "json", "--log-level", "debug"});
  ASSERT_EQ(load.status, 0) << load.errors;
  std::istringstream lines(load.errors);
  int retries = 0;
  int staged = 0;
  for (std::string line; std::getline(lines, line);) {
    const Json json(line);
    const auto message = json.text("/message");
    if (!message.starts_with("attempt 2 follows") && !message.starts_with("staged ")) continue;
    ++(message.starts_with("staged ") ? staged : retries);
    EXPECT_EQ(json.number("/run"), 1) << line;
    EXPECT_EQ(json.text("/zipcode"), "02139") << line;
    EXPECT_THAT(json.text("/step"), ::testing::MatchesRegex("extract_(patients|observations)/[0-9]+")) << line;
  }
  EXPECT_EQ(retries, 1) << load.errors;
  EXPECT_GE(staged, 2) << load.errors;
}

TEST_F(CliTest, DeletesTheStagedRowsOfEndedRunsWhenTheirTimeIsOver) {
  const auto blobs = directory_.path() / "blobs";
  environment_["WELLHEAD_BLOB_URL"] = "file://" + blobs.string();
  const auto files_below = [&](const char* kind) {
    std::size_t files = 0;
    if (!fs::exists(blobs / kind)) return files;
    for (const auto& entry : fs::recursive_directory_iterator(blobs / kind)) files += entry.is_regular_file() ? 1 : 0;
    return files;
  };
  ASSERT_EQ(run({"load", "02139"}).status, 0);
  EXPECT_GE(files_below("csv"), 2U);
  const auto raw = files_below("raw");
  EXPECT_GE(raw, 1U);

  database_.connect().execute("UPDATE run SET finished_at = finished_at - interval '8 days'");
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment_);
  wait_until([&] { return files_below("csv") == 0; });
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
  EXPECT_EQ(files_below("raw"), raw);

  const auto again = run({"load", "02139", "--keep-blobs", "0"});
  ASSERT_EQ(again.status, 0) << again.errors;
  EXPECT_EQ(files_below("csv"), 0U);
  EXPECT_EQ(count("observation"), 300);
}

TEST_F(CliTest, RunsAPostgresqlOfItsOwn) {
  environment_.erase("WELLHEAD_DATABASE_URL");
  const auto load = run({"load", "02139", "--json"});
  ASSERT_EQ(load.status, 0) << load.errors;
  const auto pid_file = [&] {
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path() / "home" / "postgres")) {
      if (entry.path().filename() == "postmaster.pid") return true;
    }
    return false;
  };
  EXPECT_FALSE(pid_file()) << "stopped with the command that started it";
  const auto asked = run({"psql", "-At", "-c", "SELECT count(*) FROM observation"});
  EXPECT_EQ(asked.status, 0) << asked.errors;
  EXPECT_EQ(asked.output, "300\n");
  EXPECT_EQ(run({"psql", "-c", "SELECT none"}).status, 1);
  const auto passed = run({"psql", "--log-level", "warn", "--", "-At", "-c", "SELECT count(*) FROM patient"});
  EXPECT_EQ(passed.output, "30\n") << passed.errors;
  EXPECT_THAT(run({"psql", "--", "--help"}).output, HasSubstr("psql is the PostgreSQL interactive terminal"));

  Process up(WELLHEAD_PROGRAM, {"up"}, environment_);
  ASSERT_THAT(api_of(up), StartsWith("http://127.0.0.1:")) << up.errors();
  EXPECT_EQ(run({"psql", "-At", "-c", "SELECT count(*) FROM patient"}).output, "30\n");
  EXPECT_TRUE(pid_file()) << "psql leaves a server alone that another process uses";
  up.signal(SIGINT);
  EXPECT_EQ(up.wait(), 0) << up.errors();
  EXPECT_FALSE(pid_file());
}

}  // namespace
}  // namespace wellhead::app
