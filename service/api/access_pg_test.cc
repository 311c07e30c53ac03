// Who is let in, by which key, to what; and what of it stands in the audit trail.
#include <gmock/gmock.h>

#include "library/meta/error.h"
#include "service/access/keys.h"
#include "service/api/testing/api_fixture.h"
#include "service/observation/observation.h"
#include "service/patient/patient.h"
#include "service/resource/resource_table.h"
#include "service/resource/row_limits.h"
#include "tests/fixture/wait.h"

namespace wellhead::api {
namespace {

using access::create_key;
using testing::at;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using webserver::Role;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

class Guarded : public testing::ApiTest {
 protected:
  Guarded() {
    testing::make_schema(connection_);
    testing::seed(connection_);
    patients_.view = converter::View::parse(patient::patient_view_json());
    patients_.patient_column = "id";
    observations_.view = converter::View::parse(observation::observation_view_json());
    observations_.patient_column = "patient_id";
    observations_.parts = {{converter::View::parse(observation::observation_component_view_json()), {}}};
    const std::vector<const resource::ResourceTable*> tables = {&patients_, &observations_};
    resource::ensure_row_limits(connection_, tables);
    options_.guarded = true;
  }

  std::string key(Role role, std::vector<std::string> zips = {}) {
    return create_key(connection_, {.role = role, .name = "", .zip_prefixes = std::move(zips), .lifetime = {}}).key;
  }
  static std::string bearer(const std::string& key) { return "Authorization: Bearer " + key + "\r\n"; }
  RawResponse send(const std::string& method, const std::string& target, const std::string& key,
                   const std::string& body = {}) {
    if (!server_) start();
    return RawClient(server_->port())
        .request(method, target,
                 (key.empty() ? "" : bearer(key)) + (body.empty() ? "" : "Content-Type: application/json\r\n"), body);
  }
  int status(const std::string& target, const std::string& key) { return send("GET", target, key).status; }
  // Until the answer has this status: what changes the keys is noticed within a second or so.
  void wait_for(int wanted, const std::string& target, const std::string& key) {
    fixture::wait_until([&] { return status(target, key) == wanted; });
  }
  std::vector<std::string> ids_of(const std::string& target, const std::string& key) {
    const RawResponse response = send("GET", target, key);
    EXPECT_EQ(response.status, 200) << response.body;
    std::vector<std::string> ids;
    for (int i = 0;; ++i) {
      const std::string id = at(response.body, "/items/" + std::to_string(i) + "/id");
      if (id.empty()) return ids;
      ids.push_back(id.substr(1, id.size() - 2));
    }
  }

