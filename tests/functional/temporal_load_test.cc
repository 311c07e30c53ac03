// Loads on a Temporal server, by the program: equal to loads of the embedded engine, whatever is killed meanwhile.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <csignal>
#include <set>
#include <sstream>

#include "library/webserver/testing/raw_client.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/loopback.h"
#include "tests/fixture/process.h"
#include "tests/fixture/temporal_gateway.h"
#include "tests/fixture/temporal_server.h"
#include "tests/fixture/wait.h"
#include "tests/functional/program.h"
#include "tests/functional/temporal_histories.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

// A list of a JSON answer, by one member of its elements.
std::set<std::string> members(const std::string& json, const char* list, const char* member) {
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.parse(json);
  std::set<std::string> values;
  for (const auto element : simdjson::dom::array(root.at_pointer(list))) {
    values.emplace(std::string_view(element.at_pointer(member)));
  }
  return values;
}

std::string text(const std::string& json, const char* pointer) {
  simdjson::dom::parser parser;
  const simdjson::dom::element root = parser.parse(json);
  return simdjson::minify(root.at_pointer(pointer));
}

class TemporalLoad : public testing::Test {
 protected:
  explicit TemporalLoad(std::vector<std::string> server_arguments = {})
      : server_({"--generate", "120", "--observations", "10", "--zip", "02139"}),
        temporal_(std::move(server_arguments)) {
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
  // From then on the source answers nothing until its faults are cleared: the load is caught in the middle.
  void hold_after(int requests) { server_.add_fault(R"({"kind":"hold","after":)" + std::to_string(requests) + "}"); }
  bool held() const {
    const auto log = server_.request_log();
    return std::ranges::any_of(log, [](const auto& request) { return !request.faults.empty(); });
  }
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
  record_history(temporal_, "load-zipcode/02139/1", "complete");
}

// What `wellhead runs show` tells, whichever engine ran it. Batches grow by time, so the number of steps may differ.
TEST_F(TemporalLoad, IsShownAsAnEmbeddedLoadIs) {
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  ASSERT_EQ(load.wait(), 0) << load.errors();
  const auto shown = [](const std::map<std::string, std::string>& environment) {
    Process show(WELLHEAD_PROGRAM, {"runs", "show", "1", "--json"}, environment);
    EXPECT_EQ(show.wait(), 0) << show.errors();
    return show.output();
  };
  const auto here = shown(settings());
  const auto there = shown(program_settings(undisturbed_, server_));
  EXPECT_EQ(members(here, "/steps", "/name"), members(there, "/steps", "/name"));
  EXPECT_EQ(members(here, "/steps", "/state"), std::set<std::string>{"completed"});
  for (const auto* member : {"/executions/0/workflow_type", "/executions/0/state", "/run/state", "/run/zipcode"}) {
    EXPECT_EQ(text(here, member), text(there, member)) << member;
  }
  Process plain(WELLHEAD_PROGRAM, {"runs", "show", "1"}, settings());
  ASSERT_EQ(plain.wait(), 0) << plain.errors();
  EXPECT_THAT(plain.output(), AllOf(HasSubstr("Run 1 of 02139"), HasSubstr("issue_receipt")));
}

class TemporalLoadOfShortHistories : public TemporalLoad {
 protected:
  TemporalLoadOfShortHistories()
      : TemporalLoad({"--dynamic-config-value", "limit.historyCount.suggestContinueAsNew=25"}) {}
};

TEST_F(TemporalLoadOfShortHistories, ContinuesAsNewWhenTheServerSuggestsIt) {
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  expect_equal_to_undisturbed();
  Process show(WELLHEAD_PROGRAM, {"runs", "show", "1", "--json"}, settings());
  ASSERT_EQ(show.wait(), 0) << show.errors();
  EXPECT_EQ(members(show.output(), "/executions", "/state"), (std::set<std::string>{"completed", "continued"}));
  record_history(temporal_, "load-zipcode/02139/1", "continued");
}

TEST_F(TemporalLoad, GoesOnWhateverIsKilled) {
  for (int round = 0; round < 3; ++round) {
    server_.clear_log();
    hold_after(20);
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
    fixture::wait_until([&] { return !load.running() || held(); });
    ASSERT_TRUE(load.running()) << load.output() << load.errors();
    load.signal(SIGKILL);
    load.wait();
    server_.clear_faults();
    if (round != 1) continue;
    temporal_.kill();
    temporal_.start_again();
  }
  server_.clear_log();
  hold_after(20);
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  fixture::wait_until([&] { return !load.running() || held(); });
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
  request_load(settings(), "02139");
  fixture::wait_until([&] { return warehouse_.value("SELECT string_agg(state, ' ') FROM run") == "complete"; });
  for (Process* process : {&workflows, &extraction, &rest}) {
    process->signal(SIGTERM);
    EXPECT_EQ(process->wait(), 0) << process->errors();
  }
  expect_equal_to_undisturbed();
}

std::uint16_t port_of(const std::string& text) {
  return static_cast<std::uint16_t>(std::stoi(text.substr(text.rfind(':') + 1)));
}

TEST_F(TemporalLoad, AWorkerTellsItsHealthAndItsMetrics) {
  auto environment = settings();
  const auto metrics = "127.0.0.1:" + std::to_string(fixture::free_port());
  const auto core_metrics = "127.0.0.1:" + std::to_string(fixture::free_port());
  environment["WELLHEAD_METRICS_LISTEN"] = metrics;
  environment["WELLHEAD_CORE_METRICS_LISTEN"] = core_metrics;
  environment["WELLHEAD_SLOTS"] = "extraction=3,loading=1";
  environment["WELLHEAD_POLLERS"] = "3";
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment);
  const auto get = [](const std::string& address, const std::string& path) {
    return webserver::testing::get(port_of(address), path);
  };
  fixture::wait_until([&] { return !worker.running() || worker.errors().find("ready") != std::string::npos; });
  ASSERT_TRUE(worker.running()) << worker.errors();
  EXPECT_EQ(get(metrics, "/health/ready").status, 200);
  request_load(settings(), "02139");
  fixture::wait_until([&] { return warehouse_.value("SELECT string_agg(state, ' ') FROM run") == "complete"; });
  EXPECT_THAT(get(metrics, "/metrics").body, HasSubstr("wellhead_activity_attempts_total"));
  EXPECT_THAT(get(core_metrics, "/metrics").body, HasSubstr("temporal_activity_execution_latency"));

