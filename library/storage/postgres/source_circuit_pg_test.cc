// The circuit of a source. Two SourceBudgets stand for two processes.
#include "library/storage/postgres/source_circuit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "library/storage/postgres/source_budget.h"
#include "library/webclient/http.h"
#include "library/webclient/testing/scripted_server.h"
#include "tests/fixture/database.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;
using std::chrono::milliseconds;
using ::testing::HasSubstr;
using webclient::Permit;
using webclient::RequestOutcome;
using Health = RequestOutcome::Health;

constexpr const char* kSource = "http://source.example/fhir";
const RequestOutcome kWell{.health = Health::well};
const RequestOutcome kBusy{Health::failing, ErrorCode::source_busy, "answered 503"};

// Opens after three failures and says so at once.
CircuitOptions opening_for(milliseconds period) {
  return {.failures = 3, .first_period = period, .max_period = std::chrono::hours(1), .wait = milliseconds(0)};
}

class SourceCircuitTest : public testing::Test {
 protected:
  SourceCircuitTest() { migrate(connection_); }

  SourceBudget process(const CircuitOptions& options) { return {database_.url(), kSource, 0, options}; }
  std::string row(std::string_view column) {
    return std::string(connection_.query("SELECT " + std::string(column) + " FROM source_budget").text(0, 0));
  }
  fixture::TestDatabase database_;
  Connection connection_ = database_.connect();
};

void request(SourceBudget& budget, const RequestOutcome& outcome) { budget.report(budget.acquire({}), outcome); }

void open(SourceBudget& budget) {
  for (int i = 0; i < 3; ++i) request(budget, kBusy);
}

// Why a request does not go out; nullopt: it does.
std::optional<Error> refusal(SourceBudget& budget) {
  try {
    budget.report(budget.acquire({}), {});
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

// Asks until a request may go out.
Permit await_permit(SourceBudget& budget) {
  for (;;) {
    try {
      return budget.acquire({});
    } catch (const Error& error) {
      if (!error.retry_after()) throw;
    }
    std::this_thread::yield();
  }
}

TEST_F(SourceCircuitTest, OpensAfterFailuresInARowAndSaysWhyAndUntilWhen) {
  auto budget = process(opening_for(std::chrono::minutes(30)));
  for (int round = 0; round < 3; ++round) {
    request(budget, kBusy);
    request(budget, kBusy);
    request(budget, kWell);
  }
  EXPECT_FALSE(refusal(budget)) << "there was a success in between";
  open(budget);
  const auto error = refusal(budget);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::source_busy);
  EXPECT_TRUE(error->retryable());
  ASSERT_TRUE(error->retry_after());
  EXPECT_GT(*error->retry_after(), std::chrono::minutes(20));
  EXPECT_LE(*error->retry_after(), std::chrono::minutes(30));
  EXPECT_THAT(error->message(), HasSubstr("http://source.example/fhir keeps failing since 20"));
  EXPECT_THAT(error->message(), HasSubstr("(answered 503) and is left alone until"));
  EXPECT_EQ(row("circuit_reason"), "answered 503");
}

TEST_F(SourceCircuitTest, TheFirstFailureOfAnotherProcessFindsItOpen) {
  auto first = process(opening_for(std::chrono::minutes(30)));
  auto second = process(opening_for(std::chrono::minutes(30)));
  open(first);
  request(second, {Health::failing, ErrorCode::source_unreachable, "connection refused"});
  const auto error = refusal(second);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->code(), ErrorCode::source_busy);
  EXPECT_THAT(error->message(), HasSubstr("answered 503"));
}

