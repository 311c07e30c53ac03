// GET /metrics as Prometheus reads it. The counts are the process's, so tests look at what they add.
#include "library/meta/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <regex>
#include <sstream>

#include "service/api/testing/api_fixture.h"
#include "tests/fixture/wait.h"

namespace wellhead::api {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class MetricsTest : public testing::ApiTest {
 protected:
  // A request is counted once its answer was handed to the socket, which its client may have read before.
  double await_count(const std::string& series, double least) {
    for (;;) {
      const auto found = value(series);
      if (found >= least) return found;
    }
  }
  double value(const std::string& series) { return value_in(get("/metrics").body, series); }
  static double value_in(const std::string& text, const std::string& series) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(series + " ")) return std::stod(line.substr(series.size() + 1));
    }
    return 0;
  }
};

TEST_F(MetricsTest, AreServedInPrometheusTextFormat) {
  const auto answer = get("/metrics",
                          "Accept: application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
                          "\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  EXPECT_EQ(get("/metrics", "Accept: text/html\r\n").status, 406);
  std::istringstream lines(get("/metrics").body);
  const std::regex comment(R"(# (HELP|TYPE) [a-z_]+ .+)");
  const std::regex sample(R"re([a-z_]+(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? \S+)re");
  int samples = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.empty()) continue;
    EXPECT_TRUE(std::regex_match(line, line.starts_with('#') ? comment : sample)) << line;
    if (!line.starts_with('#')) ++samples;
  }
  EXPECT_GT(samples, 0);
}

TEST_F(MetricsTest, CountRequestsByRouteAndStatusWithoutIds) {
  testing::make_schema(connection_);
  testing::seed(connection_);
  const std::string found = R"(wellhead_api_requests_total{method="GET",route="/patients/{id}",status="200"})";
  const std::string missing = R"(wellhead_api_requests_total{method="GET",route="/patients/{id}",status="404"})";
  const std::string strange = R"(wellhead_api_requests_total{method="GET",route="none",status="404"})";
  const std::string seconds = R"(wellhead_api_request_seconds_count{method="GET",route="/patients/{id}"})";
  const auto found_before = value(found);
  const auto missing_before = value(missing);
  const auto strange_before = value(strange);
  const auto seconds_before = value(seconds);
  EXPECT_EQ(get("/patients/smith").status, 200);
  EXPECT_EQ(get("/patients/smythe-unknown").status, 404);
  EXPECT_EQ(get("/strange/smith").status, 404);
  EXPECT_EQ(await_count(found, found_before + 1), found_before + 1);
  EXPECT_EQ(await_count(missing, missing_before + 1), missing_before + 1);
  EXPECT_EQ(await_count(strange, strange_before + 1), strange_before + 1);
  EXPECT_EQ(await_count(seconds, seconds_before + 2), seconds_before + 2);
  EXPECT_THAT(get("/metrics").body, Not(HasSubstr("smith")));
}

// What the gauges say is what there is: PostgreSQL knows the connections by the same names.
TEST_F(MetricsTest, TellTheUseOfEachPoolOfConnections) {
  testing::make_schema(connection_);
  testing::seed(connection_);
  options_.threads = 2;
  options_.statement_timeout = std::chrono::minutes(10);  // a query waits for a lock of ours
  // Not by the API: it asks the database too.
  const auto gauge = [](const std::string& name, const std::string& pool, const std::string& state = {}) {
    return value_in(meta::metrics_text(), "wellhead_database_" + name + "{pool=\"" + pool + "\"" +
                                              (state.empty() ? "" : ",state=\"" + state + "\"") + "}");
  };
  const auto in_postgres = [this](const std::string& pool) {
    return connection_
        .query("SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()",
               {pool})
        .integer(0, 0);
  };
  EXPECT_EQ(get("/patients/smith").status, 200);
  EXPECT_EQ(gauge("connections_limit", "wellhead api"), 2);
  EXPECT_EQ(gauge("connections_limit", "wellhead api limited"), 2);
  EXPECT_EQ(gauge("connections_limit", "wellhead api exports"), 8);
  fixture::wait_until(
      [&] { return gauge("connections", "wellhead api", "lent") + gauge("connections", "wellhead api", "idle") == 2; });
  EXPECT_EQ(in_postgres("wellhead api"), 2);
  EXPECT_EQ(gauge("connections", "wellhead api limited", "idle"), 0) << "made when they are needed";
  EXPECT_EQ(gauge("queries", "wellhead api limited"), 0);
  EXPECT_EQ(get("/patients?format=csv").status, 200);
  fixture::wait_until([&] { return gauge("connections", "wellhead api exports", "idle") == 1; });
  EXPECT_EQ(gauge("connections", "wellhead api exports", "lent"), 0);
  EXPECT_EQ(in_postgres("wellhead api exports"), 1);

  // A list that waits for a lock of somebody holds its connection.
  storage::Connection locking(database_.url());
  locking.execute("BEGIN; LOCK TABLE patient");
  auto held = std::async(std::launch::async, [this] { return get("/patients?format=csv").status; });
  auto waits = std::async(std::launch::async, [this] { return get("/patients/smith").status; });
  fixture::wait_until([&] { return gauge("connections", "wellhead api exports", "lent") == 1; });
  fixture::wait_until([&] { return gauge("queries", "wellhead api") >= 1; });
  EXPECT_GE(gauge("connections", "wellhead api", "lent"), 1);
  locking.execute("COMMIT");
  EXPECT_EQ(held.get(), 200);
  EXPECT_EQ(waits.get(), 200);
  fixture::wait_until([&] { return gauge("connections", "wellhead api exports", "lent") == 0; });
}

TEST_F(MetricsTest, ForgetTheConnectionsOfAServerThatHasStopped) {
  testing::make_schema(connection_);
  EXPECT_EQ(get("/patients").status, 200);
  server_.reset();
  const std::string text = meta::metrics_text();
  for (const std::string pool : {"wellhead api", "wellhead api limited", "wellhead api exports"}) {
    EXPECT_THAT(text, HasSubstr("wellhead_database_connections_limit{pool=\"" + pool + "\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("wellhead_database_connections{pool=\"" + pool + "\",state=\"idle\"} 0\n"));
  }
}

TEST_F(MetricsTest, NeedNoDatabase) {
  options_.database_url = "postgresql://nobody@127.0.0.1:1/none";
  EXPECT_EQ(get("/metrics").status, 200);
}

TEST_F(MetricsTest, ReadyTellsWhatElseIsMissing) {
  std::atomic<bool> there = false;
  options_.monitoring_only = true;
  options_.look_for_problem = [&there] { return std::string(there ? "" : "the engine's server is away"); };
  testing::make_schema(connection_);
  const auto away = get("/health/ready");
  EXPECT_EQ(away.status, 503);
  EXPECT_THAT(away.body, HasSubstr("the engine's server is away"));
  EXPECT_EQ(get("/health/live").status, 200);
  there = true;
  EXPECT_EQ(get("/health/ready").status, 200);
}

TEST_F(MetricsTest, MonitoringAloneHasNothingElse) {
  options_.monitoring_only = true;
  EXPECT_EQ(get("/metrics").status, 200);
  EXPECT_EQ(get("/health/live").status, 200);
  EXPECT_EQ(get("/health/ready").status, 503) << "the database has no schema yet";
  testing::make_schema(connection_);
  EXPECT_EQ(get("/health/ready").status, 200);
  for (const auto* path : {"/", "/patients", "/runs", "/docs", "/openapi.json"}) EXPECT_EQ(get(path).status, 404);
}

}  // namespace
}  // namespace wellhead::api