  temporal_.kill();
  const auto away = get(metrics, "/health/ready");
  EXPECT_EQ(away.status, 503);
  EXPECT_THAT(away.body, HasSubstr("Temporal"));
  EXPECT_EQ(get(metrics, "/health/live").status, 200);
  temporal_.start_again();
  fixture::wait_until([&] { return get(metrics, "/health/ready").status == 200; });
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
  expect_equal_to_undisturbed();
}

// Steps that a worker works on, by its metrics.
double running_steps(const std::string& metrics_address) {
  const auto body = webserver::testing::get(port_of(metrics_address), "/metrics").body;
  std::istringstream lines(body);
  double sum = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("wellhead_activities_running{")) sum += std::stod(line.substr(line.rfind(' ')));
  }
  return sum;
}

// So long that the worker gives up telling the server of what it has done: that is then done by nobody, and found done.
TEST_F(TemporalLoad, AnOutageBeyondAllRetriesLosesNothing) {
  auto environment = settings();
  const auto metrics = "127.0.0.1:" + std::to_string(fixture::free_port());
  environment["WELLHEAD_METRICS_LISTEN"] = metrics;
  hold_after(40);
  Process worker(WELLHEAD_PROGRAM, {"worker"}, environment);
  request_load(settings(), "02139");
  fixture::wait_until([&] { return !worker.running() || held(); });
  ASSERT_TRUE(worker.running()) << worker.errors();
  EXPECT_GT(running_steps(metrics), 0);
  temporal_.kill();
  server_.clear_faults();
  fixture::wait_until([&] { return !worker.running() || running_steps(metrics) == 0; });
  ASSERT_TRUE(worker.running()) << worker.errors();
  FetchProof proof;
  proof.note(warehouse_, server_);
  EXPECT_EQ(webserver::testing::get(port_of(metrics), "/health/ready").status, 503);
  temporal_.start_again();
  fixture::wait_until([&] { return !worker.running() || warehouse_.value("SELECT state FROM run") == "complete"; });
  ASSERT_TRUE(worker.running()) << worker.errors();
  EXPECT_THAT(proof.figures(warehouse_, server_).fetched_again, testing::IsEmpty());
  expect_equal_to_undisturbed();
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
}

TEST_F(TemporalLoad, OfAScheduleIsFoundByItsZipCode) {
  Process add(WELLHEAD_PROGRAM, {"schedule", "add", "02139", "--cron", "0 0 29 2 *"}, settings());
  ASSERT_EQ(add.wait(), 0) << add.errors();
  Process trigger(WELLHEAD_PROGRAM, {"schedule", "trigger", "02139"}, settings());
  ASSERT_EQ(trigger.wait(), 0) << trigger.errors();
  hold_after(20);
  Process worker(WELLHEAD_PROGRAM, {"worker"}, settings());
  const auto found = "WorkflowType = 'load_zipcode' AND WellheadZipcode = '02139' AND WellheadSource = '" +
                     server_.base_url() + "' AND ";
  fixture::wait_until([&] { return !worker.running() || temporal_.count(found + "WellheadState = 'running'") == 1; });
  ASSERT_TRUE(worker.running()) << worker.errors();
  server_.clear_faults();
  fixture::wait_until(
      [&] { return !worker.running() || temporal_.count(found + "ExecutionStatus = 'Completed'") == 1; });
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
  expect_equal_to_undisturbed();
}

