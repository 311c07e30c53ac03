// What the charts of a code are made of.
#include <gmock/gmock.h>

#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using testing::at;

class Values : public testing::SeededApiTest {
 protected:
  Values() {
    // smith's 100 values of one code, 1 to 100 mg/dL in ten months, one far off, one in another unit, two without.
    connection_.execute(R"sql(
      INSERT INTO observation (id, patient_id, code, code_display, value_number, value_unit, data_absent_reason, effective_start, digest,
                               run_id, last_seen_run, fetched_at)
        SELECT 'g' || i, 'smith', '2339-0', 'Glucose', i, 'mg/dL', NULL, timestamptz '2025-01-15Z' + (i - 1) / 10 * interval '1 month',
               gen_random_uuid(), 1, 2, now() FROM generate_series(1, 100) i
        UNION ALL SELECT 'far', 'smith', '2339-0', 'Glucose', 10000, 'mg/dL', NULL, NULL, gen_random_uuid(), 1, 2, now()
        UNION ALL SELECT 'si', 'smith', '2339-0', 'Glucose', 5.5, 'mmol/L', NULL, '2025-01-15Z', gen_random_uuid(), 1, 2, now()
        UNION ALL SELECT 'not', 'smith', '2339-0', 'Glucose', NULL, NULL, 'unknown', '2025-01-15Z', gen_random_uuid(), 1, 2, now()
        UNION ALL SELECT 'nothing', 'jones', '2339-0', 'Glucose', NULL, NULL, NULL, '2025-01-15Z', gen_random_uuid(), 1, 3, now()
        UNION ALL SELECT 'gone', 'smith', '2339-0', 'Glucose', 1, 'mg/dL', NULL, '2025-01-15Z', gen_random_uuid(), 1, 1, now();
      UPDATE patient SET gender = CASE id WHEN 'smith' THEN 'female' ELSE 'male' END)sql");
  }
};

TEST_F(Values, CountCodesTheMostFrequentFirst) {
  const std::string all = get("/stats/codes?zipcode=02139").body;
  EXPECT_EQ(at(all, "/items/0"),
            R"({"code":"2339-0","display":"Glucose","observations":104,"patients":2,"numbers":102,"missing":2,)"
            R"("first":"2025-01-15T00:00:00Z","last":"2025-10-15T00:00:00Z"})");
  EXPECT_EQ(at(all, "/items/1/code"), "\"4548-4\"");
  // A panel without a value of its own has its components.
  EXPECT_EQ(at(all, "/items/2/code"), "\"85354-9\"");
  EXPECT_EQ(at(all, "/items/2/missing"), "0");
  EXPECT_EQ(at(all, "/complete"), "true");
  EXPECT_EQ(at(get("/stats/codes?limit=1").body, "/complete"), "false");
  EXPECT_EQ(at(get("/stats/codes?gender=male&effective=2025-01").body, "/items/0/observations"), "1");
  EXPECT_EQ(get("/stats/codes?zipcode=99999").body, R"({"items":[],"complete":true})");
}

TEST_F(Values, TellUnitsAndWhatIsMissing) {
  const std::string glucose = get("/stats/values?code=2339-0&zipcode=02139").body;
  EXPECT_EQ(at(glucose, "/display"), "\"Glucose\"");
  EXPECT_EQ(at(glucose, "/observations"), "104");
  EXPECT_EQ(at(glucose, "/patients"), "2");
  EXPECT_EQ(at(glucose, "/numbers"), "102");
  EXPECT_EQ(at(glucose, "/missing"), "2");
  EXPECT_EQ(at(glucose, "/absent"), R"([{"reason":"unknown","count":1}])");
  EXPECT_EQ(at(glucose, "/units"), R"([{"unit":"mg/dL","count":101},{"unit":"mmol/L","count":1}])");
}

TEST_F(Values, AreSpreadWithoutWhatLiesFarOff) {
  const std::string glucose = get("/stats/values?code=2339-0&zipcode=02139").body;
  EXPECT_EQ(at(glucose, "/unit"), "\"mg/dL\"");
  EXPECT_EQ(at(glucose, "/summary/count"), "101");
  EXPECT_EQ(at(glucose, "/summary/maximum"), "10000");
  EXPECT_EQ(at(glucose, "/summary/median"), "51");
  EXPECT_EQ(at(glucose, "/bins/0/from"), "1");
  EXPECT_EQ(at(glucose, "/bins/23/to"), "226");
  EXPECT_EQ(at(glucose, "/bins/24"), "");
  EXPECT_EQ(at(glucose, "/bins/23/count"), "0");
  EXPECT_EQ(at(glucose, "/months/0"), R"({"month":"2025-01","count":10,"p25":3.25,"median":5.5,"p75":7.75})");
  EXPECT_EQ(at(glucose, "/months/9/month"), "\"2025-10\"");
}

TEST_F(Values, AreOfOneUnitAtATime) {
  const std::string glucose = get("/stats/values?code=2339-0&unit=mmol/L").body;
  EXPECT_EQ(at(glucose, "/unit"), "\"mmol/L\"");
  EXPECT_EQ(at(glucose, "/summary/count"), "1");
  EXPECT_EQ(at(glucose, "/summary/median"), "5.5");
  EXPECT_EQ(at(glucose, "/bins/0/count"), "1");
}

TEST_F(Values, AreThoseOfComponentsToo) {
  const std::string panel = get("/stats/values?code=85354-9").body;
  EXPECT_EQ(at(panel, "/missing"), "0");
  EXPECT_EQ(at(panel, "/summary"), "");
  EXPECT_EQ(at(panel, "/components"), R"([{"code":"8462-4","count":1},{"code":"8480-6","count":1}])");
  const std::string diastolic = get("/stats/values?code=8462-4").body;
  EXPECT_EQ(at(diastolic, "/observations"), "1");
  EXPECT_EQ(at(diastolic, "/summary/median"), "74.2");
  EXPECT_EQ(at(diastolic, "/months/0/month"), "\"2025-11\"");
  const std::string nothing = get("/stats/values?code=none").body;
  EXPECT_EQ(at(nothing, "/observations"), "0");
  EXPECT_EQ(at(nothing, "/bins"), "[]");
  EXPECT_EQ(get("/stats/values").status, 400);
}

TEST_F(Values, ListTheObservationsOfAZipcode) {
  EXPECT_EQ(ids("/observations?zipcode=02139&code=4548-4"), (std::vector<std::string>{"o2", "o4"}));
  EXPECT_EQ(ids("/observations?zipcode=02140"), (std::vector<std::string>{"o6"}));
  EXPECT_EQ(ids("/observations?zipcode=02139&code=4548-4&include=no_longer_found"),
            (std::vector<std::string>{"o2", "o3", "o4", "o5"}));
  EXPECT_EQ(all_ids("/observations?zipcode=02139&code=4548-4&limit=1"), (std::vector<std::string>{"o2", "o4"}));
  EXPECT_EQ(get("/patients/smith/observations?zipcode=02139").status, 400);
}

}  // namespace
}  // namespace wellhead::api
