#include "service/access/keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"

namespace wellhead::access {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class KeysTest : public ::testing::Test {
 protected:
  KeysTest() : connection_(database_.connect()) { storage::migrate(connection_); }

  std::string one(const std::string& sql) { return std::string(connection_.query(sql).text(0, 0)); }

  fixture::TestDatabase database_;
  storage::Connection connection_;
};

TEST_F(KeysTest, KeepsTheHashAlone) {
  const auto created = create_key(
      connection_, {.role = webserver::Role::read, .name = "nightly", .zip_prefixes = {"021"}, .lifetime = {}});
  EXPECT_THAT(created.key, MatchesRegex("wellhead_[0-9a-f]{12}_[A-Za-z0-9_-]{43}"));
  const auto parts = split_key(created.key);
  ASSERT_TRUE(parts);
  EXPECT_EQ(parts->id, created.description.id);
  EXPECT_THAT(one("SELECT hash FROM api_key"), StartsWith("$argon2id$"));
  const auto everything =
      one("SELECT string_agg(k::text, '') || (SELECT string_agg(a::text, '') FROM audit a) FROM api_key k");
  EXPECT_THAT(everything, Not(HasSubstr(std::string(parts->secret))));
  EXPECT_THAT(everything, HasSubstr(std::string(parts->id)));
  EXPECT_NE(create_key(connection_, {}).key, created.key);
}

TEST_F(KeysTest, ListsAndRevokes) {
  EXPECT_FALSE(has_usable_key(connection_));
  const auto first = create_key(connection_, {.role = webserver::Role::administer,
                                              .name = "first",
                                              .zip_prefixes = {"021", "02474"},
                                              .lifetime = std::chrono::hours(24)});
  EXPECT_TRUE(has_usable_key(connection_));
  auto keys = list_keys(connection_);
  ASSERT_EQ(keys.size(), 1);
  EXPECT_EQ(keys[0].role, "admin");
  EXPECT_EQ(keys[0].name, "first");
  EXPECT_THAT(keys[0].zip_prefixes, ElementsAre("021", "02474"));
  EXPECT_TRUE(keys[0].expires_at && !keys[0].revoked_at && keys[0].usable);
  const auto revoked = revoke_key(connection_, keys[0].id);
  EXPECT_TRUE(revoked.revoked_at && !revoked.usable);
  EXPECT_FALSE(has_usable_key(connection_));
  EXPECT_EQ(revoke_key(connection_, keys[0].id).revoked_at, revoked.revoked_at);
  EXPECT_EQ(one("SELECT string_agg(action, ' ' ORDER BY audit_id) FROM audit"), "create_key revoke_key");
  EXPECT_THROW(revoke_key(connection_, "nobody"), meta::Error);
}

TEST_F(KeysTest, SeesThatAKeyHasExpired) {
  create_key(connection_, {.lifetime = std::chrono::seconds(1)});
  connection_.execute("UPDATE api_key SET expires_at = clock_timestamp() - interval '1 second'");
  EXPECT_FALSE(has_usable_key(connection_));
  EXPECT_FALSE(list_keys(connection_)[0].usable);
}

TEST(Keys, SplitsOnlyWhatIsOne) {
  const std::string secret(43, 'A');
  EXPECT_TRUE(split_key("wellhead_0123456789ab_" + secret));
  for (const std::string& bad : {std::string(), std::string("wellhead_"), "wellhead_0123456789AB_" + secret,
                                 "wellhead_0123456789ab-" + secret, "wellhead_0123456789ab_" + secret + "A",
                                 "wellhead_0123456789ab_" + secret.substr(1) + "=", "other_0123456789ab_" + secret}) {
    EXPECT_FALSE(split_key(bad)) << bad;
  }
}

TEST(Keys, ReadsZipPrefixesAndLifetimes) {
  EXPECT_EQ(parse_zip_prefix("021*"), "021");
  EXPECT_EQ(parse_zip_prefix("02139"), "02139");
  EXPECT_EQ(parse_zip_prefix("02139*"), "02139");
  for (const auto* bad : {"", "*", "021", "0213x", "021390", "021390*", "02*1"}) {
    EXPECT_THROW(parse_zip_prefix(bad), meta::Error) << bad;
  }
  EXPECT_EQ(parse_lifetime("90d"), std::chrono::hours(90 * 24));
  EXPECT_EQ(parse_lifetime("12h"), std::chrono::hours(12));
  EXPECT_EQ(parse_lifetime("never"), std::nullopt);
  for (const auto* bad : {"", "d", "0d", "-1d", "90", "1w", "99999999999d", "9999999999999999999999d"}) {
    EXPECT_THROW(parse_lifetime(bad), meta::Error) << bad;
  }
}

}  // namespace
}  // namespace wellhead::access