// A deployment in the middle of a load: the new build goes on with what the old one began.
TEST_F(TemporalLoad, GoesOnWithTheNextBuild) {
  const auto build = [&](const std::string& id) {
    auto environment = settings();
    environment["WELLHEAD_DEPLOYMENT"] = "wellhead";
    environment["WELLHEAD_BUILD_ID"] = id;
    return environment;
  };
  hold_after(30);
  Process old(WELLHEAD_PROGRAM, {"worker"}, build("1"));
  temporal_.set_current_build("wellhead", "1");
  request_load(settings(), "02139");
  fixture::wait_until([&] { return !old.running() || held(); });
  ASSERT_TRUE(old.running()) << old.errors();
  Process next(WELLHEAD_PROGRAM, {"worker"}, build("2"));
  temporal_.set_current_build("wellhead", "2");
  old.signal(SIGTERM);
  EXPECT_EQ(old.wait(), 0) << old.errors();
  EXPECT_EQ(warehouse_.value("SELECT state FROM run"), "running");
  server_.clear_faults();
  fixture::wait_until([&] { return !next.running() || warehouse_.value("SELECT state FROM run") == "complete"; });
  expect_equal_to_undisturbed();
  next.signal(SIGTERM);
  EXPECT_EQ(next.wait(), 0) << next.errors();
}

TEST_F(TemporalLoad, TheDoctorLooksAtTheServer) {
  const auto told = [](const std::map<std::string, std::string>& environment) {
    Process doctor(WELLHEAD_PROGRAM, {"doctor"}, environment);
    doctor.wait();
    return doctor.output();
  };
  EXPECT_THAT(
      told(settings()),
      AllOf(HasSubstr("the Temporal server at " + temporal_.address() + " answers"),
            HasSubstr("no worker serves wellhead (workflows), wellhead, wellhead-extraction, wellhead-loading")));
  Process worker(WELLHEAD_PROGRAM, {"worker", "--serve-queues", "workflows,default,loading"}, settings());
  fixture::wait_until(
      [&] { return !worker.running() || told(settings()).ends_with("no worker serves wellhead-extraction\n"); });
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
  auto elsewhere = settings();
  elsewhere["TEMPORAL_NAMESPACE"] = "nowhere";
  EXPECT_THAT(told(elsewhere), AllOf(HasSubstr("FAILED  engine"), HasSubstr("Namespace nowhere is not found")));
}

TEST_F(TemporalLoad, RefusesSettingsThatCannotBe) {
  const auto refusal = [&](const std::string& name, const std::string& value) {
    auto environment = settings();
    environment[name] = value;
    Process worker(WELLHEAD_PROGRAM, {"worker"}, environment);
    EXPECT_NE(worker.wait(), 0);
    return worker.errors();
  };
  EXPECT_THAT(refusal("WELLHEAD_SLOTS", "extraction=many"), HasSubstr("'extraction=many', which is not a queue and"));
  EXPECT_THAT(refusal("WELLHEAD_SLOTS", "other=2"), HasSubstr("'other=2', which is not a queue and"));
  EXPECT_THAT(refusal("WELLHEAD_SERVE_QUEUES", "extract"), HasSubstr("'extract', which is no queue"));
  EXPECT_THAT(refusal("WELLHEAD_PAYLOAD_KEYS", "a:secret"), AllOf(HasSubstr("key 1"), Not(HasSubstr("secret"))));
  EXPECT_THAT(refusal("TEMPORAL_NAMESPACE", "nowhere"), HasSubstr("nowhere"));
  EXPECT_THAT(refusal("TEMPORAL_TLS", "true"), HasSubstr("no connection to the Temporal server"));
}

