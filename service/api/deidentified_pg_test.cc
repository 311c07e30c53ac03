// What a key of the role deidentified sees (HIPAA's Safe Harbor), and what it does not.
#include <gmock/gmock.h>

#include <algorithm>

#include "service/access/keys.h"
#include "service/api/testing/api_fixture.h"
#include "tests/fixture/wait.h"

namespace wellhead::api {
namespace {

using ::testing::AllOf;
using testing::at;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using webserver::Role;
using webserver::testing::RawResponse;

constexpr const char* kPeople = R"sql(
  UPDATE patient SET gender = 'female', mrn = 'MRN-1', phone = '555-1', city = 'Cambridge', state = 'MA', race_code = '2106-3',
    address_line = '1 Example Street', last_updated = '2026-01-30Z', version_id = '7', postal_code = '02139-1234' WHERE id = 'smith';
  UPDATE patient SET state = 'Near Boston', postal_code = '03601', birth_date = '1900-06-01', birth_date_text = '1900-06-01', deceased = true,
    deceased_at = '1985-07-02Z', deceased_at_text = '1985-07-02' WHERE id = 'jones';
  UPDATE patient SET birth_date = make_date(extract(year FROM now() AT TIME ZONE 'UTC')::int - 90, 12, 31),
    postal_code = 'SW1A 1AA' WHERE id = 'other';
  UPDATE observation SET category = 'laboratory', value_code = '%', value_unit = '%', issued = '2024-12-31 23:00Z', encounter_id = 'visit',
    code_text = 'told by Ann', value_text = 'Ann' WHERE id = 'o2';
  UPDATE observation SET category = 'with Ann', code = '30525-0', value_number = 93, value_code = 'a' WHERE id = 'o4';
  UPDATE observation SET code = '30525-0', value_number = 89, value_code = 'a' WHERE id = 'o6';
)sql";

class Deidentified : public testing::ApiTest {
 protected:
  Deidentified() {
    testing::make_schema(connection_);
    testing::seed(connection_);
    connection_.execute(kPeople);
    options_.guarded = true;
    key_ = make_key(Role::deidentified);
    reader_ = make_key(Role::read);
  }
  std::string make_key(Role role) {
    return access::create_key(connection_, {.role = role, .name = "", .zip_prefixes = {}, .lifetime = {}}).key;
  }
  RawResponse ask(const std::string& target, const std::string& headers = {}) {
    return get(target, "X-API-Key: " + key_ + "\r\n" + headers);
  }
  RawResponse as_reader(const std::string& target) { return get(target, "X-API-Key: " + reader_ + "\r\n"); }
  // The item of a list of which the other says that it has this id.
  static std::string item(const RawResponse& hidden, const RawResponse& shown, const std::string& id) {
    for (int i = 0;; ++i) {
      const std::string place = "/items/" + std::to_string(i);
      const std::string found = at(shown.body, place + "/id");
      if (found.empty()) return "no such item";
      if (found == "\"" + id + "\"") return at(hidden.body, place);
    }
  }

  // Without the quotes.
  static std::string word(const std::string& json) { return json.substr(1, json.size() - 2); }

