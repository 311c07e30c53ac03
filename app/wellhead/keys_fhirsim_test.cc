// Keys and erasure by the program itself: who is let in, and who does not come back.
#include <gmock/gmock.h>

#include <csignal>
#include <stdexcept>

#include "app/wellhead/testing/program_fixture.h"
#include "library/webserver/testing/raw_client.h"

namespace wellhead::app {
namespace {

using fixture::Process;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

class Keys : public testing::ProgramTest {
 protected:
  std::string key(const std::string& role) {
    const auto created = run({"keys", "create", "--role", role});
    EXPECT_EQ(created.status, 0) << created.errors;
    EXPECT_THAT(created.output, StartsWith("wellhead_"));
    return created.output.substr(0, created.output.find('\n'));
  }
  static RawResponse send(const std::string& api, const std::string& method, const std::string& target,
                          const std::string& key) {
    const auto port = static_cast<std::uint16_t>(std::stoi(api.substr(api.rfind(':') + 1)));
    return RawClient(port).request(method, target, key.empty() ? "" : "X-API-Key: " + key + "\r\n");
  }
  std::int64_t receipt(const std::string& column) const {
    return database_.connect()
        .query("SELECT " + column + " FROM receipt WHERE resource_type = 'Patient' ORDER BY run_id DESC LIMIT 1")
        .integer(0, 0);
  }
};

TEST_F(Keys, OpenTheApiToOtherMachines) {
  environment_["WELLHEAD_LISTEN"] = "0.0.0.0:0";
  const auto refused = run({"serve"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.errors, HasSubstr("wellhead keys create"));
  const std::string reader = key("reader");
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  const std::string api = api_of(serve);
  EXPECT_EQ(send(api, "GET", "/patients", "").status, 401);
  EXPECT_EQ(send(api, "GET", "/patients", reader).status, 200);
  EXPECT_EQ(send(api, "GET", "/audit", reader).status, 403);
  const std::string id = reader.substr(9, 12);
  EXPECT_THAT(run({"keys", "list"}).output, HasSubstr(id));
  EXPECT_EQ(run({"keys", "revoke", id}).status, 0);
  wait_until([&] { return send(api, "GET", "/patients", reader).status == 401; });
}

TEST_F(Keys, LetAnAdminErasePatientsForGood) {
  ASSERT_EQ(run({"load", "02139"}).status, 0);
  const std::string admin = key("admin");
  const std::string operating = key("operator");
  const std::string id(database_.connect().query("SELECT id FROM patient ORDER BY id LIMIT 1").text(0, 0));
  Process serve(WELLHEAD_PROGRAM, {"serve"}, environment_);
  const std::string api = api_of(serve);
  EXPECT_EQ(send(api, "DELETE", "/patients/" + id, operating).status, 403);
  const RawResponse erased = send(api, "DELETE", "/patients/" + id, admin);
  EXPECT_EQ(erased.status, 200) << erased.body;
  EXPECT_EQ(testing::Json(erased.body).number("/patients"), 1);
  EXPECT_EQ(send(api, "GET", "/patients/" + id, admin).status, 404);
  ASSERT_EQ(run({"load", "02139"}).status, 0);
  EXPECT_EQ(count("patient"), 29);
  EXPECT_EQ(receipt("erased"), 1);
  EXPECT_EQ(receipt("staged"), 29);
  ASSERT_EQ(run({"load", "02139", "--restore-erased"}).status, 0);
  EXPECT_EQ(count("patient"), 30);
  EXPECT_EQ(receipt("erased"), 0);
  EXPECT_EQ(count("erased_patient"), 0);
}

// Killed just before and just after the commit of an erasure: nothing of it, or all of it, and what was left to do is
// done by the next process.
TEST_F(Keys, EraseAllOrNothingOfAPatient) {
  for (const std::string moment : {"before", "after"}) {
    SCOPED_TRACE(moment);
    ASSERT_EQ(run({"load", "02139", "--restore-erased"}).status, 0);
    ASSERT_EQ(count("patient"), 30);
    const std::string admin = key("admin");
    const std::string id(database_.connect().query("SELECT id FROM patient ORDER BY id LIMIT 1").text(0, 0));
    environment_["WELLHEAD_FAIL_POINT"] = "erase." + moment + ":1";
    Process dies(WELLHEAD_PROGRAM, {"up"}, environment_);
    EXPECT_THROW(send(api_of(dies), "DELETE", "/patients/" + id, admin), std::runtime_error);
    EXPECT_EQ(dies.wait(), 128 + SIGKILL);
    environment_.erase("WELLHEAD_FAIL_POINT");
    const bool erased = moment == "after";
    EXPECT_EQ(count("patient"), erased ? 29 : 30);
    EXPECT_EQ(count("erased_patient"), erased ? 1 : 0);
    EXPECT_EQ(count("audit WHERE action = 'erase_patient'"), erased ? 1 : 0);
    Process up(WELLHEAD_PROGRAM, {"up"}, environment_);
    const std::string api = api_of(up);
    // The blobs that had something of the patient are gone.
    wait_until([&] { return count("erased_blob") == 0; });
    EXPECT_EQ(send(api, "GET", "/patients/" + id, admin).status, erased ? 404 : 200);
    // Everybody else's resources can still be read.
    const auto others = database_.connect().query("SELECT id FROM patient WHERE id <> $1", {id});
    for (int row = 0; row < others.rows(); ++row) {
      EXPECT_EQ(send(api, "GET", "/patients/" + std::string(others.text(row, 0)) + "/raw", admin).status, 200);
    }
    up.signal(SIGTERM);
    EXPECT_EQ(up.wait(), 0);
  }
}

}  // namespace
}  // namespace wellhead::app
