#include "library/storage/postgres/source_budget.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <thread>
#include <vector>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"

namespace wellhead::storage {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr const char* kSource = "http://source.example/fhir";

class SourceBudgetTest : public testing::Test {
 protected:
  SourceBudgetTest() { migrate(connection_); }
  fixture::TestDatabase database_;
  Connection connection_ = database_.connect();
};

TEST_F(SourceBudgetTest, ProcessesShareOneRate) {
  // Two budgets stand for two processes. In any second of the database's clock no more than the rate is granted; so the
  // 30 requests need three seconds at least, of which the first and the last may be cut short.
  SourceBudget first(database_.url(), kSource, 10);
  SourceBudget second(database_.url(), kSource, 10);
  std::atomic<int> made = 0;
  const auto start = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (auto* budget : {&first, &first, &second, &second}) {
      threads.emplace_back([&made, budget] {
        while (made++ < 30) budget->acquire({});
      });
    }
  }
  EXPECT_GE(Clock::now() - start, milliseconds(1000));
  EXPECT_LT(Clock::now() - start, milliseconds(60'000));
  EXPECT_LE(connection_.query("SELECT taken FROM source_budget").integer(0, 0), 10);
}

TEST_F(SourceBudgetTest, SourcesHaveBudgetsOfTheirOwn) {
  SourceBudget one(database_.url(), kSource, 1);
  SourceBudget other(database_.url(), "http://other.example/fhir", 1);
  one.acquire({});
  other.acquire({});
  EXPECT_EQ(connection_.query("SELECT count(*) FROM source_budget").integer(0, 0), 2);
}

TEST_F(SourceBudgetTest, UnlimitedAsksTheDatabaseNothing) {
  SourceBudget budget("postgresql://nobody@192.0.2.1/none?connect_timeout=1", kSource, 0);
  for (int i = 0; i < 1000; ++i) EXPECT_NO_THROW(budget.acquire({}));  // nobody is at that address
}

TEST_F(SourceBudgetTest, OneProcessBlocksTheOthers) {
  SourceBudget refused(database_.url(), kSource, 0);
  SourceBudget other(database_.url(), kSource, 100);
  const auto start = Clock::now();
  refused.block_until(meta::SystemClock().now() + milliseconds(1500));
  refused.block_until(meta::SystemClock().now() + milliseconds(100));  // an earlier end shortens nothing
  other.acquire({});
  EXPECT_GE(Clock::now() - start, milliseconds(1490));
  refused.acquire({});
  EXPECT_GE(Clock::now() - start, milliseconds(1490));
}

TEST_F(SourceBudgetTest, AStopEndsTheWait) {
  SourceBudget budget(database_.url(), kSource, 1);
  budget.block_until(meta::SystemClock().now() + std::chrono::hours(1));
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  try {
    budget.acquire(stop.get_token());
    FAIL();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::cancelled);
  }
}

TEST_F(SourceBudgetTest, ConnectsAgainAfterItsConnectionBroke) {
  SourceBudget budget(database_.url(), kSource, 1000);
  budget.acquire({});
  connection_.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE application_name = 'wellhead source budget' AND datname = current_database()");
  // The first call after the break may say so; the next one works.
  const auto acquire_all = [&budget] {
    for (int i = 0; i < 500; ++i) budget.acquire({});
  };
  try {
    acquire_all();
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::database_unreachable);
  }
  EXPECT_NO_THROW(acquire_all());
}

}  // namespace
}  // namespace wellhead::storage