TEST_F(SourceCircuitTest, OneRequestOfAllProcessesProbesAndItsSuccessClosesForAll) {
  auto first = process(opening_for(milliseconds(300)));
  auto second = process(opening_for(milliseconds(300)));
  open(first);
  request(second, kBusy);
  std::atomic<int> probing = 0;
  std::atomic<int> probes = 0;
  std::atomic<int> others = 0;
  {
    std::vector<std::jthread> threads;
    for (auto* budget : {&first, &first, &second, &second, &first, &second}) {
      threads.emplace_back([&, budget] {
        const auto permit = await_permit(*budget);
        EXPECT_EQ(probing, 0) << "nobody gets through while the source is tried";
        if (permit.probe == 0) {
          ++others;
          return;
        }
        ++probes;
        ++probing;
        std::this_thread::sleep_for(milliseconds(500));  // for somebody to get through who must not
        --probing;
        budget->report(permit, kWell);
      });
    }
  }
  EXPECT_EQ(probes, 1);
  EXPECT_EQ(others, 5);
  EXPECT_FALSE(refusal(first));
  EXPECT_FALSE(refusal(second));
}

TEST_F(SourceCircuitTest, WhatAProcessLeftOpenLongAgoIsForgotten) {
  auto ended = process(opening_for(std::chrono::minutes(30)));
  open(ended);
  connection_.query(
      "UPDATE source_budget SET circuit_failed_probes = 9, circuit_retry_at = clock_timestamp() - interval '1 day'");
  auto next = process(opening_for(std::chrono::minutes(30)));
  request(next, kBusy);
  request(next, kBusy);
  EXPECT_FALSE(refusal(next));
  request(next, kBusy);
  EXPECT_TRUE(refusal(next));
  EXPECT_EQ(row("circuit_failed_probes"), "0");
}

TEST_F(SourceCircuitTest, PeriodsGrowWithEachFailedProbeUpToTheirLimit) {
  const auto options = CircuitOptions{.failures = 3,
                                      .first_period = std::chrono::seconds(100),
                                      .max_period = std::chrono::seconds(500),
                                      .wait = milliseconds(0)};
  auto opener = process(options);
  open(opener);
  for (const int expected : {200, 400, 500, 500}) {
    connection_.query("UPDATE source_budget SET circuit_retry_at = clock_timestamp()");
    auto prober = process(options);
    request(prober, kBusy);
    prober.report(await_permit(prober), kBusy);
    const auto seconds = std::stod(row("extract(epoch FROM circuit_retry_at - clock_timestamp())"));
    EXPECT_GT(seconds, 0.6 * expected);  // a fifth of it is left to chance
    EXPECT_LE(seconds, expected);
  }
  EXPECT_EQ(row("circuit_failed_probes"), "4");
}

TEST_F(SourceCircuitTest, AShortPeriodIsWaitedFor) {
  auto options = opening_for(milliseconds(50));
  options.wait = std::chrono::minutes(10);
  auto first = process(options);
  auto second = process(options);
  open(first);
  request(second, kBusy);
  std::atomic<int> probes = 0;
  {
    std::vector<std::jthread> threads;
    for (auto* budget : {&first, &second, &first, &second}) {
      threads.emplace_back([&, budget] {
        const auto permit = budget->acquire({});
        if (permit.probe != 0) ++probes;
        budget->report(permit, kWell);
      });
    }
  }
  EXPECT_EQ(probes, 1);
  EXPECT_EQ(row("circuit_opened_at"), "");
}

TEST_F(SourceCircuitTest, AProbeThatIsNotHeardOfIsMadeByAnother) {
  auto options = opening_for(milliseconds(1));
  options.probe_time = milliseconds(200);
  auto lost = process(options);
  auto other = process(options);
  open(lost);
  request(other, kBusy);
  const auto first = await_permit(lost);
  const auto second = await_permit(other);
  EXPECT_NE(second.probe, 0);
  EXPECT_NE(first.probe, second.probe);
  lost.report(first, kBusy);  // too late
  EXPECT_EQ(row("circuit_failed_probes"), "0");
  other.report(second, kBusy);
  EXPECT_EQ(row("circuit_failed_probes"), "1");
}

