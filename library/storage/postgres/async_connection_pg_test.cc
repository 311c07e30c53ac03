#include "library/storage/postgres/async_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>

#include "library/meta/error.h"
#include "tests/fixture/database.h"

namespace wellhead::storage {
namespace {

using meta::ErrorCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The least of a coroutine: runs at once and frees itself.
struct Start {
  struct promise_type {
    Start get_return_object() { return {}; }
    std::suspend_never initial_suspend() { return {}; }
    std::suspend_never final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() { std::terminate(); }
  };
};

// What became of a query: its first value, or the code of its error.
struct Outcome {
  bool done = false;
  std::string value;
  std::optional<meta::Error> error;
};

Start ask(AsyncConnection* connection, const Statement* statement, std::vector<Value> parameters, Outcome* outcome) {
  auto query = connection->query(*statement, std::move(parameters));
  try {
    const Result rows = co_await query;
    outcome->value = rows.empty() ? "no rows" : std::string(rows.text(0, 0));
  } catch (const meta::Error& error) {
    outcome->error = error;
  }
  outcome->done = true;
}

class AsyncConnectionTest : public ::testing::Test {
 public:
  ~AsyncConnectionTest() override {
    if (connection_) connection_->close();
  }

 protected:
  AsyncConnectionTest() {
    options_.url = database_.url();
    options_.on_change = [this](const std::string& problem) {
      changes_.emplace_back(problem.empty() ? "back" : "lost");
    };
  }

  AsyncConnection& connection() {
    if (!connection_) connection_ = std::make_unique<AsyncConnection>(context_, options_);
    return *connection_;
  }
  // Runs the loop until the condition holds; fails after a minute.
  void run_until(const std::function<bool()>& holds) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (!holds()) {
      ASSERT_LT(std::chrono::steady_clock::now(), until);
      context_.run_one_for(std::chrono::milliseconds(100));
    }
  }
  Outcome run(const Statement& statement, std::vector<Value> parameters = {}) {
    Outcome outcome;
    ask(&connection(), &statement, std::move(parameters), &outcome);
    run_until([&] { return outcome.done; });
    return outcome;
  }
  void terminate() {
    Connection(fixture::TestDatabase::server_url())
        .query(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1 AND application_name = "
            "'wellhead api'",
            {database_.name()});
  }

