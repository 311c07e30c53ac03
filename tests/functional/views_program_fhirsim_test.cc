// `wellhead` with several resource types and a user's view: killed in the middle, serving the tables, and its commands
// about views.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "library/webserver/testing/raw_client.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"
#include "tests/fixture/wait.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using fixture::Process;
using testing::HasSubstr;

constexpr std::string_view kActive = R"json({
  "resourceType": "ViewDefinition", "name": "active_conditions", "resource": "Condition",
  "description": "Conditions that are active.",
  "where": [{"path": "clinicalStatus.coding.exists(code = 'active')"}],
  "select": [{"column": [
    {"name": "id", "path": "getResourceKey()", "description": "Id of the condition"},
    {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"},
    {"name": "code", "path": "code.coding.code.first()", "type": "code",
     "tag": [{"name": "wellhead/filter", "value": "exact"}]}]}]})json";

class ViewsProgram : public testing::Test {
 protected:
  ViewsProgram() { write("active.json", kActive); }

  void write(const std::string& name, std::string_view text) const {
    std::ofstream(views_.path() / name, std::ios::binary) << text;
  }
  std::string path(const std::string& name) const { return (views_.path() / name).string(); }
  std::map<std::string, std::string> settings(const Warehouse& warehouse) const {
    return {{"WELLHEAD_SOURCE_URL", server_.base_url()},
            {"WELLHEAD_DATABASE_URL", warehouse.database_url()},
            {"WELLHEAD_BLOB_URL", warehouse.blob_url()},
            {"WELLHEAD_HOME", warehouse.blob_directory().string() + "/home"},
            {"WELLHEAD_LISTEN", "127.0.0.1:0"},
            {"WELLHEAD_PAGE_SIZE", "20"},
            {"WELLHEAD_RESOURCES", "patient,observation,encounter,condition"},
            {"WELLHEAD_VIEWS", views_.path().string()}};
  }
  struct Outcome {
    int status;
    std::string output, errors;
  };
  static Outcome run(std::vector<std::string> arguments, const std::map<std::string, std::string>& environment = {}) {
    Process process(WELLHEAD_PROGRAM, std::move(arguments), environment);
    const int status = process.wait(std::chrono::seconds(120));
    return {status, process.output(), process.errors()};
  }
  static std::string rows(const Warehouse& warehouse) {
    return warehouse.content() + warehouse.content("encounter") + warehouse.content("condition") +
           warehouse.content("active_conditions");
  }

  fixture::TestDirectory views_;
  FhirSim server_{
      {"--generate", "80", "--observations", "10", "--encounters", "3", "--conditions", "3", "--zip", "02139"}};
  Warehouse warehouse_;
};

TEST_F(ViewsProgram, KilledLoadsOfSeveralTypesEndWithEqualRowsAndReceipts) {
  Warehouse undisturbed;
  const auto whole = run({"load", "02139"}, settings(undisturbed));
  ASSERT_EQ(whole.status, 0) << whole.errors;
  int kills = 0;
  for (int round = 0; round < 4; ++round) {
    const auto enough = server_.request_log().size() + 6 + 4 * static_cast<std::size_t>(round);
    server_.add_fault(R"({"kind":"hold","after":)" + std::to_string(12 + 4 * round) + "}");
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings(warehouse_));
    fixture::wait_until([&] { return !load.running() || server_.request_log().size() >= enough; });
    if (!load.running()) break;
    load.signal(SIGKILL);
    EXPECT_EQ(load.wait(), 128 + SIGKILL);
    server_.clear_faults();
    ++kills;
  }
  server_.clear_faults();
  EXPECT_GE(kills, 2);
  const auto last = run({"load", "02139"}, settings(warehouse_));
  ASSERT_EQ(last.status, 0) << last.errors;
  EXPECT_EQ(rows(warehouse_), rows(undisturbed));
  EXPECT_EQ(warehouse_.receipts(), undisturbed.receipts());
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM receipt"), 5);
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM receipt WHERE entries_received <> duplicates + out_of_zip + "
                              "rejected + erased + filtered + staged"),
            0);
}

