// Patients and observations over REST: filters, what is visible, paging, the shape of rows.
#include <gmock/gmock.h>

#include <algorithm>

#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using testing::ApiTest;
using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

class Resources : public ApiTest {
 protected:
  Resources() {
    testing::make_schema(connection_);
    testing::seed(connection_);
  }
  void expect_problem(const std::string& target, int status, const std::string& field = {}) {
    const RawResponse response = get(target);
    EXPECT_EQ(response.status, status) << target;
    EXPECT_EQ(response.header("content-type"), "application/problem+json");
    EXPECT_EQ(at(response.body, "/status"), std::to_string(status));
    if (!field.empty()) {
      EXPECT_EQ(at(response.body, "/errors/0/field"), "\"" + field + "\"") << response.body;
    }
  }
};

TEST_F(Resources, GivesAPatientWithoutItsEmptyFields) {
  const RawResponse response = get("/patients/smith");
  EXPECT_EQ(response.status, 200);
  EXPECT_EQ(response.header("content-type"), "application/json");
  EXPECT_EQ(response.body, R"({"id":"smith","active":true,"family":"Smith","given":"Ann","birth_date":"1980-05-01",)"
                           R"("birth_date_text":"1980-05-01","postal_code":"02139","run_id":1,"last_seen_run":2,)"
                           R"("loaded_at":"2026-01-31T10:00:02.5Z"})");
  EXPECT_EQ(at(get("/patients/other").body, "/given"), R"("Xaver \"X\" Ä")");
  RawClient client(server_->port());
  EXPECT_EQ(client.request("HEAD", "/patients/smith").header("content-length"), std::to_string(response.body.size()));
}

TEST_F(Resources, GivesAnObservationWithItsComponentsInOrderAndExactNumbers) {
  const std::string panel = get("/observations/o1").body;
  EXPECT_THAT(panel, HasSubstr(R"("components":[{"component_index":0,"code":"8462-4","value_number":74.20},)"
                               R"({"component_index":1,"code":"8480-6","value_number":118}]})"));
  EXPECT_EQ(at(panel, "/effective_start"), "\"2025-11-03T09:30:00.25Z\"");
  EXPECT_THAT(get("/observations/o2").body, HasSubstr("\"value_number\":7.40,"));
  EXPECT_THAT(get("/observations/o3").body, HasSubstr("\"value_number\":\"NaN\""));
  EXPECT_THAT(get("/observations/o4").body, HasSubstr("\"value_number\":-0.001,\"value_boolean\":true"));
  EXPECT_THAT(get("/observations/o5").body, HasSubstr("\"value_number\":12345678901234567890.123,"));
  EXPECT_THAT(get("/observations?patient_id=smith").body, HasSubstr("\"components\":[{\"component_index\":0"));
}

TEST_F(Resources, SaysThatThereIsNone) {
  expect_problem("/patients/nobody", 404);
  expect_problem("/observations/nothing", 404);
  expect_problem("/patients/nobody/observations", 404);
  expect_problem("/patients/a%20b", 400, "id");
  expect_problem("/patients/" + std::string(120, 'a'), 400, "id");
}

TEST_F(Resources, ListsAZipcodeAsOfItsLastCompleteRun) {
  EXPECT_THAT(ids("/patients?zipcode=02139"), ElementsAre("jones", "smith"));
  EXPECT_THAT(ids("/patients?zipcode=02139&include=no_longer_found"), ElementsAre("jones", "smith", "smythe"));
  EXPECT_EQ(at(get("/patients?zipcode=02139").body, "/as_of_run"), "2");
  // None was complete yet: everything seen so far.
  EXPECT_THAT(ids("/patients?zipcode=02140"), ElementsAre("other"));
  EXPECT_EQ(at(get("/patients?zipcode=02140").body, "/as_of_run"), "");
  EXPECT_THAT(ids("/patients?zipcode=99999"), IsEmpty());
}

