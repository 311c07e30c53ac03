// Loads from fhirsim into PostgreSQL in one process. Every test of a fault ends by proving recovery: the same rows and
// counts as an undisturbed load.
#include <gtest/gtest.h>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/wait.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;

std::vector<std::string> generated(int patients, int observations) {
  return {"--generate", std::to_string(patients), "--observations", std::to_string(observations), "--zip", "02139"};
}

// What two equal receipts have in common.
std::string counts(const zipcode::Receipt& receipt) {
  auto comparable = receipt;
  comparable.requests = comparable.retries = comparable.bytes_received = 0;
  comparable.seconds = 0;
  return meta::to_json(comparable);
}

zipcode::LoadOptions small_steps() {
  zipcode::LoadOptions options;
  options.page_size = 20;
  options.batch_bytes = 100'000;
  options.rows_per_load = 500;
  return options;
}

struct Undisturbed {
  explicit Undisturbed(FhirSim& server, const zipcode::LoadOptions& options = small_steps()) {
    Warehouse warehouse;
    Pipeline pipeline(warehouse, server.base_url());
    const auto loaded = pipeline.load("02139", options);
    EXPECT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
    content = warehouse.content();
    patients = counts(loaded.patients());
    observations = counts(loaded.observations());
  }
  std::string content, patients, observations;
};

void expect_equal(const Undisturbed& expected, const Warehouse& warehouse, const Pipeline::Loaded& loaded) {
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(warehouse.content(), expected.content);
  EXPECT_EQ(counts(loaded.patients()), expected.patients);
  EXPECT_EQ(counts(loaded.observations()), expected.observations);
}

TEST(Load, LandsEveryPatientAndObservationWithAReceipt) {
  FhirSim server(generated(120, 10));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM patient"), 120);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM observation"), 1200);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM zipcode_patient WHERE zipcode = '02139'"), 120);
  EXPECT_EQ(loaded.patients().server_total_before, 120);
  EXPECT_EQ(loaded.patients().inserted, 120);
  EXPECT_EQ(loaded.observations().server_total_before, 1200);
  EXPECT_EQ(loaded.observations().inserted, 1200);
  EXPECT_EQ(loaded.observations().missing, 0);
  // Every row points at the resource it came from.
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM observation WHERE raw_blob_id IS NULL OR raw_frame IS NULL"), 0);
}

TEST(Load, LoadingAgainChangesNothing) {
  FhirSim server(generated(60, 10));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto first = pipeline.load("02139");
  const auto content = warehouse.content();
  const auto second = pipeline.load("02139");
  ASSERT_EQ(second.run.state, "complete") << second.run.error.value_or("");
  EXPECT_NE(first.run.run, second.run.run);
  EXPECT_EQ(warehouse.content(), content);
  for (const auto& receipt : second.receipts) {
    EXPECT_EQ(receipt.inserted, 0);
    EXPECT_EQ(receipt.updated, 0);
    EXPECT_EQ(receipt.unchanged, receipt.staged);
    EXPECT_EQ(receipt.no_longer_found, 0);
  }
  EXPECT_EQ(first.patients().digest, second.patients().digest);
  EXPECT_EQ(first.observations().digest, second.observations().digest);
}

TEST(Load, ZipcodeWithoutPatientsIsComplete) {
  FhirSim server(generated(3, 1));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("99999");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.patients().entries_received, 0);
  EXPECT_EQ(loaded.observations().entries_received, 0);
}

TEST(Load, PrefixMatchesOfTheServerStayOut) {
  FhirSim server(generated(10, 2));
  server.put_resource(R"({"resourceType":"Patient","id":"longer","address":[{"postalCode":"021390"}]}
{"resourceType":"Patient","id":"plus4","address":[{"postalCode":"02139-1234"}]}
{"resourceType":"Patient","id":"moved","address":[{"use":"old","postalCode":"02139"},{"use":"home","postalCode":"10001"}]}
)");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.patients().entries_received, 13);
  EXPECT_EQ(loaded.patients().out_of_zip, 1);
  EXPECT_EQ(loaded.patients().staged, 12);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM patient WHERE id = 'longer'"), 0);
  EXPECT_EQ(warehouse.value("SELECT postal_code FROM zipcode_patient WHERE patient_id = 'plus4'"), "02139-1234");
  // In the zip code by an old address, but its row shows where it lives.
  EXPECT_EQ(warehouse.value("SELECT postal_code FROM patient WHERE id = 'moved'"), "10001");
}

