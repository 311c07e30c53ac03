#include "library/storage/postgres/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <future>
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
using testing::Not;

class ConnectionTest : public testing::Test {
 protected:
  fixture::TestDatabase database_;
  Connection connection_ = database_.connect();
};

TEST_F(ConnectionTest, ParametersGoThereAndBack) {
  const auto result =
      connection_.query("SELECT $1::text, $2::bigint, $3::float8, $4::boolean, $5::text, $6::bytea = '\\x00ff'",
                        {"O'Brien \\ \"x\"", -7, 0.1, true, nullptr, Value::bytes(std::string_view("\0\xff", 2))});
  EXPECT_EQ(result.text(0, 0), "O'Brien \\ \"x\"");
  EXPECT_EQ(result.integer(0, 1), -7);
  EXPECT_EQ(result.number(0, 2), 0.1);
  EXPECT_TRUE(result.boolean(0, 3));
  EXPECT_EQ(result.optional_text(0, 4), std::nullopt);
  EXPECT_TRUE(result.boolean(0, 5));
}

TEST_F(ConnectionTest, ArraysAndQuotesKeepEveryCharacter) {
  const std::vector<std::string> items = {"a,b", "\"", "\\", "", "NULL", "{}"};
  const auto result = connection_.query("SELECT unnest($1::text[])", {array_literal(items)});
  ASSERT_EQ(result.rows(), 6);
  for (int row = 0; row < 6; ++row) EXPECT_EQ(result.text(row, 0), items[static_cast<std::size_t>(row)]);
  EXPECT_EQ(connection_.query("SELECT " + quote_literal("it's \\n") + " AS " + quote_identifier("a\"b")).text(0, 0),
            "it's \\n");
}

TEST_F(ConnectionTest, TextWithNulByteIsRefused) {
  EXPECT_EQ(error_of([&] { connection_.query("SELECT $1::text", {std::string("a\0b", 3)}); }).code(),
            ErrorCode::invalid_input);
}

TEST_F(ConnectionTest, SqlErrorsKeepTheStateAndLoseTheValue) {
  const auto bad_value = error_of([&] { connection_.query("SELECT $1::date", {"Smith"}); });
  EXPECT_EQ(bad_value.code(), ErrorCode::database_refused);
  EXPECT_THAT(bad_value.what(), HasSubstr("22007"));
  EXPECT_THAT(bad_value.what(), Not(HasSubstr("Smith")));

  connection_.execute("CREATE TABLE t (id text PRIMARY KEY); INSERT INTO t VALUES ('Smith')");
  const auto twice = error_of([&] { connection_.execute("INSERT INTO t VALUES ('Smith')"); });
  EXPECT_EQ(twice.code(), ErrorCode::database_conflict);
  EXPECT_THAT(twice.what(), Not(HasSubstr("Smith")));
}

TEST_F(ConnectionTest, CopyCountsRowsAndNamesTheBadLineWithoutItsValue) {
  connection_.execute("CREATE TABLE t (a integer, b text)");
  connection_.begin_copy("COPY t FROM STDIN (FORMAT csv)");
  connection_.write_copy("1,\"x\n");
  connection_.write_copy("y\"\n2,\n");
  EXPECT_EQ(connection_.end_copy(), 2);

  const auto error = error_of([&] {
    connection_.begin_copy("COPY t FROM STDIN (FORMAT csv)");
    connection_.write_copy("1,x\nSmith,y\n");
    connection_.end_copy();
  });
  EXPECT_THAT(error.what(), HasSubstr("line 2, column a"));
  EXPECT_THAT(error.what(), Not(HasSubstr("Smith")));
  EXPECT_TRUE(connection_.idle());
}

TEST_F(ConnectionTest, TransactionRollsBackUnlessCommittedEvenInMidCopy) {
  connection_.execute("CREATE TABLE t (a integer)");
  {
    const Transaction transaction(connection_);
    connection_.begin_copy("COPY t FROM STDIN (FORMAT csv)");
    connection_.write_copy("1\n");
  }
  EXPECT_TRUE(connection_.idle());
  {
    Transaction transaction(connection_);
    connection_.execute("INSERT INTO t VALUES (2)");
    transaction.commit();
  }
  EXPECT_EQ(connection_.query("SELECT a FROM t").text(0, 0), "2");
}

TEST_F(ConnectionTest, BrokenConnectionIsUnreachableAndNotUsable) {
  Connection(database_.url()).query("SELECT pg_terminate_backend($1)", {connection_.backend_pid()});
  EXPECT_EQ(error_of([&] { connection_.execute("SELECT 1"); }).code(), ErrorCode::database_unreachable);
  EXPECT_FALSE(connection_.usable());
}

TEST(Connection, RefusalsSayWhereAndWhatToDoWithoutThePassword) {
  for (const auto* url : {"postgresql://ann:sec/ret@host/db", "postgresql://ann:sec@ret@host/db", "secret"}) {
    const auto malformed = error_of([&] { Connection{url}; });
    EXPECT_EQ(malformed.code(), ErrorCode::invalid_setting) << url;
    EXPECT_THAT(malformed.what(), Not(testing::AnyOf(HasSubstr("sec"), HasSubstr("ret")))) << url;
  }

  const auto nobody = error_of([] { Connection("postgresql://ann:secret@/db?host=/nonexistent"); });
  EXPECT_EQ(nobody.code(), ErrorCode::database_unreachable);
  EXPECT_THAT(nobody.what(), HasSubstr("'db' on /nonexistent:5432"));
  EXPECT_THAT(nobody.what(), Not(HasSubstr("secret")));

  auto url = fixture::TestDatabase::server_url();
  const auto missing = error_of([&] { Connection(url.replace(url.find("/postgres?"), 10, "/no_such?")); });
  EXPECT_EQ(missing.code(), ErrorCode::database_refused);
}

TEST_F(ConnectionTest, PoolGivesUpWhenItsPatienceIsTakenAway) {
  ConnectionPool pool("host=/nonexistent dbname=nothing", 1);
  EXPECT_THROW(pool.borrow(), Error) << "it has none at first";
  pool.set_patience(std::chrono::hours(1));
  auto waiting = std::async(std::launch::async, [&] { return pool.borrow()->server_version(); });
  EXPECT_EQ(waiting.wait_for(std::chrono::milliseconds(500)), std::future_status::timeout);
  pool.set_patience(std::chrono::milliseconds(0));
  EXPECT_THROW(waiting.get(), Error);
}

TEST_F(ConnectionTest, PoolReplacesBrokenConnectionsAndWaitsAtItsLimit) {
  ConnectionPool pool(database_.url(), 1);
  int pid = 0;
  {
    auto lease = pool.borrow();
    pid = lease->backend_pid();
  }
  EXPECT_EQ(pool.borrow()->backend_pid(), pid);

  connection_.query("SELECT pg_terminate_backend($1, 10000)", {pid});
  EXPECT_NE(pool.borrow()->backend_pid(), pid);

  {
    auto lease = pool.borrow();
    lease->execute("BEGIN");
    pid = lease->backend_pid();
  }
  auto held = std::make_unique<ConnectionPool::Lease>(pool.borrow());
  EXPECT_NE((*held)->backend_pid(), pid);
  std::jthread waiting([&] { pool.borrow()->execute("SELECT 1"); });
  held.reset();
}

}  // namespace
}  // namespace wellhead::storage