  resource::ResourceTable patients_;
  resource::ResourceTable observations_;
};

TEST_F(Guarded, AsksNothingOnLoopbackWhileThereIsNoKey) {
  EXPECT_EQ(get("/patients/smith").status, 200);
  EXPECT_EQ(get("/audit").status, 200);
  const std::string reader = key(Role::read);
  wait_for(401, "/patients/smith", "");
  EXPECT_EQ(status("/patients/smith", reader), 200);
  // Also when the only key is revoked: whoever made one does not want an open API.
  access::revoke_key(connection_, access::list_keys(connection_).front().id);
  wait_for(401, "/patients/smith", reader);
  EXPECT_EQ(status("/patients/smith", ""), 401);
}

TEST_F(Guarded, SaysWhatIsMissing) {
  key(Role::read);
  const RawResponse none = send("GET", "/patients/smith", "");
  EXPECT_EQ(none.status, 401);
  EXPECT_EQ(none.header("www-authenticate"), "Bearer realm=\"wellhead\"");
  EXPECT_EQ(none.header("content-type"), "application/problem+json");
  EXPECT_THAT(none.body, HasSubstr("keys create"));
  const RawResponse wrong = send("GET", "/patients/smith", "wellhead_000000000000_" + std::string(43, 'A'));
  EXPECT_EQ(wrong.status, 401);
  EXPECT_THAT(wrong.header("www-authenticate"), HasSubstr("error=\"invalid_token\""));
  EXPECT_EQ(get("/patients/smith", "Authorization: Basic eDp5\r\n").status, 401);
  // Nobody learns from complaints about arguments, and what is open stays so.
  EXPECT_EQ(status("/patients?limit=x", ""), 401);
  EXPECT_EQ(status("/health/live", ""), 200);
  EXPECT_EQ(status("/openapi.json", ""), 200);
  EXPECT_EQ(status("/docs", ""), 200);
  EXPECT_EQ(status("/metrics", ""), 401);
}

TEST_F(Guarded, TakesAKeyInEitherHeader) {
  const std::string reader = key(Role::read);
  EXPECT_EQ(status("/patients/smith", reader), 200);
  EXPECT_EQ(get("/patients/smith", "X-API-Key: " + reader + "\r\n").status, 200);
  EXPECT_EQ(get("/patients/smith", "authorization: BEARER  " + reader + "\r\n").status, 200);
  std::string wrong = reader;
  wrong[40] = wrong[40] == 'A' ? 'B' : 'A';
  for (int i = 0; i < 3; ++i) EXPECT_EQ(status("/patients/smith", wrong), 401);
  EXPECT_EQ(status("/patients/smith", reader), 200);
}

TEST_F(Guarded, HoldsRolesToTheirRoutes) {
  const std::string reader = key(Role::read), operates = key(Role::operate), admin = key(Role::administer),
                    deidentified = key(Role::deidentified);
  const std::string body = R"({"zipcode": "02139"})";
  EXPECT_EQ(send("POST", "/zipcodes", reader, body).status, 403);
  EXPECT_EQ(send("POST", "/zipcodes", deidentified, body).status, 403);
  EXPECT_EQ(send("POST", "/zipcodes", operates, body).status, 503);  // this server only reads
  EXPECT_EQ(status("/audit", operates), 403);
  EXPECT_EQ(status("/audit", admin), 200);
  EXPECT_EQ(status("/patients", admin), 200);
  EXPECT_EQ(status("/metrics", deidentified), 200);
  const RawResponse forbidden = send("GET", "/audit", reader);
  EXPECT_EQ(forbidden.header("content-type"), "application/problem+json");
  EXPECT_THAT(forbidden.body, HasSubstr("role admin"));
}

TEST_F(Guarded, LearnsOfNewRevokedAndExpiredKeys) {
  const std::string first = key(Role::read);
  EXPECT_EQ(status("/patients/smith", first), 200);
  const std::string second = key(Role::read);
  wait_for(200, "/patients/smith", second);
  access::revoke_key(connection_, access::split_key(first)->id);
  wait_for(401, "/patients/smith", first);
  EXPECT_EQ(status("/patients/smith", second), 200);
  connection_.execute("UPDATE api_key SET expires_at = clock_timestamp() - interval '1 second'");
  wait_for(401, "/patients/smith", second);
}

TEST_F(Guarded, ShowsALimitedKeyItsZipCodesAlone) {
  const std::string limited = key(Role::read, {"02139"});
  const std::string all = key(Role::read);
  const std::string limited_admin = key(Role::administer, {"021"});
  EXPECT_THAT(ids_of("/patients?include=no_longer_found", all),
              ElementsAre("jones", "new", "other", "smith", "smythe"));
  EXPECT_THAT(ids_of("/patients?include=no_longer_found", limited), ElementsAre("jones", "new", "smith", "smythe"));
  EXPECT_THAT(ids_of("/patients", limited), ElementsAre("jones", "smith"));
  EXPECT_THAT(ids_of("/patients?last_name=smith", limited), ElementsAre("smith"));
  EXPECT_THAT(ids_of("/patients?zipcode=02140", limited), IsEmpty());
  EXPECT_EQ(status("/patients/other", limited), 404);
  EXPECT_EQ(status("/patients/other", all), 200);
  EXPECT_EQ(status("/patients/other/observations", limited), 404);
  EXPECT_EQ(status("/observations/o6", limited), 404);
  EXPECT_EQ(at(send("GET", "/observations/o1", limited).body, "/components/1/code"), "\"8480-6\"");
  EXPECT_THAT(ids_of("/observations?code=4548-4", limited), ElementsAre("o2", "o4"));
  EXPECT_EQ(status("/zipcodes/02140", limited), 404);
  EXPECT_EQ(status("/zipcodes/02139", limited), 200);
  EXPECT_EQ(status("/runs/4", limited), 404);
  EXPECT_EQ(status("/runs/2", limited), 200);
  EXPECT_EQ(status("/audit", limited_admin), 403);
}

TEST_F(Guarded, KeepsTheLimitsOfKeysApart) {
  const std::string east = key(Role::read, {"02139"}), west = key(Role::read, {"02140"}),
                    both = key(Role::read, {"021"});
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(status("/patients/other", east), 404);
    EXPECT_EQ(status("/patients/other", west), 200);
    EXPECT_EQ(status("/patients/smith", west), 404);
    EXPECT_EQ(status("/patients/smith", both), 200);
  }
}

TEST_F(Guarded, LimitsWhatAnOperatorMayStart) {
  const std::string limited = key(Role::operate, {"02139"});
  EXPECT_EQ(send("POST", "/zipcodes", limited, R"({"zipcode": "02140"})").status, 503);  // this server only reads
  EXPECT_EQ(send("POST", "/runs/4/cancel", limited).status, 503);
}

TEST_F(Guarded, WritesDownWhoReadWhom) {
  const std::string reader = key(Role::read);
  const std::string admin = key(Role::administer);
  EXPECT_EQ(status("/patients/smith", reader), 200);
  EXPECT_EQ(status("/patients/smith/observations", reader), 200);
  EXPECT_EQ(status("/patients/nobody", reader), 404);
  EXPECT_EQ(status("/patients?zipcode=02139", reader), 200);
  server_->stop();
  server_.reset();
  const std::string actor(access::split_key(reader)->id);
  const RawResponse trail = send("GET", "/audit?patient_id=smith", admin);
  EXPECT_EQ(at(trail.body, "/items/0/actor"), "\"" + actor + "\"");
  EXPECT_EQ(at(trail.body, "/items/0/client"), "\"127.0.0.1\"");
  EXPECT_EQ(at(trail.body, "/items/0/times"), "1");
  EXPECT_EQ(at(trail.body, "/items/3"), "");
  EXPECT_EQ(at(send("GET", "/audit?patient_id=jones&actor=" + actor, admin).body, "/items/0/action"),
            "\"list_patients\"");
  EXPECT_EQ(at(send("GET", "/audit?patient_id=nobody", admin).body, "/items"), "[]");
  const RawResponse page = send("GET", "/audit?actor=" + actor + "&limit=1", admin);
  const std::string next = at(page.body, "/next");
  EXPECT_EQ(send("GET", next.substr(1, next.size() - 2), admin).status, 200);
  EXPECT_EQ(send("GET", "/audit?cursor=AAAA", admin).status, 400);
}

TEST_F(Guarded, LimitsWholeListsAndCountsToo) {
  const std::string limited = key(Role::read, {"02140"});
  EXPECT_EQ(send("GET", "/patients?format=csv&fields=id&include=no_longer_found", limited).body, "id\r\nother\r\n");
  EXPECT_EQ(send("GET", "/observations?format=ndjson&fields=id", limited).body, "{\"id\":\"o6\"}\n");
  EXPECT_EQ(at(send("GET", "/patients?count=exact", limited).body, "/count"), "1");
  EXPECT_EQ(send("GET", "/stats/patients?by=zipcode", limited).body,
            R"({"items":[{"zipcode":"02140","count":1}],"complete":true})");
  EXPECT_EQ(at(send("GET", "/receipts", limited).body, "/items"), "[]");
  EXPECT_EQ(status("/runs/2/events", limited), 404);
  // The policies are of rows, not of blobs.
  EXPECT_EQ(status("/patients?format=fhir", limited), 403);
  EXPECT_EQ(status("/patients/other/raw", limited), 403);
  // What the connection of an export served last does not matter.
  const std::string all = key(Role::read);
  wait_for(200, "/v1/patients/smith", all);
  EXPECT_EQ(send("GET", "/v1/patients?format=csv&fields=id", all).body, "id\r\njones\r\nother\r\nsmith\r\n");
}

TEST_F(Guarded, WritesDownWhomAWholeListTold) {
  const std::string reader = key(Role::read);
  const std::string admin = key(Role::administer);
  EXPECT_EQ(status("/observations?format=csv&fields=id", reader), 200);
  server_->stop();
  server_.reset();
  for (const std::string patient : {"smith", "jones", "other"}) {
    const RawResponse trail = send("GET", "/audit?patient_id=" + patient, admin);
    EXPECT_EQ(at(trail.body, "/items/0/action"), "\"list_observations\"") << trail.body;
  }
  EXPECT_EQ(at(send("GET", "/audit?patient_id=smythe", admin).body, "/items"), "[]");
}

TEST_F(Guarded, IsNotServedBeyondLoopbackWithoutAKey) {
  options_.listen = "0.0.0.0:0";
  try {
    start();
    FAIL();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_setting);
    EXPECT_THAT(error.what(), HasSubstr("wellhead keys create"));
  }
  const std::string reader = key(Role::read);
  start();
  EXPECT_EQ(status("/patients/smith", reader), 200);
  EXPECT_EQ(status("/patients/smith", ""), 401);
}

}  // namespace
}  // namespace wellhead::api