class TemporalLoadThroughAGateway : public TemporalLoad {
 protected:
  std::map<std::string, std::string> secured() const {
    auto environment = settings();
    environment["TEMPORAL_ADDRESS"] = gateway_.address();
    environment["TEMPORAL_API_KEY"] = fixture::TemporalGateway::kKey;
    environment["TEMPORAL_TLS_SERVER_CA_CERT_PATH"] = gateway_.authority().string();
    environment["TEMPORAL_TLS_CLIENT_CERT_PATH"] = gateway_.client_certificate().string();
    environment["TEMPORAL_TLS_CLIENT_KEY_PATH"] = gateway_.client_key().string();
    return environment;
  }
  // Of a load with one setting that is wrong; an empty one is not set.
  std::string refusal(const std::map<std::string, std::string>& wrong) const {
    auto environment = secured();
    for (const auto& [name, value] : wrong) environment[name] = value;
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
    EXPECT_NE(load.wait(), 0) << load.output();
    EXPECT_THAT(load.errors(), Not(HasSubstr("-key\"")));
    return load.errors();
  }

  fixture::TemporalGateway gateway_{temporal_.address()};
};

TEST_F(TemporalLoadThroughAGateway, EqualsAnEmbeddedLoadAndNamesWhatIsWrong) {
  EXPECT_THAT(refusal({{"TEMPORAL_TLS_SERVER_CA_CERT_PATH", gateway_.stranger().string()}}),
              AllOf(HasSubstr("no connection to the Temporal server"), HasSubstr("UnknownIssuer")));
  EXPECT_THAT(refusal({{"TEMPORAL_TLS_SERVER_NAME", "other.test"}}), HasSubstr("not valid for name"));
  EXPECT_THAT(refusal({{"TEMPORAL_TLS_CLIENT_CERT_PATH", ""}, {"TEMPORAL_TLS_CLIENT_KEY_PATH", ""}}),
              HasSubstr("no connection to the Temporal server"));
  EXPECT_THAT(refusal({{"TEMPORAL_TLS_CLIENT_KEY_PATH", ""}}), HasSubstr("only one of"));
  EXPECT_THAT(refusal({{"TEMPORAL_API_KEY", fixture::TemporalGateway::kOldKey}}), HasSubstr("API key expired"));
  EXPECT_THAT(refusal({{"TEMPORAL_API_KEY", ""}}), HasSubstr("no connection to the Temporal server"));

  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, secured());
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  expect_equal_to_undisturbed();
}

// What the server keeps of a load with keys names neither its zip code, but for the workflow's id, nor its source.
TEST_F(TemporalLoad, IsEncrypted) {
  auto environment = settings();
  environment["WELLHEAD_PAYLOAD_KEYS"] = "one:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
  ASSERT_EQ(load.wait(), 0) << load.output() << load.errors();
  expect_equal_to_undisturbed();
  const auto kept = history_bytes(temporal_, "load-zipcode/02139/1");
  EXPECT_THAT(kept, AllOf(HasSubstr("binary/encrypted"), Not(HasSubstr("\"zipcode\"")), Not(HasSubstr("steps_per"))));
  Process show(WELLHEAD_PROGRAM, {"runs", "show", "1"}, environment);
  ASSERT_EQ(show.wait(), 0) << show.errors();
  EXPECT_THAT(show.output(), HasSubstr("issue_receipt"));
  Process blind(WELLHEAD_PROGRAM, {"runs", "show", "1"}, settings());
  EXPECT_EQ(blind.wait(), 1);
  EXPECT_THAT(blind.output(), HasSubstr("Run 1 of 02139")) << "what the tables tell is told";
  EXPECT_THAT(blind.errors(), HasSubstr("is encrypted with key 'one', which is not here"));
}

TEST_F(TemporalLoad, AWorkerWaitsForTheServerAtItsStart) {
  temporal_.kill();
  Process stopped(WELLHEAD_PROGRAM, {"worker"}, settings());
  Process worker(WELLHEAD_PROGRAM, {"worker"}, settings());
  for (Process* process : {&stopped, &worker}) {
    fixture::wait_until(
        [&] { return !process->running() || process->errors().find("trying again") != std::string::npos; });
    ASSERT_TRUE(process->running()) << process->errors();
  }
  stopped.signal(SIGTERM);
  EXPECT_EQ(stopped.wait(), 1) << "it gives up when it is told to";
  EXPECT_THAT(stopped.errors(), HasSubstr("no connection to the Temporal server at " + temporal_.address()));
  temporal_.start_again();
  request_load(settings(), "02139");
  fixture::wait_until([&] { return !worker.running() || warehouse_.value("SELECT state FROM run") == "complete"; });
  expect_equal_to_undisturbed();
  worker.signal(SIGTERM);
  EXPECT_EQ(worker.wait(), 0) << worker.errors();
}

TEST_F(TemporalLoad, SaysThatThereIsNoServer) {
  temporal_.kill();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  EXPECT_NE(load.wait(), 0);
  EXPECT_THAT(load.errors(), HasSubstr("no connection to the Temporal server at " + temporal_.address()));
}

}  // namespace
}  // namespace wellhead::functional
