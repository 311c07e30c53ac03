// The grammar of filters, orders, fields and counts, over REST.
#include <gmock/gmock.h>

#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using testing::ApiTest;
using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using webserver::testing::RawResponse;

class Filters : public ApiTest {
 protected:
  Filters() {
    testing::make_schema(connection_);
    testing::seed(connection_);
    connection_.execute(R"sql(
      UPDATE patient SET gender = CASE WHEN given LIKE 'A%' OR given LIKE 'a%' THEN 'female' ELSE 'male' END;
      UPDATE patient SET gender = NULL WHERE id = 'other';
      UPDATE observation SET value_number = 'NaN' WHERE id = 'o1';
      UPDATE observation SET value_integer = 7, effective_start = '2023-12-31 23:59:59.999Z' WHERE id = 'o2';
      UPDATE observation SET effective_start = NULL WHERE id = 'o6')sql");
  }
  std::vector<std::string> patients(const std::string& query) {
    return ids("/patients?include=no_longer_found&" + query);
  }
  std::vector<std::string> observations(const std::string& query) {
    return ids("/observations?include=no_longer_found&" + query);
  }
  void expect_wrong(const std::string& target, const std::string& parameter) {
    const RawResponse response = get(target);
    EXPECT_EQ(response.status, 400) << target;
    EXPECT_EQ(at(response.body, "/errors/0/field"), "\"" + parameter + "\"") << response.body;
  }
};

TEST_F(Filters, CompareDates) {
  EXPECT_THAT(patients("birth_date=ge1990-01-01"), ElementsAre("new", "other", "smythe"));
  EXPECT_THAT(patients("birth_date=gt1990-01-01"), ElementsAre("new", "other"));
  EXPECT_THAT(patients("birth_date=lt1990-01-01"), ElementsAre("jones", "smith"));
  EXPECT_THAT(patients("birth_date=le1990-01-01"), ElementsAre("jones", "smith", "smythe"));
  EXPECT_THAT(patients("birth_date=ne1980-05-01"), ElementsAre("new", "other", "smythe"));
  EXPECT_THAT(patients("birth_date=1980"), ElementsAre("jones", "smith"));
  EXPECT_THAT(patients("birth_date=2001-02"), ElementsAre("new", "other"));
  EXPECT_THAT(patients("birth_date=ne1980"), ElementsAre("new", "other", "smythe"));
  EXPECT_THAT(patients("birth_date=le9999"), ElementsAre("jones", "new", "other", "smith", "smythe"));
}

TEST_F(Filters, TakeRepeatedValuesAsAnyAndBoundsAsAll) {
  EXPECT_THAT(patients("birth_date=1980-05-01&birth_date=1990-01-01"), ElementsAre("jones", "smith", "smythe"));
  EXPECT_THAT(patients("birth_date=1980&birth_date=1990-01"), ElementsAre("jones", "smith", "smythe"));
  EXPECT_THAT(patients("birth_date=ge1981&birth_date=lt2001"), ElementsAre("smythe"));
  EXPECT_THAT(patients("birth_date=1980&birth_date=1990&birth_date=gt1985"), ElementsAre("smythe"));
  EXPECT_THAT(patients("last_name=jo&last_name=smy"), ElementsAre("jones", "smythe"));
  EXPECT_THAT(patients("gender=female&gender=other"), ElementsAre("jones", "smith"));
  EXPECT_THAT(observations("code=85354-9&code=none"), ElementsAre("o1"));
  EXPECT_THAT(observations("patient_id=jones&patient_id=smythe"), ElementsAre("o4", "o5"));
  EXPECT_THAT(ids("/observations?patient_id=jones&patient_id=smythe"), ElementsAre("o4"));
  EXPECT_THAT(ids("/patients/smith/observations?code=85354-9&code=4548-4"), ElementsAre("o1", "o2"));
}

TEST_F(Filters, CompareNumbersAndMoments) {
  EXPECT_THAT(observations("value=gt7&code=4548-4"), ElementsAre("o2", "o3", "o5"));  // NaN is the largest
  EXPECT_THAT(observations("value=gt7&value=lt100"), ElementsAre("o2"));
  EXPECT_THAT(observations("value=7.4"), ElementsAre("o2"));
  EXPECT_THAT(observations("value=-0.001&value=0"), ElementsAre("o4", "o6"));
  EXPECT_THAT(observations("value_integer=7&value_integer=8"), ElementsAre("o2"));
  EXPECT_THAT(observations("value_integer=le2147483647"), ElementsAre("o2"));
  EXPECT_THAT(observations("value_boolean=true"), ElementsAre("o4"));
  EXPECT_THAT(observations("effective=ge2024&effective=lt2026"), ElementsAre("o1", "o3", "o4", "o5"));
  EXPECT_THAT(observations("effective=2023"), ElementsAre("o2"));
  EXPECT_THAT(observations("effective=lt2024"), ElementsAre("o2"));
  EXPECT_THAT(observations("effective=gt2023-12-31T23:59:59.998Z&effective=le2024-01-01T00:59:59.999%2B01:00"),
              ElementsAre("o2"));
}

TEST_F(Filters, NameTheParameterThatIsWrong) {
  expect_wrong("/patients?birth_date=gt", "birth_date");
  expect_wrong("/patients?birth_date=1980&birth_date=1980-02-30", "birth_date");
  expect_wrong("/observations?value=gtx", "value");
  expect_wrong("/observations?effective=2024-13", "effective");
  expect_wrong("/observations?effective_start=2024", "effective_start");
  expect_wrong("/observations?value_integer=99999999999", "value_integer");
  expect_wrong("/patients?active=yes", "active");
  expect_wrong("/patients?sort=display_name", "sort");
  expect_wrong("/patients?fields=id,digest", "fields");
  expect_wrong("/patients?count=all", "count");
  EXPECT_THAT(get("/observations?value=gtx").body, HasSubstr("is no number, such as"));
}

