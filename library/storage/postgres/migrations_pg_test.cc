#include "library/storage/postgres/migrations.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <thread>

#include "library/meta/error.h"
#include "tests/fixture/database.h"
#include "tests/fixture/thrown.h"

namespace wellhead::storage {
namespace {

using fixture::error_of;
using meta::Error;
using meta::ErrorCode;
using testing::HasSubstr;

class MigrationsTest : public testing::Test {
 protected:
  bool exists(std::string_view table) { return !connection_.query("SELECT to_regclass($1)", {table}).is_null(0, 0); }

  fixture::TestDatabase database_;
  Connection connection_ = database_.connect();
};

TEST_F(MigrationsTest, AppliesAllOnceAndThenNothing) {
  EXPECT_FALSE(schema_state(connection_).current());
  EXPECT_EQ(migrate(connection_).size(), known_migrations().size());
  EXPECT_TRUE(exists("load_ledger"));
  EXPECT_TRUE(schema_state(connection_).current());
  EXPECT_TRUE(migrate(connection_).empty());
}

TEST_F(MigrationsTest, KnownMigrationsAreNumberedWithoutAGap) {
  int expected = 1;
  for (const auto& migration : known_migrations()) {
    EXPECT_EQ(migration.version, expected++);
    EXPECT_FALSE(migration.sql.empty());
  }
  EXPECT_GT(expected, 1);
}

TEST_F(MigrationsTest, EveryTableAndItsPurposeIsInTheDataDictionary) {
  migrate(connection_);
  const auto bare = connection_.query(
      "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace "
      "AND obj_description(oid, 'pg_class') IS NULL");
  for (int row = 0; row < bare.rows(); ++row) ADD_FAILURE() << bare.text(row, 0) << " has no comment";
}

TEST_F(MigrationsTest, TwoAtOnceApplyEachOnce) {
  std::atomic<std::size_t> applied = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 2; ++i) {
      threads.emplace_back([&] {
        auto connection = database_.connect();
        applied += migrate(connection).size();
      });
    }
  }
  EXPECT_EQ(applied, known_migrations().size());
}

TEST_F(MigrationsTest, NewerSchemaIsRefused) {
  migrate(connection_);
  connection_.execute("INSERT INTO schema_migration VALUES (9999, '9999_later', 'x')");
  const auto error = error_of([&] { migrate(connection_); });
  EXPECT_EQ(error.code(), ErrorCode::database_version);
  EXPECT_THAT(error.what(), HasSubstr("9999"));
  EXPECT_EQ(error_of([&] { schema_state(connection_); }).code(), ErrorCode::database_version);
}

TEST_F(MigrationsTest, EditedMigrationIsRefused) {
  migrate(connection_);
  connection_.execute("UPDATE schema_migration SET digest = 'edited' WHERE version = 1");
  const auto error = error_of([&] { migrate(connection_); });
  EXPECT_EQ(error.code(), ErrorCode::database_version);
  EXPECT_THAT(error.what(), HasSubstr("0001_load"));
}

TEST_F(MigrationsTest, FailingMigrationIsRolledBackAndThoseBeforeItKept) {
  const std::array<Migration, 2> migrations = {
      Migration{1, "0001_a", "CREATE TABLE a ()"},
      Migration{2, "0002_b", "CREATE TABLE b (); SELECT 1/0"},
  };
  EXPECT_EQ(error_of([&] { migrate(connection_, migrations); }).code(), ErrorCode::database_refused);
  EXPECT_TRUE(exists("a"));
  EXPECT_FALSE(exists("b"));
  EXPECT_EQ(schema_state(connection_, migrations).version, 1);
}

TEST_F(MigrationsTest, UserWithoutPermissionIsToldWhatToGrant) {
  const auto role = database_.name() + "_reader";
  connection_.execute("CREATE ROLE " + role + "; REVOKE CREATE ON SCHEMA public FROM PUBLIC; SET ROLE " + role);
  const auto error = error_of([&] { migrate(connection_); });
  connection_.execute("RESET ROLE; DROP ROLE " + role);
  EXPECT_EQ(error.code(), ErrorCode::database_refused);
  EXPECT_THAT(error.what(), HasSubstr("GRANT CREATE ON SCHEMA \"public\" TO \"" + role + "\""));
}

TEST(RequireSupportedServer, NamesFoundAndNeededVersion) {
  require_supported_server(150000, "here");
  require_supported_server(170002, "here");
  const auto error = error_of([] { require_supported_server(140011, "database 'db' on host:5432"); });
  EXPECT_EQ(error.code(), ErrorCode::database_version);
  EXPECT_THAT(error.message(), HasSubstr("database 'db' on host:5432 is PostgreSQL 14, and Wellhead needs 15"));
}

}  // namespace
}  // namespace wellhead::storage