struct FaultCase {
  const char* name;
  const char* rule;
};

class LoadThrough : public testing::TestWithParam<FaultCase> {};

TEST_P(LoadThrough, FaultsGivesEqualRowsAndReceipt) {
  FhirSim server(generated(80, 12));
  const Undisturbed undisturbed(server);
  server.add_fault(GetParam().rule);
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139", small_steps());
  expect_equal(undisturbed, warehouse, loaded);
  bool fired = false;
  for (const auto& request : server.request_log()) fired = fired || !request.faults.empty();
  EXPECT_TRUE(fired) << "the fault never happened";
}

INSTANTIATE_TEST_SUITE_P(
    Faults, LoadThrough,
    testing::Values(FaultCase{"TooManyRequests", R"({"kind":"too_many_requests","probability":0.2,"retry_after":"0"})"},
                    FaultCase{"ServerError", R"({"kind":"server_error","probability":0.2,"status":503})"},
                    FaultCase{"Reset", R"({"kind":"reset","probability":0.2})"},
                    FaultCase{"Truncated", R"({"kind":"truncate","probability":0.2})"},
                    FaultCase{"ResetInBody", R"({"kind":"reset_in_body","probability":0.2})"},
                    FaultCase{"HtmlError", R"({"kind":"html_error","probability":0.2,"status":502})"},
                    FaultCase{"ExpiredPages", R"({"kind":"expire_pages","uses":0,"times":3})"},
                    FaultCase{"ShortLists", R"({"kind":"short_list"})"},
                    FaultCase{"Drip", R"({"kind":"drip","bytes":2000,"ms":5,"times":3})"}),
    [](const testing::TestParamInfo<FaultCase>& tested) { return tested.param.name; });

TEST(Load, RepeatedEntriesAreCountedAndLoadedOnce) {
  FhirSim server(generated(80, 12));
  const Undisturbed undisturbed(server);
  server.add_fault(R"({"kind":"repeat_entries","count":3})");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139", small_steps());
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(warehouse.content(), undisturbed.content);
  EXPECT_GT(loaded.patients().duplicates, 0);
  EXPECT_GT(loaded.observations().duplicates, 0);
  EXPECT_EQ(loaded.patients().staged, 80);
}

TEST(Load, ResourcesThatCannotBecomeRowsAreRejectedAndTheRestGoesOn) {
  FhirSim server(generated(20, 10));
  server.put_resource(
      R"({"resourceType":"Patient","id":"bad-date","birthDate":"1980-02-30","address":[{"postalCode":"02139"}]}
{"resourceType":"Patient","id":"nul","name":[{"family":"A\u0000B"}],"address":[{"postalCode":"02139"}]}
)");
  server.put_raw("Patient", "02139", R"({"resourceType":"Patient","address":[{"postalCode":"02139"}]})");
  server.put_raw("Patient", "02139",
                 "{\"resourceType\":\"Patient\",\"id\":\"bad-utf8\",\"name\":[{\"family\":\"\xff\"}],\"address\":[{"
                 "\"postalCode\":\"02139\"}]}");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.patients().rejected, 4);
  EXPECT_EQ(loaded.patients().staged, 20);
  EXPECT_EQ(loaded.observations().staged, 200);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM reject WHERE resource_type = 'Patient'"), 4);
  // The reason names the column, the raw JSON is kept as it came.
  EXPECT_NE(warehouse.value("SELECT reason FROM reject WHERE resource_id = 'bad-date'").find("birth"),
            std::string::npos);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM reject WHERE position('\\xff'::bytea IN raw) > 0"), 1);
}

TEST(Load, PatientWithTenThousandObservationsIsOneOfMany) {
  FhirSim server({"--generate", "1", "--observations", "10873", "--zip", "02139"});
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.observations().inserted, 10873);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM observation"), 10873);
}