  std::string key_;
  std::string reader_;
};

TEST_F(Deidentified, HidesWhatTellsWhoAPatientIs) {
  const RawResponse people = ask("/patients");
  ASSERT_EQ(people.status, 200) << people.body;
  const RawResponse shown = as_reader("/patients");
  const std::string smith = item(people, shown, "smith");
  EXPECT_THAT(
      smith,
      MatchesRegex(
          R"re(\{"id":"[A-Za-z0-9_-]{71}","active":true,"gender":"female","birth_date":"1980","race_code":"2106-3",)re"
          R"re("state":"MA","postal_code":"021"\})re"));
  for (const std::string secret : {"smith", "Smith", "Ann", "MRN-1", "555-1", "Cambridge", "Example", "02139", "2026-",
                                   "05-01", "Near", "1985-", "SW1", "run", "loaded"}) {
    EXPECT_THAT(people.body, Not(HasSubstr(secret))) << secret;
  }
}

TEST_F(Deidentified, PoolsAgesOver89AndRareZipCodes) {
  const RawResponse people = ask("/patients");
  const RawResponse shown = as_reader("/patients");
  // Died at 85: no age over 89, however long ago the birth.
  const std::string jones = item(people, shown, "jones");
  EXPECT_THAT(jones, AllOf(HasSubstr(R"("birth_date":"1900")"), HasSubstr(R"("deceased_at":"1985")"),
                           HasSubstr(R"("postal_code":"000")"), Not(HasSubstr("over_89"))))
      << jones;
  // 90 by the end of this year.
  const std::string other = item(people, shown, "other");
  EXPECT_THAT(other, AllOf(HasSubstr(R"("over_89":true)"), Not(HasSubstr("birth_date")), Not(HasSubstr("postal_code"))))
      << other;
  connection_.execute("UPDATE patient SET birth_date = birth_date + interval '1 year' WHERE id = 'other'");
  EXPECT_THAT(item(ask("/patients"), shown, "other"), AllOf(HasSubstr("birth_date"), Not(HasSubstr("over_89"))));
}

TEST_F(Deidentified, HidesWhatObservationsTell) {
  const RawResponse list = ask("/observations");
  ASSERT_EQ(list.status, 200) << list.body;
  const RawResponse shown = as_reader("/observations");
  const std::string o2 = item(list, shown, "o2");
  EXPECT_THAT(
      o2,
      MatchesRegex(
          R"re(\{"id":"[A-Za-z0-9_-]{71}","patient_id":"[A-Za-z0-9_-]{71}","encounter_id":"[A-Za-z0-9_-]{71}","category":"laboratory",)re"
          R"re("code":"4548-4","effective_start":"2025","issued":"2024","value_number":7.4,"value_code":"%"\})re"));
  EXPECT_EQ(at(item(list, shown, "o1"), "/components/1/value_number"), "118");
  EXPECT_THAT(list.body,
              AllOf(Not(HasSubstr("Ann")), Not(HasSubstr("smith")), Not(HasSubstr("\"o1\"")), Not(HasSubstr("2025-"))));
  // An age over 89 is none to be shown, an age up to it is.
  EXPECT_THAT(item(list, shown, "o4"), AllOf(HasSubstr("30525-0"), Not(HasSubstr("value_number"))));
  EXPECT_EQ(at(item(list, shown, "o6"), "/value_number"), "89");
}

TEST_F(Deidentified, GivesTheSameIdTheSamePseudonymEverywhere) {
  const std::string patient = at(item(ask("/patients"), as_reader("/patients"), "smith"), "/id");
  const RawResponse observations = ask("/observations");
  const std::string owner = at(item(observations, as_reader("/observations"), "o2"), "/patient_id");
  EXPECT_EQ(patient, owner);
  server_.reset();  // another process has the key from the database
  EXPECT_EQ(at(item(ask("/patients"), as_reader("/patients"), "smith"), "/id"), patient);
  connection_.execute("UPDATE shared_secret SET secret = sha256(secret)");
  server_.reset();
  EXPECT_NE(at(item(ask("/patients"), as_reader("/patients"), "smith"), "/id"), patient);
}

TEST_F(Deidentified, RefusesWhatWouldTellTheRest) {
  for (const std::string target : {"/patients?last_name=smith",
                                   "/patients?first_name=ann",
                                   "/patients?zipcode=02139",
                                   "/patients?postal_code=02139",
                                   "/patients?birth_date=1980-05-01",
                                   "/patients?birth_date=1980",
                                   "/patients?mrn=MRN-1",
                                   "/patients?city=Cambridge",
                                   "/patients?deceased_at=1985",
                                   "/patients?sort=birth_date",
                                   "/patients?sort=-last_name",
                                   "/patients?fields=id,family",
                                   "/patients?fields=run_id",
                                   "/patients?format=fhir",
                                   "/observations?effective=2025-11",
                                   "/observations?effective=ge2025&effective=lt2025-11-04",
                                   "/observations?sort=effective",
                                   "/observations?sort=value",
                                   "/observations?format=fhir",
                                   "/patients/smith/raw",
                                   "/observations/o1/raw",
                                   "/zipcodes",
                                   "/zipcodes/02139",
                                   "/runs",
                                   "/runs/2",
                                   "/rejects",
                                   "/receipts",
                                   "/schedules",
                                   "/audit",
                                   "/stats/patients?by=zipcode",
                                   "/stats/observations?by=month",
                                   "/stats/patients?zipcode=02139",
                                   "/stats/observations?effective=2025-11"}) {
    const RawResponse response = ask(target);
    EXPECT_EQ(response.status, 403) << target << " " << response.body;
    EXPECT_THAT(response.body, AllOf(Not(HasSubstr("Smith")), Not(HasSubstr("\"items\"")))) << target;
  }
  EXPECT_EQ(ask("/patients", "Accept: application/fhir+json\r\n").status, 403);
  const std::string all_wrong = ask("/patients?last_name=smith&sort=city").body;
  EXPECT_EQ(at(all_wrong, "/errors/0/field"), "\"last_name\"");
  EXPECT_EQ(at(all_wrong, "/errors/1/field"), "\"sort\"");
}

TEST_F(Deidentified, FindsWhatItHasThePseudonymOf) {
  const std::string smith = item(ask("/patients"), as_reader("/patients"), "smith");
  const std::string patient = word(at(smith, "/id"));
  EXPECT_EQ(at(ask("/patients/" + patient).body, ""), smith);
  EXPECT_EQ(ask("/patients/" + patient).header("last-modified"), "");
  const std::string o2 = item(ask("/observations"), as_reader("/observations"), "o2");
  EXPECT_EQ(at(ask("/observations/" + word(at(o2, "/id"))).body, ""), o2);
  const RawResponse by_encounter = ask("/observations?encounter_id=" + word(at(o2, "/encounter_id")));
  EXPECT_EQ(at(by_encounter.body, "/items/0"), o2);
  EXPECT_EQ(at(by_encounter.body, "/items/1"), "");
  // The same rows as who may see the ids gets by these.
  for (const std::string target : {"/observations?patient_id=%", "/patients/%/observations"}) {
    const auto with = [&](std::string_view id) { return std::string(target).replace(target.find('%'), 1, id); };
    const RawResponse hidden = ask(with(patient));
    EXPECT_EQ(hidden.status, 200) << hidden.body;
    for (const std::string id : {"o1", "o2"})
      EXPECT_THAT(item(hidden, as_reader(with("smith")), id), HasSubstr(patient));
    EXPECT_EQ(at(hidden.body, "/items/2"), "");
    EXPECT_THAT(ask(with(patient) + (target.ends_with('%') ? "&" : "?") + "format=csv").body, HasSubstr(patient));
  }
  const std::string jones = word(at(item(ask("/patients"), as_reader("/patients"), "jones"), "/id"));
  EXPECT_NE(at(ask("/observations?patient_id=" + patient + "&patient_id=" + jones).body, "/items/2"), "");
  // Whom the pages after the first are about stands in their URL as it was asked.
  const std::string next = at(ask("/observations?limit=1&patient_id=" + patient).body, "/next");
  EXPECT_THAT(next, AllOf(HasSubstr(patient), Not(HasSubstr("smith"))));
  EXPECT_EQ(ask(word(next)).status, 200);
}

TEST_F(Deidentified, DoesNotTellWhetherThereIsAnId) {
  // An id that is there, one that is not, and pseudonyms that are none: nobody can tell the answers apart.
  std::string changed = word(at(item(ask("/patients"), as_reader("/patients"), "smith"), "/id"));
  changed[20] = changed[20] == 'A' ? 'B' : 'A';
  const auto answer = [&](const std::string& target) {
    const RawResponse response = ask(target, "X-Request-Id: same\r\n");
    return std::to_string(response.status) + response.body;
  };
  for (const std::string before : {"/patients/%", "/patients/%/observations", "/patients/%/observations?format=csv",
                                   "/observations/%", "/observations?patient_id=%", "/observations?encounter_id=%"}) {
    const auto with = [&](std::string_view id) { return std::string(before).replace(before.find('%'), 1, id); };
    const std::string nobody = answer(with("nobody"));
    EXPECT_THAT(nobody, ::testing::StartsWith(before.find('=') < before.find('%') ? "400" : "404"));
    for (const std::string& id : {std::string("smith"), std::string("o1"), std::string("visit"), changed}) {
      EXPECT_EQ(answer(with(id)), nobody) << with(id);
    }
  }
}

TEST_F(Deidentified, FiltersByWhatItShows) {
  EXPECT_EQ(at(ask("/patients?gender=female&fields=gender").body, "/items"), R"([{"gender":"female"}])");
  EXPECT_EQ(at(ask("/observations?code=4548-4&value=gt7&fields=value_number").body, "/items"),
            R"([{"value_number":7.4}])");
  EXPECT_EQ(
      at(ask("/observations?category=laboratory&fields=category&effective=ge2025&effective=lt2026").body, "/items"),
      R"([{"category":"laboratory"}])");
  EXPECT_EQ(at(ask("/observations?effective=gt2025").body, "/items"), "[]");
  // Nobody finds by a filter what is not shown.
  EXPECT_EQ(at(ask("/observations?code=30525-0&value=gt89").body, "/items"), "[]");
  EXPECT_EQ(at(ask("/observations?category=with%20Ann").body, "/items"), "[]");
}

TEST_F(Deidentified, PagesWithoutTellingIds) {
  std::string target = "/patients?limit=1&sort=gender";
  int pages = 0;
  for (; !target.empty(); ++pages) {
    const RawResponse page = ask(target);
    ASSERT_EQ(page.status, 200) << page.body;
    const std::string next = at(page.body, "/next");
    target = next == "null" ? "" : next.substr(1, next.size() - 2);
    // Sealed: nothing of an id is in it, in base64 either.
    for (const std::string secret : {"c21pdGg", "am9uZXM", "b3RoZXI"}) EXPECT_THAT(target, Not(HasSubstr(secret)));
  }
  EXPECT_EQ(pages, 3);
}

TEST_F(Deidentified, ExportsTheSame) {
  const RawResponse csv = ask("/patients?format=csv");
  EXPECT_EQ(csv.status, 200);
  EXPECT_THAT(
      csv.body,
      HasSubstr(
          "id,active,gender,birth_date,over_89,deceased,deceased_at,marital_status,race_code,ethnicity_code,state,"
          "postal_code\r\n"));
  EXPECT_THAT(csv.body, AllOf(HasSubstr(",true,female,1980,,,,,2106-3,,MA,021\r\n"), Not(HasSubstr("smith"))));
  const RawResponse lines = ask("/observations?format=ndjson&fields=patient_id,value_number");
  EXPECT_THAT(lines.body, AllOf(HasSubstr("\"value_number\":7.40}\n"), Not(HasSubstr("smith"))));
}

TEST_F(Deidentified, IsWrittenDownWithTheIdsAllTheSame) {
  EXPECT_EQ(ask("/patients").status, 200);
  const std::string smith = word(at(item(ask("/patients"), as_reader("/patients"), "smith"), "/id"));
  EXPECT_EQ(ask("/patients/" + smith).status, 200);
  server_->stop();
  server_.reset();
  for (const std::string_view action : {"list_patients", "get_patient"}) {
    const auto rows = connection_.query(
        "SELECT 1 FROM audit WHERE patient_id = 'smith' AND actor = split_part($1, '_', 2) AND action = $2 LIMIT 1",
        {key_, action});
    EXPECT_EQ(rows.rows(), 1) << action;
  }
}

TEST_F(Deidentified, CountsNoSmallGroups) {
  EXPECT_EQ(ask("/stats/patients?by=gender").body, R"({"items":[],"complete":true,"suppressed":2})");
  connection_.execute(R"sql(
    INSERT INTO patient (id, gender, birth_date, digest, run_id, last_seen_run, fetched_at)
      SELECT 'p' || i, 'male', '1970-01-01', gen_random_uuid(), 2, 2, now() FROM generate_series(1, 11) AS i;
    INSERT INTO zipcode_patient SELECT '02139', 'p' || i, 0, '02139', 2, 2 FROM generate_series(1, 11) AS i;
    INSERT INTO observation (id, patient_id, code, effective_start, digest, run_id, last_seen_run, fetched_at)
      SELECT 'many' || i, 'smith', 'often', '2025-01-01Z', gen_random_uuid(), 2, 2, now() FROM generate_series(1, 100) AS i)sql");
  EXPECT_EQ(ask("/stats/patients?by=gender,zip3").body,
            R"({"items":[{"zip3":"021","gender":"male","count":11}],"complete":true,"suppressed":2})");
  // Many observations of one patient are a group of one.
  EXPECT_EQ(ask("/stats/observations?code=often&by=year").body, R"({"items":[],"complete":true,"suppressed":1})");
  EXPECT_EQ(as_reader("/stats/observations?code=often&by=year").body,
            R"({"items":[{"year":"2025","count":100}],"complete":true})");
}

TEST_F(Deidentified, CountsNoSmallGroupsForAnybodyWhereThatIsSet) {
  options_.small_counts = 2;
  EXPECT_EQ(as_reader("/stats/patients?by=zipcode").body,
            R"({"items":[{"zipcode":"02139","count":2}],"complete":true,"suppressed":1})");
  EXPECT_EQ(as_reader("/stats/patients?zipcode=99999").body,
            R"({"items":[{"count":0}],"complete":true,"suppressed":0})");
}

}  // namespace
}  // namespace wellhead::api
