#include "service/access/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/wait.h"

namespace wellhead::access {
namespace {

using std::chrono::milliseconds;

class AuditTest : public ::testing::Test {
 protected:
  AuditTest() : connection_(database_.connect()) {
    storage::migrate(connection_);
    principal_.id = "key1";
    options_ = {.database_url = database_.url(),
                .spill = directory_.path() / "audit",
                .workers = 2,
                .interval = milliseconds(20)};
  }

  bool note(AuditTrail& trail, const std::vector<std::string>& patients, std::string_view request = "r1",
            std::size_t worker = 0) {
    return trail.note({worker, &principal_, "192.0.2.7", "get_patient", request, patients});
  }
  std::int64_t count(const std::string& where = "true") {
    return connection_.query("SELECT coalesce(sum(times), 0) FROM audit WHERE " + where).integer(0, 0);
  }
  void wait_for(std::int64_t reads) {
    fixture::wait_until([&] { return count() >= reads; });
  }
  std::size_t spilled() const {
    if (!std::filesystem::exists(options_.spill)) return 0;
    return static_cast<std::size_t>(std::ranges::distance(std::filesystem::directory_iterator(options_.spill),
                                                          std::filesystem::directory_iterator()));
  }

  fixture::TestDatabase database_;
  fixture::TestDirectory directory_;
  storage::Connection connection_;
  webserver::Principal principal_;
  AuditOptions options_;
};

TEST_F(AuditTest, WritesWhileItRuns) {
  AuditTrail trail(options_);
  trail.start();
  EXPECT_TRUE(note(trail, {"a", "b"}));
  wait_for(2);
  const auto rows = connection_.query(
      "SELECT actor, client, action, patient_id, times, request_id, at <= until FROM audit ORDER BY patient_id");
  ASSERT_EQ(rows.rows(), 2);
  EXPECT_EQ(rows.text(0, 0), "key1");
  EXPECT_EQ(rows.text(0, 1), "192.0.2.7");
  EXPECT_EQ(rows.text(0, 2), "get_patient");
  EXPECT_EQ(rows.text(1, 3), "b");
  EXPECT_EQ(rows.text(0, 5), "r1");
  EXPECT_TRUE(rows.boolean(0, 6));
}

TEST_F(AuditTest, LosesNothingWhenItStops) {
  options_.interval = std::chrono::hours(1);
  AuditTrail trail(options_);
  trail.start();
  // An answer counts once, however often it names a patient; another one counts again.
  note(trail, {"a", "b", "a"}, "r1");
  note(trail, {"a"}, "r2");
  note(trail, {"a"}, "r3", 1);
  principal_.id = "tab\tback\\slash\nline";
  note(trail, {"c"});
  trail.stop();
  EXPECT_EQ(count("patient_id = 'a'"), 3);
  EXPECT_EQ(count("patient_id = 'b'"), 1);
  EXPECT_EQ(count("actor = E'tab\\tback\\\\slash\\nline'"), 1);
  EXPECT_EQ(spilled(), 0);
}

TEST_F(AuditTest, KeepsWhatTheDatabaseDoesNotTakeForTheNextStart) {
  connection_.execute("ALTER TABLE audit RENAME TO away");
  options_.stop_patience = milliseconds(10);
  {
    AuditTrail trail(options_);
    trail.start();
    note(trail, {"a", "b"});
    trail.stop();
  }
  EXPECT_EQ(spilled(), 1);
  connection_.execute("ALTER TABLE away RENAME TO audit");
  AuditTrail next(options_);
  next.start();
  wait_for(2);
  next.stop();
  EXPECT_EQ(count(), 2);
  EXPECT_EQ(spilled(), 0);
}

TEST_F(AuditTest, GoesOnWhenTheDatabaseIsBack) {
  connection_.execute("ALTER TABLE audit RENAME TO away");
  AuditTrail trail(options_);
  trail.start();
  note(trail, {"a"}, "r1");
  connection_.execute("ALTER TABLE away RENAME TO audit");
  note(trail, {"a"}, "r2");
  wait_for(2);
  trail.stop();
  EXPECT_EQ(count(), 2);
}

TEST_F(AuditTest, SaysNoWhenItIsFull) {
  options_.most = 2;
  options_.interval = std::chrono::hours(1);
  AuditTrail trail(options_);
  trail.start();
  EXPECT_TRUE(note(trail, {"a", "b"}));
  EXPECT_FALSE(note(trail, {"c"}));
  trail.stop();
  EXPECT_EQ(count(), 2);
}

TEST_F(AuditTest, RowsAreOnlyAdded) {
  connection_.execute(
      "INSERT INTO audit (at, until, times, actor, client, action, request_id) VALUES (now(), now(), 1, 'x', '', 'y', "
      "'')");
  EXPECT_THROW(connection_.execute("UPDATE audit SET actor = 'z'"), meta::Error);
  EXPECT_THROW(connection_.execute("DELETE FROM audit"), meta::Error);
  EXPECT_THROW(connection_.execute("TRUNCATE audit"), meta::Error);
  EXPECT_EQ(count("actor = 'x'"), 1);
}

}  // namespace
}  // namespace wellhead::access