TEST_F(Resources, HidesWhatIsNoLongerFoundUnlessAsked) {
  EXPECT_THAT(ids("/patients"), ElementsAre("jones", "other", "smith"));
  EXPECT_THAT(ids("/patients?include=no_longer_found"), ElementsAre("jones", "new", "other", "smith", "smythe"));
  EXPECT_EQ(get("/patients/smythe").status, 200);
  EXPECT_THAT(ids("/observations?patient_id=smith"), ElementsAre("o1", "o2"));
  EXPECT_THAT(ids("/observations?patient_id=smith&include=no_longer_found"), ElementsAre("o1", "o2", "o3"));
  EXPECT_THAT(ids("/observations?patient_id=smythe"), IsEmpty());
  EXPECT_THAT(ids("/observations?patient_id=smythe&include=no_longer_found"), ElementsAre("o5"));
  EXPECT_THAT(ids("/observations?code=4548-4"), ElementsAre("o2", "o4", "o6"));
  EXPECT_THAT(ids("/observations?code=4548-4&include=no_longer_found"), ElementsAre("o2", "o3", "o4", "o5", "o6"));
  EXPECT_EQ(get("/observations/o3").status, 200);
}

TEST_F(Resources, JudgesAPatientOfTwoZipcodesByTheLaterRun) {
  connection_.execute(R"sql(
    INSERT INTO run (zipcode, source_url, state) VALUES ('02141', 'http://fhir.test', 'complete');
    INSERT INTO zipcode VALUES ('02141', 5, 5);
    INSERT INTO zipcode_patient VALUES ('02141', 'smith', 1, '02141', 5, 5);
    UPDATE observation SET last_seen_run = 5 WHERE id = 'o2';
    UPDATE patient SET last_seen_run = 5 WHERE id = 'smith')sql");
  EXPECT_THAT(ids("/observations?patient_id=smith"), ElementsAre("o2"));
  EXPECT_THAT(ids("/patients?zipcode=02139"), ElementsAre("jones", "smith"));
  EXPECT_THAT(ids("/patients?zipcode=02141"), ElementsAre("smith"));
}

TEST_F(Resources, FiltersNamesByPrefixWithoutCase) {
  EXPECT_THAT(ids("/patients?last_name=SMI"), ElementsAre("other", "smith"));
  EXPECT_THAT(ids("/patients?last_name=smith"), ElementsAre("other", "smith"));
  EXPECT_THAT(ids("/patients?last_name=smith&zipcode=02139"), ElementsAre("smith"));
  EXPECT_THAT(ids("/patients?first_name=Ann"), ElementsAre("jones", "smith"));
  EXPECT_THAT(ids("/patients?first_name=xAVER%20%22x%22%20%C3%A4"), ElementsAre("other"));
  EXPECT_THAT(ids("/patients?first_name=ann&last_name=j"), ElementsAre("jones"));
  for (const std::string wild : {"%25", "_mith", "sm%25th", "%5C", "mith"})
    EXPECT_THAT(ids("/patients?last_name=" + wild), IsEmpty());
}

TEST_F(Resources, FiltersTheRestExactly) {
  EXPECT_THAT(ids("/patients?birth_date=1980-05-01"), ElementsAre("jones", "smith"));
  EXPECT_THAT(ids("/patients?postal_code=0213"), IsEmpty());
  EXPECT_THAT(ids("/observations?code=4548"), IsEmpty());
  EXPECT_THAT(ids("/observations?code=85354-9&patient_id=smith"), ElementsAre("o1"));
  EXPECT_THAT(ids("/observations?effective=2025-11-03T10:30:00.25%2B01:00&patient_id=jones"), ElementsAre("o4"));
  EXPECT_THAT(ids("/patients/smith/observations?code=4548-4"), ElementsAre("o2"));
  expect_problem("/patients?birth_date=1980-02-30", 400, "birth_date");
  expect_problem("/patients?zipcode=2139", 400, "zipcode");
  expect_problem("/patients?include=everything", 400, "include");
  expect_problem("/patients?family=Smith", 400, "family");
  expect_problem("/patients/smith/observations?patient_id=jones", 400, "patient_id");
  expect_problem("/observations?limit=1001", 400, "limit");
}