TEST(Load, SubjectsByAbsoluteUrlBelongToTheServersOwnPatientsOnly) {
  FhirSim server(generated(1, 1));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  pipeline.load("02139");
  const auto patient = warehouse.value("SELECT id FROM patient");
  const auto add = [&](const std::string& id, const std::string& subject) {
    server.put_raw("Observation", patient,
                   R"({"resourceType":"Observation","id":")" + id +
                       R"(","status":"final","code":{"text":"x"},"subject":{"reference":")" + subject + R"("}})");
  };
  add("own", server.base_url() + "/Patient/" + patient + "/_history/1");
  add("foreign", "https://elsewhere.example.org/fhir/Patient/" + patient);
  add("contained", "#p");
  add("group", "Group/1");
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.observations().staged, 2);
  EXPECT_EQ(loaded.observations().rejected, 3);
  EXPECT_EQ(warehouse.value("SELECT patient_id FROM observation WHERE id = 'own'"), patient);
  EXPECT_EQ(warehouse.number("SELECT count(DISTINCT resource_id) FROM reject"), 3);
}

TEST(Load, ObservationsOfStrangersStayOut) {
  FhirSim server(generated(5, 2));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  pipeline.load("02139");
  const auto patient = warehouse.value("SELECT min(id) FROM patient");
  // As from a server that does not know the parameter and answers with what it has.
  server.put_raw("Observation", patient,
                 R"({"resourceType":"Observation","id":"stranger","status":"final","code":{"text":"x"},)"
                 R"("subject":{"reference":"Patient/stranger"}})");
  const auto loaded = pipeline.load("02139");
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.observations().out_of_zip, 1);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM observation WHERE id = 'stranger'"), 0);
}

TEST(Load, ServerThatGivesNoTotalsLeavesItUnverified) {
  auto arguments = generated(10, 3);
  arguments.insert(arguments.end(), {"--totals", "never"});
  FhirSim server(arguments);
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  EXPECT_EQ(loaded.run.state, "unverified") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.patients().verdict, "unverified");
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM observation"), 30);
}

TEST(Load, TotalsThatDoNotAgreeEndIncompleteAfterOneMoreSearch) {
  FhirSim server(generated(10, 3));
  server.add_fault(R"({"kind":"wrong_total","match":"Patient","by":2})");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.load("02139");
  EXPECT_EQ(loaded.run.state, "incomplete") << loaded.run.error.value_or("");
  EXPECT_EQ(loaded.patients().missing, 2);
  EXPECT_EQ(loaded.patients().staged, 10);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM patient"), 10) << "rows are kept";
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM staged_batch WHERE resource_type = 'Patient'"), 2)
      << "searched twice";
  // With the right totals the next load is complete.
  server.clear_faults();
  EXPECT_EQ(pipeline.load("02139").run.state, "complete");
}

TEST(Load, PatientNoLongerFoundIsKeptAndCounted) {
  FhirSim server(generated(10, 3));
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto first = pipeline.load("02139");
  const auto gone = warehouse.value("SELECT min(id) FROM patient");
  server.delete_resource("Patient", gone);
  const auto second = pipeline.load("02139");
  ASSERT_EQ(second.run.state, "complete") << second.run.error.value_or("");
  EXPECT_EQ(second.patients().no_longer_found, 1);
  EXPECT_EQ(second.observations().no_longer_found, 3);
  EXPECT_EQ(warehouse.number("SELECT last_seen_run FROM patient WHERE id = '" + gone + "'"), first.run.run.value);
  EXPECT_NE(first.patients().digest, second.patients().digest);
}

TEST(Load, TwoZipcodesThatSharePatientsLoadAtOnce) {
  FhirSim server(generated(40, 5));
  std::string shared;
  for (int i = 0; i < 30; ++i) {
    const auto id = "shared-" + std::to_string(i);
    shared.append(R"({"resourceType":"Patient","id":")").append(id);
    shared.append(R"(","address":[{"postalCode":"02139"},{"postalCode":"02140"}]})").append("\n");
    shared.append(R"({"resourceType":"Observation","id":"o-)").append(id);
    shared.append(R"(","status":"final","code":{"text":"x"},"subject":{"reference":"Patient/)").append(id);
    shared.append("\"}}\n");
  }
  server.put_resource(shared);
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto first = pipeline.request("02139", small_steps());
  const auto second = pipeline.request("02140", small_steps());
  const auto one = pipeline.wait(first);
  const auto two = pipeline.wait(second);
  EXPECT_EQ(one.run.state, "complete") << one.run.error.value_or("");
  EXPECT_EQ(two.run.state, "complete") << two.run.error.value_or("");
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM patient"), 70);
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM zipcode_patient WHERE patient_id LIKE 'shared-%'"), 60);
  EXPECT_EQ(one.patients().inserted + two.patients().inserted, 70);
  EXPECT_EQ(two.patients().staged, 30);
}