TEST_F(Filters, SortBothWaysPageByPage) {
  const std::string all = "/patients?include=no_longer_found&limit=2";
  EXPECT_THAT(all_ids(all + "&sort=id"), ElementsAre("jones", "new", "other", "smith", "smythe"));
  EXPECT_THAT(all_ids(all + "&sort=-id"), ElementsAre("smythe", "smith", "other", "new", "jones"));
  EXPECT_THAT(all_ids(all + "&sort=birth_date"), ElementsAre("jones", "smith", "smythe", "new", "other"));
  EXPECT_THAT(all_ids(all + "&sort=-birth_date"), ElementsAre("other", "new", "smythe", "smith", "jones"));
  EXPECT_THAT(all_ids("/patients?zipcode=02139&limit=1&sort=-last_name"), ElementsAre("smith", "jones"));
  // Without a value: last, and first downwards.
  for (const std::string limit : {"1", "2", "3"}) {
    const std::string some = "/patients?include=no_longer_found&limit=" + limit;
    EXPECT_THAT(all_ids(some + "&sort=gender"), ElementsAre("jones", "smith", "new", "smythe", "other")) << limit;
    EXPECT_THAT(all_ids(some + "&sort=-gender"), ElementsAre("other", "smythe", "new", "smith", "jones")) << limit;
    EXPECT_THAT(all_ids("/observations?include=no_longer_found&sort=effective&limit=" + limit),
                ElementsAre("o2", "o1", "o3", "o4", "o5", "o6"));
    EXPECT_THAT(all_ids("/observations?include=no_longer_found&sort=-value&limit=" + limit),
                ElementsAre("o3", "o1", "o5", "o2", "o6", "o4"));
  }
}

TEST_F(Filters, KeepACursorToItsFiltersAndOrder) {
  const std::string next = at(get("/patients?sort=birth_date&limit=1").body, "/next");
  const std::string cursor = next.substr(next.find("cursor=") + 7, next.size() - next.find("cursor=") - 8);
  EXPECT_THAT(ids("/patients?sort=birth_date&limit=2&fields=id&count=exact&cursor=" + cursor),
              ElementsAre("smith", "other"));
  expect_wrong("/patients?cursor=" + cursor, "cursor");
  expect_wrong("/patients?sort=-birth_date&cursor=" + cursor, "cursor");
  expect_wrong("/patients?sort=birth_date&birth_date=1980&birth_date=1990&cursor=" + cursor, "cursor");
}

TEST_F(Filters, GiveOnlyTheFieldsAskedFor) {
  EXPECT_EQ(get("/patients?fields=family,id&limit=1").body.substr(0, 49),
            R"({"items":[{"id":"jones","family":"Jones"}],"next")");
  EXPECT_EQ(get("/observations?fields=components&code=85354-9").body.find("\"components\":[{"), 11U);
  EXPECT_EQ(get("/observations?fields=id&code=85354-9").body, R"({"items":[{"id":"o1"}],"next":null})");
}

TEST_F(Filters, CountAllPages) {
  const RawResponse exact = get("/patients?include=no_longer_found&limit=2&count=exact");
  EXPECT_EQ(at(exact.body, "/count"), "5");
  EXPECT_EQ(at(exact.body, "/count_kind"), "\"exact\"");
  const std::string next = at(exact.body, "/next");
  EXPECT_EQ(at(get(next.substr(1, next.size() - 2)).body, "/count"), "5");
  const RawResponse preferred = get("/observations?patient_id=smith&limit=1", "Prefer: wait=1, count=estimated\r\n");
  EXPECT_EQ(preferred.header("preference-applied"), "count=estimated");
  EXPECT_EQ(at(preferred.body, "/count"), "2");
  EXPECT_EQ(at(get("/patients?zipcode=02139&count=exact").body, "/count"), "2");
  EXPECT_EQ(at(get("/patients?zipcode=99999&count=exact").body, "/count"), "0");
  connection_.execute(
      "INSERT INTO observation (id, patient_id, code, digest, run_id, last_seen_run, fetched_at) SELECT 'x' || i, "
      "'jones', 'many', gen_random_uuid(), 1, 9, now() FROM generate_series(1, 10500) i; ANALYZE observation");
  EXPECT_EQ(at(get("/observations?code=many&include=no_longer_found&count=exact").body, "/count"), "10500");
  const RawResponse estimated = get("/observations?code=many&include=no_longer_found&count=estimated&limit=1");
  EXPECT_EQ(at(estimated.body, "/count_kind"), "\"estimated\"");
  EXPECT_GT(std::stol(at(estimated.body, "/count")), 10'000);
}

// More shapes of lists than are kept prepared.
TEST_F(Filters, AnswerAnyCombination) {
  const std::vector<std::string> filters = {"gender=x",   "city=x",        "state=x",     "country=x",      "mrn=x",
                                            "language=x", "postal_code=x", "last_name=x", "birth_date=1980"};
  start();
  webserver::testing::RawClient client(server_->port());
  for (std::size_t i = 0; i < 300; ++i) {
    std::string query = "/patients?fields=id";
    for (std::size_t bit = 0; bit < filters.size(); ++bit) {
      if ((i >> bit & 1U) != 0) query += "&" + filters[bit];
    }
    ASSERT_EQ(client.request("GET", query).status, 200) << query;
  }
  EXPECT_THAT(ids("/patients?birth_date=gt1980&birth_date=lt1981"), IsEmpty());
}

}  // namespace
}  // namespace wellhead::api
