#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "app/fhirsim/bundles_test.h"
#include "tests/fixture/fhirsim.h"

namespace wellhead::fhirsim {
namespace {

using fixture::FhirSim;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;
using testing::UnorderedElementsAre;

// Four hand-made patients beside nothing else.
class SearchTest : public testing::Test {
 protected:
  void SetUp() override {
    server_.put_resource(patient_json("plain", {"02139"}));
    server_.put_resource(patient_json("plus4", {"02139-1234"}));
    server_.put_resource(patient_json("longer", {"021390"}));
    server_.put_resource(patient_json("moved", {"10001", "02139"}));
    server_.put_resource(patient_json("blank", {" 02139"}));
    server_.put_resource(observation_json("one", "Patient/plain"));
    server_.put_resource(observation_json("two", "Patient/plus4/_history/1"));
    server_.put_resource(observation_json("absolute", server_.base_url() + "/Patient/plain"));
  }
  std::vector<std::string> found(const std::string& query) { return all_ids(server_, "/fhir/" + query); }

  FhirSim server_{{"--generate", "1", "--zip", "99999", "--observations", "1", "--reuse-ms", "0"}};
};

TEST_F(SearchTest, PostalCodeMatchesByPrefixInAnyAddress) {
  EXPECT_THAT(found("Patient?address-postalcode=02139"), UnorderedElementsAre("plain", "plus4", "longer", "moved"));
  EXPECT_THAT(found("Patient?address-postalcode=02139-1"), ElementsAre("plus4"));
  EXPECT_THAT(found("Patient?address-postalcode=1000,02139-"), UnorderedElementsAre("moved", "plus4"));
  EXPECT_THAT(found("Patient?address-postalcode=55555"), IsEmpty());
}

TEST_F(SearchTest, ExactLeavesOutWhatIsLonger) {
  EXPECT_THAT(found("Patient?address-postalcode:exact=02139"), UnorderedElementsAre("plain", "moved"));
}

TEST_F(SearchTest, EmptyValueFindsEveryone) { EXPECT_THAT(found("Patient?address-postalcode="), SizeIs(6)); }

TEST_F(SearchTest, BlanksInTheValueFindNothing) {
  EXPECT_THAT(found("Patient?address-postalcode=02139%20"), IsEmpty());
}

TEST_F(SearchTest, RepeatedParametersMustAllHold) {
  EXPECT_THAT(found("Patient?address-postalcode=02139&address-postalcode=10001"), ElementsAre("moved"));
  EXPECT_THAT(found("Patient?_id=plain,moved,nobody&address-postalcode:exact=02139&_id=plain"), ElementsAre("plain"));
}

TEST_F(SearchTest, ObservationsByPatientTakeRelativeReferencesOnly) {
  EXPECT_THAT(found("Observation?patient=plain"), ElementsAre("one"));
  EXPECT_THAT(found("Observation?subject=Patient/plain,Patient/plus4,plain"), UnorderedElementsAre("one", "two"));
  EXPECT_THAT(found("Observation?patient=nobody"), IsEmpty());
}

TEST_F(SearchTest, FormsAreSearchedToo) {
  const auto answer = server_.request("POST", "/fhir/Observation/_search", "patient=plain%2Cplus4&_count=10",
                                      {"Content-Type: application/x-www-form-urlencoded"});
  ASSERT_EQ(answer.status, 200);
  EXPECT_THAT(read_bundle(server_, answer.body).ids, UnorderedElementsAre("one", "two"));
  EXPECT_EQ(server_.request_log().back().body, "patient=plain%2Cplus4&_count=10");
}

TEST_F(SearchTest, UnknownParameterIsRefusedUnlessLenient) {
  const auto answer = server_.request("GET", "/fhir/Patient?shoe-size=44");
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("OperationOutcome"));
  EXPECT_THAT(answer.body, HasSubstr("shoe-size"));
  EXPECT_THAT(get_bundle(server_, "/fhir/Patient?shoe-size=44", {"Prefer: handling=lenient"}).ids, SizeIs(6));
}

TEST_F(SearchTest, LastUpdatedComparesPeriods) {
  server_.put_resource(
      R"({"resourceType":"Patient","id":"dated","meta":{"lastUpdated":"2020-06-15T12:00:00.000Z"},"address":[{"postalCode":"02139"}]})");
  const std::string search = "Patient?address-postalcode=02139&_lastUpdated=";
  EXPECT_THAT(found(search + "2020-06"), ElementsAre("dated"));
  EXPECT_THAT(found(search + "lt2021"), ElementsAre("dated"));
  EXPECT_THAT(found(search + "ge2020-06-15&_lastUpdated=le2020-06-15"), ElementsAre("dated"));
  EXPECT_THAT(found(search + "gt2020-06-15&_lastUpdated=lt2021"), IsEmpty());
  EXPECT_THAT(found(search + "ge2020-06-15T14:00:00%2B02:00&_lastUpdated=lt2021"), ElementsAre("dated"));
  EXPECT_EQ(server_.request("GET", "/fhir/Patient?_lastUpdated=yesterday").status, 400);
}

TEST_F(SearchTest, ALongUrlIsRefusedInHtml) {
  const auto answer = server_.request("GET", "/fhir/Observation?patient=" + std::string(9000, 'x'));
  EXPECT_EQ(answer.status, 414);
  EXPECT_THAT(answer.headers.at("content-type"), HasSubstr("text/html"));
}

TEST_F(SearchTest, ReadsAnswerByPresence) {
  const auto present = server_.request("GET", "/fhir/Patient/plain");
  EXPECT_EQ(present.status, 200);
  EXPECT_THAT(present.body, HasSubstr(R"("id":"plain","meta":{"versionId":"1","lastUpdated":")"));
  EXPECT_EQ(server_.request("GET", "/fhir/Patient/plain", {}, {"If-None-Match: W/\"1\""}).status, 304);
  EXPECT_EQ(server_.request("GET", "/fhir/Patient/nobody").status, 404);
  server_.delete_resource("Patient", "plain");
  EXPECT_EQ(server_.request("GET", "/fhir/Patient/plain").status, 410);
  EXPECT_THAT(found("Patient?address-postalcode:exact=02139"), ElementsAre("moved"));
}

TEST_F(SearchTest, ReplacingRaisesTheVersionAndMovesThePatient) {
  server_.put_resource(patient_json("plain", {"33333"}));
  EXPECT_THAT(found("Patient?address-postalcode=33333"), ElementsAre("plain"));
  EXPECT_THAT(found("Patient?address-postalcode:exact=02139"), ElementsAre("moved"));
  EXPECT_THAT(server_.request("GET", "/fhir/Patient/plain").body, HasSubstr(R"("versionId":"2")"));
}

TEST_F(SearchTest, GeneratedResourcesCanBeReplacedAndDeleted) {
  const auto patient = found("Patient?address-postalcode=99999").at(0);
  const auto observation = found("Observation?patient=" + patient).at(0);
  server_.put_resource(observation_json(observation, "Patient/" + patient));
  EXPECT_THAT(found("Observation?patient=" + patient), ElementsAre(observation));
  EXPECT_THAT(server_.request("GET", "/fhir/Observation/" + observation).body, HasSubstr("Body height"));
  server_.delete_resource("Observation", observation);
  server_.delete_resource("Patient", patient);
  EXPECT_THAT(found("Observation?patient=" + patient), IsEmpty());
  EXPECT_THAT(found("Patient?address-postalcode=99999"), IsEmpty());
  server_.reset();
  EXPECT_THAT(found("Patient?address-postalcode=99999"), ElementsAre(patient));
  EXPECT_THAT(found("Patient?address-postalcode=02139"), IsEmpty());
}

TEST_F(SearchTest, RawTextIsServedAsItIs) {
  server_.put_raw("Patient", "44444", R"({"resourceType":"Patient","no":"id"})");
  const auto answer = server_.request("GET", "/fhir/Patient?address-postalcode=44444");
  EXPECT_THAT(answer.body, HasSubstr(R"("resource":{"resourceType":"Patient","no":"id"},)"));
}

TEST(SampleDataTest, ItIsServedWithVersionAndTime) {
  const FhirSim server({WELLHEAD_SOURCE_DIR "/app/fhirsim/sample"});
  EXPECT_THAT(all_ids(server, "/fhir/Patient?address-postalcode=02139&_count=40"), SizeIs(150));
  const auto everyone = get_bundle(server, "/fhir/Patient?_summary=count");
  EXPECT_EQ(everyone.total, 230);
  EXPECT_EQ(get_bundle(server, "/fhir/Observation?_summary=count").total, 20'241);
  const auto patient = server.request("GET", "/fhir/Patient?_count=1");
  EXPECT_THAT(patient.body,
              HasSubstr(R"("meta":{"versionId":"1","lastUpdated":"2025-01-01T00:00:00.000+00:00","profile":)"));
}

TEST(GeneratedDataTest, ItFollowsFromTheSeed) {
  const std::string everyone = "/fhir/Patient?_count=1000";
  const FhirSim first({"--generate", "100", "--observations", "3", "--seed", "7"});
  const FhirSim again({"--generate", "100", "--observations", "3", "--seed", "7"});
  const FhirSim other({"--generate", "100", "--observations", "3", "--seed", "8"});
  const auto ids = all_ids(first, everyone);
  EXPECT_THAT(std::set(ids.begin(), ids.end()), SizeIs(100));
  EXPECT_EQ(ids, all_ids(again, everyone));
  EXPECT_NE(ids, all_ids(other, everyone));
  EXPECT_EQ(first.request("GET", "/fhir/Patient/" + ids[50]).body,
            again.request("GET", "/fhir/Patient/" + ids[50]).body);
  const auto observations = all_ids(first, "/fhir/Observation?_count=1000");
  EXPECT_THAT(std::set(observations.begin(), observations.end()), SizeIs(300));
}

TEST(GeneratedDataTest, EveryZipCodeGetsItsPatients) {
  const FhirSim server({"--generate", "60", "--observations", "2", "--zip", "02139,02115"});
  EXPECT_EQ(get_bundle(server, "/fhir/Patient?address-postalcode=02139&_summary=count").total, 60);
  EXPECT_EQ(get_bundle(server, "/fhir/Patient?address-postalcode=02115&_summary=count").total, 60);
  EXPECT_EQ(get_bundle(server, "/fhir/Patient?address-postalcode=021&_summary=count").total, 120);
}

TEST(MetadataTest, CapabilityStatementSaysR4) {
  const FhirSim server({"--generate", "1"});
  const auto answer = server.request("GET", "/fhir/metadata");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, HasSubstr("CapabilityStatement"));
  EXPECT_THAT(answer.body, HasSubstr(R"("fhirVersion": "4.0.1")"));
}

}  // namespace
}  // namespace wellhead::fhirsim