TEST_F(Resources, GivesAPatientsObservations) {
  EXPECT_THAT(ids("/patients/smith/observations"), ElementsAre("o1", "o2"));
  EXPECT_THAT(ids("/patients/new/observations"), IsEmpty());
  EXPECT_THAT(all_ids("/patients/smith/observations?limit=1&include=no_longer_found"), ElementsAre("o1", "o2", "o3"));
}

TEST_F(Resources, PagesCompletelyWhileRowsComeIn) {
  connection_.execute(R"sql(
    INSERT INTO patient (id, family, digest, run_id, last_seen_run, fetched_at)
      SELECT 'n' || lpad(i::text, 4, '0'), 'Many', gen_random_uuid(), 2, 2, now() FROM generate_series(2, 600, 2) i;
    INSERT INTO zipcode_patient SELECT '02139', id, 0, '02139', 2, 2 FROM patient WHERE family = 'Many')sql");
  for (const std::string list : {"/patients?last_name=many&limit=7", "/patients?last_name=many&zipcode=02139&limit=7",
                                 "/patients?last_name=many&include=no_longer_found&limit=7"}) {
    int odd = -1;
    const auto found = all_ids(list, [&] {
      odd += 20;
      connection_.query(
          "INSERT INTO patient (id, family, digest, run_id, last_seen_run, fetched_at) VALUES ('n' || lpad($1, 4, "
          "'0'), 'Many', gen_random_uuid(), 3, 3, now()) ON CONFLICT DO NOTHING",
          {std::to_string(odd)});
      connection_.query(
          "INSERT INTO zipcode_patient VALUES ('02139', 'n' || lpad($1, 4, '0'), 0, '02139', 3, 3) ON CONFLICT DO "
          "NOTHING",
          {std::to_string(odd)});
    });
    EXPECT_TRUE(std::ranges::is_sorted(found)) << list;
    EXPECT_EQ(std::ranges::adjacent_find(found), found.end()) << list;
    const auto even = std::ranges::count_if(found, [](const std::string& id) { return (id.back() - '0') % 2 == 0; });
    EXPECT_EQ(even, 300) << list;
  }
}

// The list that was begun as of run 2 stays as of run 2 when run 3 ends in the meantime.
TEST_F(Resources, KeepsTheRunThatAListIsAsOf) {
  const std::string first = get("/patients?zipcode=02139&limit=1").body;
  connection_.execute(
      "UPDATE zipcode_patient SET last_seen_run = 3 WHERE patient_id = 'smith'; UPDATE zipcode SET last_complete_run = "
      "3 WHERE zipcode = '02139'");
  const std::string next = at(first, "/next");
  const std::string second = get(next.substr(1, next.size() - 2)).body;
  EXPECT_EQ(at(second, "/items/0/id"), "\"smith\"");
  EXPECT_EQ(at(second, "/as_of_run"), "2");
  EXPECT_THAT(ids("/patients?zipcode=02139"), ElementsAre("jones", "new", "smith"));
}

TEST_F(Resources, RefusesCursorsThatAreNotItsOwn) {
  const std::string next = at(get("/patients?include=no_longer_found&limit=1").body, "/next");
  const std::string cursor = next.substr(next.find("cursor=") + 7, next.size() - next.find("cursor=") - 8);
  EXPECT_THAT(ids("/patients?include=no_longer_found&limit=2&cursor=" + cursor), ElementsAre("new", "other"));
  std::string tampered = cursor;
  tampered[3] = tampered[3] == 'A' ? 'B' : 'A';
  expect_problem("/patients?include=no_longer_found&cursor=" + tampered, 400, "cursor");
  expect_problem("/patients?cursor=" + cursor, 400, "cursor");
  expect_problem("/patients?include=no_longer_found&last_name=s&cursor=" + cursor, 400, "cursor");
  expect_problem("/observations?include=no_longer_found&cursor=" + cursor, 400, "cursor");
  expect_problem("/patients?cursor=x", 400, "cursor");
}

}  // namespace
}  // namespace wellhead::api