  fixture::TestDatabase database_;
  boost::asio::io_context context_;
  AsyncConnectionOptions options_;
  std::vector<std::string> changes_;
  std::unique_ptr<AsyncConnection> connection_;
  const Statement echo_{"SELECT $1::text"};
};

TEST_F(AsyncConnectionTest, AnswersManyQueriesInOneGo) {
  const Statement sum("SELECT $1::bigint + $2::bigint");
  std::vector<Outcome> outcomes(300);
  for (int i = 0; i < 300; ++i) {
    std::vector<Value> parameters;
    parameters.emplace_back(i);
    if (i % 2 == 1) parameters.emplace_back(1000);
    ask(&connection(), i % 2 == 1 ? &sum : &echo_, std::move(parameters), &outcomes[static_cast<std::size_t>(i)]);
  }
  run_until([&] { return std::ranges::all_of(outcomes, &Outcome::done); });
  for (int i = 0; i < 300; ++i) {
    EXPECT_EQ(outcomes[static_cast<std::size_t>(i)].value, std::to_string(i % 2 == 1 ? i + 1000 : i));
  }
}

TEST_F(AsyncConnectionTest, KeepsErrorsToTheirQuery) {
  const Statement division("SELECT 1 / $1::int");
  const Statement missing("SELECT * FROM not_there");
  std::vector<Outcome> outcomes(5);
  ask(&connection(), &echo_, {Value("before")}, &outcomes[0]);
  ask(&connection(), &division, {Value(0)}, &outcomes[1]);
  ask(&connection(), &missing, {}, &outcomes[2]);
  ask(&connection(), &missing, {}, &outcomes[3]);
  ask(&connection(), &echo_, {Value("after")}, &outcomes[4]);
  run_until([&] { return std::ranges::all_of(outcomes, &Outcome::done); });
  EXPECT_EQ(outcomes[0].value, "before");
  EXPECT_EQ(outcomes[1].error->code(), ErrorCode::database_refused);
  EXPECT_EQ(outcomes[2].error->code(), ErrorCode::database_version);
  EXPECT_EQ(outcomes[4].value, "after");
  EXPECT_EQ(run(division, {Value(1)}).value, "1");
}

TEST_F(AsyncConnectionTest, PreparesAStatementThatFailedOnceItCanBe) {
  const Statement later("SELECT it FROM later");
  EXPECT_EQ(run(later).error->code(), ErrorCode::database_version);
  database_.connect().execute("CREATE TABLE later AS SELECT 7 AS it");
  EXPECT_EQ(run(later).value, "7");
}

TEST_F(AsyncConnectionTest, PreparesAgainWhatNoLongerFitsItsTable) {
  database_.connect().execute("CREATE TABLE wide AS SELECT 7 AS it");
  const Statement all("SELECT * FROM wide");
  EXPECT_EQ(run(all).value, "7");
  database_.connect().execute("ALTER TABLE wide ADD COLUMN more text; UPDATE wide SET it = 8");
  const Outcome first = run(all);
  ASSERT_TRUE(first.error);
  EXPECT_EQ(first.error->code(), ErrorCode::database_conflict);
  EXPECT_TRUE(first.error->retryable());
  EXPECT_EQ(run(all).value, "8");
}

TEST_F(AsyncConnectionTest, FailsWhatIsUnderWayWhenTheConnectionBreaksAndConnectsAgain) {
  EXPECT_EQ(run(echo_, {Value("a")}).value, "a");
  const Statement sleep("SELECT pg_sleep(60)");
  Outcome sleeping;
  ask(&connection(), &sleep, {}, &sleeping);
  Connection watcher = database_.connect();
  run_until([&] {
    return !watcher
                .query("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()")
                .empty();
  });
  terminate();
  run_until([&] { return sleeping.done; });
  EXPECT_EQ(sleeping.error->code(), ErrorCode::database_unreachable);
  EXPECT_TRUE(sleeping.error->retry_after());
  EXPECT_EQ(run(echo_, {Value("b")}).value, "b");
}

TEST_F(AsyncConnectionTest, TellsOnceThatTheDatabaseIsLostAndOnceThatItIsBack) {
  const std::string name = database_.name() + "_later";
  options_.url = database_.url();
  options_.url.replace(options_.url.find(database_.name()), database_.name().size(), name);
  const Outcome first = run(echo_, {Value("a")});
  ASSERT_TRUE(first.error);
  EXPECT_EQ(first.error->code(), ErrorCode::database_unreachable);
  EXPECT_THAT(first.error->message(), HasSubstr("does not exist"));
  EXPECT_TRUE(run(echo_, {Value("a")}).error);
  Connection server(fixture::TestDatabase::server_url());
  server.execute("CREATE DATABASE " + quote_identifier(name));
  Outcome outcome;
  run_until([&] {
    outcome = run(echo_, {Value("back")});
    return !outcome.error;
  });
  EXPECT_THAT(changes_, ElementsAre("lost", "back"));
  connection().close();
  server.execute("DROP DATABASE " + quote_identifier(name) + " WITH (FORCE)");
}

TEST_F(AsyncConnectionTest, BoundsTheTimeOfAStatement) {
  options_.statement_timeout = std::chrono::milliseconds(1000);  // the last statement must end in it
  const Statement sleep("SELECT pg_sleep(60)");
  const Outcome outcome = run(sleep);
  EXPECT_EQ(outcome.error->code(), ErrorCode::database_unreachable);
  EXPECT_TRUE(outcome.error->retry_after());
  EXPECT_EQ(run(echo_, {Value("a")}).value, "a");
}

TEST_F(AsyncConnectionTest, BoundsItsQueue) {
  options_.max_pending = 3;
  std::vector<Outcome> outcomes(5);
  for (Outcome& outcome : outcomes) ask(&connection(), &echo_, {Value("a")}, &outcome);
  EXPECT_TRUE(outcomes[3].done);
  EXPECT_EQ(outcomes[4].error->code(), ErrorCode::database_unreachable);
  run_until([&] { return outcomes[2].done; });
  EXPECT_EQ(outcomes[2].value, "a");
}

TEST_F(AsyncConnectionTest, ReadsOnlyAndInUtc) {
  const Statement write("CREATE TABLE written AS SELECT 1");
  EXPECT_EQ(run(write).error->code(), ErrorCode::database_refused);
  const Statement moment("SELECT timestamptz '2026-01-31 12:00:00.5+02'");
  EXPECT_EQ(run(moment).value, "2026-01-31 10:00:00.5+00");
}

TEST_F(AsyncConnectionTest, KeepsValuesOutOfErrors) {
  const Statement cast("SELECT $1::text::date");
  const Outcome outcome = run(cast, {Value("Jane Doe")});
  EXPECT_THAT(outcome.error->what(), Not(HasSubstr("Jane")));
}

TEST_F(AsyncConnectionTest, FailsWhatIsUnderWayWhenItIsClosed) {
  EXPECT_EQ(run(echo_, {Value("a")}).value, "a");
  Outcome outcome;
  ask(&connection(), &echo_, {Value("b")}, &outcome);
  connection().close();
  EXPECT_TRUE(outcome.done);
  EXPECT_EQ(outcome.error->code(), ErrorCode::cancelled);
  EXPECT_EQ(run(echo_, {Value("c")}).error->code(), ErrorCode::cancelled);
}

TEST_F(AsyncConnectionTest, DropsTheResultOfAQueryThatIsGivenUp) {
  EXPECT_EQ(run(echo_, {Value("a")}).value, "a");
  {
    const auto forgotten = connection().query(echo_, {Value("b")});
  }
  EXPECT_EQ(run(echo_, {Value("c")}).value, "c");
}

}  // namespace
}  // namespace wellhead::storage