TEST(Load, SecondRequestJoinsTheFirst) {
  FhirSim server(generated(40, 5));
  server.add_fault(R"({"kind":"latency","ms":200,"times":5})");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto first = pipeline.request("02139");
  const auto second = pipeline.request("02139");
  EXPECT_FALSE(first.joined);
  EXPECT_TRUE(second.joined);
  EXPECT_EQ(first.run, second.run);
  EXPECT_EQ(pipeline.wait(first).run.state, "complete");
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM run"), 1);
}

TEST(Load, StoppedInTheMiddleItGoesOnWithoutFetchingABatchTwice) {
  FhirSim server(generated(80, 12));
  const Undisturbed undisturbed(server);
  server.clear_log();
  server.add_fault(R"({"kind":"latency","ms":30,"match":"Observation"})");
  Warehouse warehouse;
  zipcode::RequestedRun requested;
  {
    Pipeline pipeline(warehouse, server.base_url());
    requested = pipeline.request("02139", small_steps());
    fixture::wait_until([&] { return warehouse.number("SELECT count(*) FROM staged_batch") >= 6; });
  }
  const auto staged = warehouse.number("SELECT count(*) FROM staged_batch");
  Pipeline pipeline(warehouse, server.base_url());
  const auto loaded = pipeline.wait(requested);
  expect_equal(undisturbed, warehouse, loaded);
  EXPECT_GE(warehouse.number("SELECT count(*) FROM staged_batch"), staged);
  // A first page of observations that is asked for twice belongs to a batch that was in flight: at most five.
  EXPECT_LE(server.repeated_searches(), 5);
}

TEST(Load, PageThatLinksToItselfFailsWithAClearLineAndTheNextLoadCompletes) {
  FhirSim server(generated(80, 2));
  server.add_fault(R"({"kind":"self_link","match":"Patient"})");
  server.add_fault(R"({"kind":"self_link","match":"_getpages"})");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto failed = pipeline.load("02139", small_steps());
  EXPECT_EQ(failed.run.state, "failed");
  EXPECT_EQ(failed.run.failed_step, "extract_patients");
  ASSERT_TRUE(failed.run.error);
  EXPECT_NE(failed.run.error->find("link"), std::string::npos) << *failed.run.error;
  server.clear_faults();
  EXPECT_EQ(pipeline.load("02139", small_steps()).run.state, "complete");
  EXPECT_EQ(warehouse.number("SELECT count(*) FROM patient"), 80);
}

// Returns when the others are gone. A session that is only told to end can still be lent by a pool, and fails whoever
// asks something on it: the load takes that, but the test's own questions would not.
void end_other_sessions(const Warehouse& warehouse) {
  warehouse.value(
      "WITH told AS (SELECT array_agg(pid) FILTER (WHERE pg_terminate_backend(pid)) AS pids FROM pg_stat_activity "
      "WHERE datname = current_database() AND pid <> pg_backend_pid()) "
      "SELECT count(pg_terminate_backend(pid, 60000)) FROM told, unnest(pids) AS pid");
}

TEST(Load, DatabaseSessionsThatEndInMidLoadAreNoTrouble) {
  FhirSim server(generated(80, 12));
  const Undisturbed undisturbed(server);
  server.add_fault(R"({"kind":"latency","ms":20})");
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url());
  const auto requested = pipeline.request("02139", small_steps());
  for (int round = 1; round <= 3; ++round) {
    fixture::wait_until([&] {
      return warehouse.number("SELECT count(*) FROM staged_batch") >= 3 * round ||
             warehouse.number("SELECT count(*) FROM run WHERE finished_at IS NULL") == 0;
    });
    end_other_sessions(warehouse);
  }
  expect_equal(undisturbed, warehouse, pipeline.wait(requested));
}

}  // namespace
}  // namespace wellhead::functional