TEST_F(ViewsProgram, TheTablesAreServedAndDocumented) {
  ASSERT_EQ(run({"load", "02139"}, settings(warehouse_)).status, 0);
  auto environment = settings(warehouse_);
  environment.erase("WELLHEAD_RESOURCES");  // what was loaded before is served
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment);
  std::string url;
  fixture::wait_until([&] {
    const auto output = serve.output();
    const auto at = output.find("http://");
    if (at != std::string::npos && output.find('\n', at) != std::string::npos)
      url = output.substr(at, output.find('\n', at) - at);
    return !url.empty() || !serve.running();
  });
  ASSERT_FALSE(url.empty()) << serve.errors();
  const auto port = static_cast<std::uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  const auto get = [&](const std::string& target) { return webserver::testing::get(port, target).body; };
  const auto patient = warehouse_.value("SELECT min(patient_id) FROM active_conditions");
  const auto list = get("/active_conditions?patient_id=" + patient);
  EXPECT_THAT(list, HasSubstr(R"("patient_id":")" + patient));
  EXPECT_EQ(get("/patients/" + patient + "/active_conditions"), list);
  EXPECT_THAT(get("/condition?clinical_status=active&limit=1"), HasSubstr(R"("next":"/condition?)"));
  EXPECT_THAT(get("/encounter/" + warehouse_.value("SELECT min(id) FROM encounter")), HasSubstr(R"("class":)"));
  EXPECT_THAT(get("/active_conditions/none"), HasSubstr("There is no row of active_conditions"));
  EXPECT_THAT(get("/allergy_intolerance"), HasSubstr("404"));
  const auto document = get("/openapi.json");
  for (const auto* path : {"/active_conditions", "/condition/{id}", "/patients/{id}/encounter"}) {
    EXPECT_THAT(document, HasSubstr(path));
  }
  EXPECT_THAT(document, HasSubstr("Conditions that are active."));
  serve.signal(SIGTERM);
  EXPECT_EQ(serve.wait(std::chrono::seconds(20)), 0) << serve.errors();
}

TEST_F(ViewsProgram, AViewThatWouldLoseDataIsRefused) {
  ASSERT_EQ(run({"migrate"}, settings(warehouse_)).status, 0);
  write("active.json", R"json({"name": "active_conditions", "resource": "Condition", "select": [{"column": [
    {"name": "id", "path": "getResourceKey()"},
    {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"}]}]})json");
  const auto refused = run({"migrate"}, settings(warehouse_));
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.errors, HasSubstr("table active_conditions cannot follow its view: column code"));
  EXPECT_THAT(refused.errors, HasSubstr("ALTER TABLE"));
  write("active.json", R"json({"name": "active_conditions", "resource": "Condition", "select": [{"column": [
    {"name": "id", "path": "getResourceKey("}]}]})json");
  const auto broken = run({"load", "02139"}, settings(warehouse_));
  EXPECT_EQ(broken.status, 1);
  EXPECT_THAT(broken.errors, HasSubstr("active.json: view active_conditions, select[0].column[0] (id)"));
}

TEST_F(ViewsProgram, ListShowsWhatIsLoadedFromWhere) {
  const auto listed = run({"views", "list", "--resources", "encounter", "--views", views_.path().string()});
  ASSERT_EQ(listed.status, 0) << listed.errors;
  EXPECT_THAT(listed.output, testing::ContainsRegex("encounter +Encounter +[0-9]+ +yes +built in"));
  EXPECT_THAT(listed.output, testing::ContainsRegex("observation +Observation +[0-9]+ +no +built in"));
  EXPECT_THAT(listed.output, testing::ContainsRegex("active_conditions +Condition +3 +yes +/.*active.json"));
  EXPECT_THAT(run({"views", "list", "--json"}).output, HasSubstr(R"("name":"allergy_intolerance")"));
  EXPECT_EQ(run({"views", "list", "--resources", "nonsense"}).status, 2);
}

TEST_F(ViewsProgram, CheckAndRunWorkWithoutADatabase) {
  const auto good = run({"views", "check", path("active.json")});
  EXPECT_EQ(good.status, 0) << good.errors;
  EXPECT_THAT(good.output, HasSubstr("one row a resource; key id, patient patient_id"));
  write("bad.json",
        R"({"name": "x", "resource": "Condition", "select": [{"column": [{"name": "id", "path": "id +"}]}]})");
  const auto bad = run({"views", "check", path("bad.json"), "--json"});
  EXPECT_EQ(bad.status, 1);
  EXPECT_THAT(bad.output, HasSubstr("select[0].column[0] (id)"));
  EXPECT_EQ(run({"views", "check", path("none.json")}).status, 2);

  write("in.ndjson", R"({"resourceType":"Condition","id":"a","clinicalStatus":{"coding":[{"code":"active"}]},)"
                     R"("subject":{"reference":"Patient/p"},"code":{"coding":[{"code":"x,y"}]}}
{"resourceType":"Condition","id":"b","subject":{"reference":"Patient/p"}}
{"resourceType":"Patient","id":"p"}
)");
  const auto csv = run({"views", "run", path("active.json"), path("in.ndjson")});
  EXPECT_EQ(csv.status, 0) << csv.errors;
  EXPECT_THAT(csv.output, HasSubstr("id,patient_id,code\n"));
  EXPECT_THAT(csv.output, HasSubstr("\"x,y\"\n"));
  EXPECT_EQ(run({"views", "run", path("active.json"), path("in.ndjson"), "--format", "ndjson"}).output,
            R"({"id":"a","patient_id":"p","code":"x,y"})"
            "\n");
  EXPECT_EQ(run({"views", "run", path("active.json"), path("in.ndjson"), "--json"}).output,
            "[\n{\"id\":\"a\",\"patient_id\":\"p\",\"code\":\"x,y\"}\n]\n");
  write("in.ndjson", "{\"resourceType\":\"Condition\"");
  const auto rejected = run({"views", "run", path("active.json"), path("in.ndjson")});
  EXPECT_EQ(rejected.status, 1);
  EXPECT_THAT(rejected.errors, HasSubstr("in.ndjson:1: rejected"));
  EXPECT_EQ(run({"views", "run", path("active.json"), path("none")}).status, 2);
}

TEST_F(ViewsProgram, TestRunsSuitesAndReports) {
  const std::string suites = std::filesystem::absolute(WELLHEAD_SOURCE_DIR "/library/converter/testdata/suite");
  const auto passed = run({"views", "test", suites, "--report", path("report.json")});
  EXPECT_EQ(passed.status, 0) << passed.output;
  EXPECT_THAT(passed.output, HasSubstr(" passed\n"));
  std::ifstream report(path("report.json"));
  const std::string json((std::istreambuf_iterator<char>(report)), std::istreambuf_iterator<char>());
  EXPECT_THAT(json, HasSubstr(R"("passed": true)"));
  EXPECT_EQ(run({"views", "test", path("none")}).status, 2);
}

}  // namespace
}  // namespace wellhead::functional