TEST_F(SourceCircuitTest, AProbeThatWasStoppedIsGivenBack) {
  auto options = opening_for(milliseconds(1));
  options.probe_time = std::chrono::hours(1);
  auto budget = process(options);
  open(budget);
  budget.report(await_permit(budget), {});
  EXPECT_EQ(row("circuit_failed_probes"), "0");
  EXPECT_NE(await_permit(budget).probe, 0);
}

TEST_F(SourceCircuitTest, AStopEndsTheWait) {
  auto options = opening_for(std::chrono::minutes(30));
  options.wait = std::chrono::hours(1);
  auto budget = process(options);
  open(budget);
  std::stop_source stop;
  std::jthread stopper([&stop] { stop.request_stop(); });
  try {
    budget.acquire(stop.get_token());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::cancelled);
  }
}

TEST_F(SourceCircuitTest, SurvivesTheLossOfItsConnection) {
  auto budget = process(opening_for(milliseconds(1)));
  open(budget);
  const auto cut = [this] {
    connection_.query(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
        "WHERE application_name = 'wellhead source circuit' AND datname = current_database()");
  };
  cut();
  const auto probe = await_permit(budget);
  cut();
  budget.report(probe, kWell);
  EXPECT_FALSE(refusal(budget));
  EXPECT_EQ(row("circuit_opened_at"), "");
}

TEST_F(SourceCircuitTest, WithoutTheDatabaseNothingOpens) {
  SourceBudget budget("postgresql://nobody@127.0.0.1:1/none", kSource, 0, opening_for(std::chrono::hours(1)));
  for (int i = 0; i < 100; ++i) request(budget, kBusy);
  EXPECT_FALSE(refusal(budget));
}

TEST_F(SourceCircuitTest, ZeroFailuresTurnItOff) {
  auto options = opening_for(std::chrono::hours(1));
  options.failures = 0;
  auto budget = process(options);
  for (int i = 0; i < 100; ++i) request(budget, kBusy);
  EXPECT_FALSE(refusal(budget));
}

// Two clients whose server fails, then is well again: what reaches the server meanwhile are the failures that open the
// circuit, what is on its way then, and the probes.
TEST_F(SourceCircuitTest, AFailingServerSeesOnlyProbes) {
  std::atomic<bool> fails = true;
  webclient::testing::ScriptedServer server([&fails](const webclient::testing::Received&) {
    return fails ? webclient::testing::Reply{.status = 503} : webclient::testing::Reply{.body = "well"};
  });
  auto options = opening_for(milliseconds(20));
  options.wait = std::chrono::minutes(10);
  SourceBudget first(database_.url(), server.url(), 0, options);
  SourceBudget second(database_.url(), server.url(), 0, options);
  constexpr int wanted = 6;
  std::atomic<int> succeeded = 0;
  {
    std::vector<std::jthread> clients;
    clients.reserve(wanted);
    for (int i = 0; i < wanted; ++i) {
      clients.emplace_back([&, budget = i % 2 == 0 ? &first : &second] {
        webclient::HttpSettings settings;
        settings.source_url = server.url();
        settings.retry = {.attempts = 1'000'000, .delay = milliseconds(1), .time_limit = std::chrono::hours(1)};
        webclient::HttpClient client(settings, nullptr, budget);
        if (client.send({.url = server.url()}).body == "well") ++succeeded;
      });
    }
    while (connection_.query("SELECT coalesce(max(circuit_failed_probes), 0) FROM source_budget").integer(0, 0) < 4) {
      std::this_thread::yield();
    }
    fails = false;
  }
  EXPECT_EQ(succeeded, wanted);
  // 2 × 3 failures may open it, and each client may have had one more request on its way.
  const auto most_before_open = 2 * options.failures + wanted;
  const auto probes = std::stoi(row("circuit_probe"));
  EXPECT_LE(static_cast<int>(server.received().size()) - wanted, most_before_open + probes);
  EXPECT_GE(probes, 4);
}

}  // namespace
}  // namespace wellhead::storage
