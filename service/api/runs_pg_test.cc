// Zip codes, runs, health and the server itself over REST.
#include <gmock/gmock.h>

#include <future>

#include "library/meta/error.h"
#include "library/orchestration/embedded/embedded_engine.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/journal.h"
#include "library/webclient/rate_limiter.h"
#include "service/api/testing/api_fixture.h"
#include "service/zipcode/load.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/wait.h"

namespace wellhead::api {
namespace {

using testing::at;
using ::testing::HasSubstr;
using webserver::testing::post_json;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

// As in a process that queues and runs nothing: on the real journal, with an engine that never owns it.
class Queue final : public zipcode::RunOperations {
 public:
  explicit Queue(const std::string& url)
      : database_(url, 4),
        blobs_(storage::open_blob_store("file://" + directory_.path().string())),
        loads_(database_, *blobs_, source(),
               [](const std::string&) { return std::make_unique<webclient::LocalRateLimiter>(0.0); }),
        registry_([this] {
          orchestration::Registry registry;
          loads_.register_with(registry);
          return registry;
        }()),
        journal_(url),
        engine_(journal_, registry_) {}

  zipcode::RequestedRun load(const meta::Zipcode& zipcode,
                             const std::optional<std::vector<std::string>>& resources) override {
    if (zipcode.text() == "00000") throw meta::Error(meta::ErrorCode::source_unreachable, "the source does not answer");
    zipcode::LoadOptions options;
    options.resources = resources;
    return loads_.request(engine_, zipcode, options);
  }
  void retry(meta::RunId run) override { loads_.retry(engine_, run); }
  void pause(meta::RunId run) override { loads_.pause(engine_, run); }
  void resume(meta::RunId run) override { loads_.resume(engine_, run); }
  void cancel(meta::RunId run) override { loads_.cancel(engine_, run); }
  zipcode::RunStatus status(meta::RunId run) override {
    const zipcode::Progress known = loads_.progress(engine_, run);
    return {static_cast<const zipcode::LoadCounts&>(known), zipcode::summarize(loads_.history(engine_, run)), {}};
  }

  std::string steps(meta::RunId run) override {
    std::string names;
    for (const auto& execution : loads_.history(engine_, run)) {
      names.append(names.empty() ? "" : ",")
          .append(R"({"workflow_type":")")
          .append(execution.workflow_type)
          .append("\"}");
    }
    return R"({"executions":[)" + names + R"(],"steps":[]})";
  }

 private:
  static webclient::HttpSettings source() {
    webclient::HttpSettings source;
    source.source_url = "http://fhir.test";
    return source;
  }

  fixture::TestDirectory directory_;
  storage::ConnectionPool database_;
  std::unique_ptr<storage::BlobStore> blobs_;
  zipcode::LoadService loads_;
  orchestration::Registry registry_;
  storage::PostgresJournal journal_;
  orchestration::embedded::EmbeddedEngine engine_;
};

class Runs : public testing::SeededApiTest {
 public:
  ~Runs() override { server_.reset(); }

 protected:
  Runs() : queue_(database_.url()) { options_.runs = &queue_; }

  RawResponse post(const std::string& body) {
    if (!server_) start();
    return post_json(server_->port(), "/zipcodes", body);
  }
  RawResponse control(const std::string& run, const std::string& action) {
    if (!server_) start();
    return RawClient(server_->port()).request("POST", "/runs/" + run + "/" + action);
  }
  void expect_problem(const RawResponse& response, int status, const std::string& detail) {
    EXPECT_EQ(response.status, status) << response.body;
    EXPECT_EQ(response.header("content-type"), "application/problem+json");
    EXPECT_THAT(response.body, HasSubstr(detail));
  }

  Queue queue_;
};

// W3C Trace Context: who asked is found again in the logs, and at the source.
TEST_F(Runs, BelongToTheTraceOfWhoAsked) {
  start();
  RawClient client(server_->port());
  client.send(
      "POST /zipcodes HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 19\r\n"
      "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n{\"zipcode\":\"01003\"}");
  EXPECT_THAT(client.read_until(R"("joined":false})"), HasSubstr("202 Accepted"));
  EXPECT_EQ(at(get("/runs?zipcode=01003").body, "/items/0/options/traceparent"),
            "\"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\"");
  post(R"({"zipcode":"01004"})");
  EXPECT_EQ(at(get("/runs?zipcode=01004").body, "/items/0/options/traceparent").substr(0, 4), "\"00-");
}

TEST_F(Runs, QueuesALoad) {
  for (const std::string body : {R"({"zipcode":"01001"})", R"({"zipcode":1002})"}) {
    const RawResponse response = post(body);
    EXPECT_EQ(response.status, 202) << response.body;
    EXPECT_EQ(response.header("location"), "/runs/" + at(response.body, "/run"));
    EXPECT_EQ(at(response.body, "/state"), "\"queued\"");
    EXPECT_EQ(at(response.body, "/joined"), "false");
    EXPECT_EQ(get(response.header("location")).status, 200);
  }
  EXPECT_EQ(at(get("/runs?limit=1").body, "/items/0/zipcode"), "\"01002\"");
}

TEST_F(Runs, LoadsTheResourcesThatAreAskedFor) {
  const RawResponse response = post(R"({"zipcode":"01001","resources":["patient"]})");
  EXPECT_EQ(response.status, 202) << response.body;
  EXPECT_EQ(at(response.body, "/options/resources"), R"(["patient"])");
  expect_problem(post(R"({"zipcode":"01002","resources":["condition"]})"), 400, "resources");
  expect_problem(post(R"({"zipcode":"01002","resources":"patient"})"), 400, "resources");
  expect_problem(post(R"({"zipcode":"01002","resources":[]})"), 400, "resources");
}

TEST_F(Runs, QueuesOnceForAnIdempotencyKey) {
  start();
  const auto post_again = [&](const std::string& zipcode) {
    return RawClient(server_->port())
        .request("POST", "/v1/zipcodes", "Content-Type: application/json\r\nIdempotency-Key: one\r\n",
                 R"({"zipcode":")" + zipcode + "\"}");
  };
  const RawResponse first = post_again("01001");
  EXPECT_EQ(at(first.body, "/joined"), "false");
  connection_.execute("UPDATE run SET state = 'cancelled' WHERE zipcode = '01001'");
  const RawResponse again = post_again("01001");
  EXPECT_EQ(again.body, first.body);
  EXPECT_EQ(again.header("idempotency-replayed"), "true");
  expect_problem(post_again("01002"), 422, "take a new one");
}

TEST_F(Runs, JoinsTheRunThatIsUnderWay) {
  const RawResponse response = post(R"({"zipcode":"02140"})");
  EXPECT_EQ(response.status, 202);
  EXPECT_EQ(response.header("location"), "/runs/4");
  EXPECT_EQ(at(response.body, "/run"), "4");
  EXPECT_EQ(at(response.body, "/state"), "\"running\"");
  EXPECT_EQ(at(response.body, "/joined"), "true");
}

TEST_F(Runs, RefusesWhatIsNoZipcode) {
  for (const std::string body :
       {R"({"zipcode":"2139"})", R"({"zipcode":123456})", R"({"zipcode":null})", "{}", R"({"zip":"02139"})", "[]"}) {
    const RawResponse response = post(body);
    EXPECT_EQ(response.status, 400) << body;
    EXPECT_EQ(response.header("content-type"), "application/problem+json");
    EXPECT_NE(at(response.body, "/errors/0/field"), "") << body;
  }
  EXPECT_EQ(at(get("/runs").body, "/items/4"), "");
}

TEST_F(Runs, SaysWhyALoadCannotBeQueued) {
  const RawResponse failed = post(R"({"zipcode":"00000"})");
  EXPECT_EQ(failed.status, 502);
  EXPECT_THAT(failed.body, HasSubstr("the source does not answer"));
  server_.reset();
  options_.runs = nullptr;
  const RawResponse read_only = post(R"({"zipcode":"02139"})");
  EXPECT_EQ(read_only.status, 503);
  EXPECT_EQ(at(read_only.body, "/type"), "\"urn:wellhead:problem:read_only\"");
}

TEST_F(Runs, TellsOfAZipcode) {
  const std::string loaded = get("/zipcodes/02139").body;
  EXPECT_EQ(at(loaded, "/patients"), "2");
  EXPECT_EQ(at(loaded, "/observations"), "3");
  EXPECT_EQ(at(loaded, "/last_run/run"), "3");
  EXPECT_EQ(at(loaded, "/last_run/state"), "\"running\"");
  EXPECT_EQ(at(loaded, "/last_complete_run/run"), "2");
  EXPECT_EQ(at(loaded, "/last_complete_run/finished_at"), "\"2026-01-31T10:00:31Z\"");
  EXPECT_EQ(at(loaded, "/as_of"), "\"2026-01-31T10:00:01Z\"");
  EXPECT_GT(std::stoll(at(loaded, "/age_seconds")), 0);
  const std::string loading = get("/zipcodes/02140").body;
  EXPECT_EQ(at(loading, "/patients"), "1");
  EXPECT_EQ(at(loading, "/observations"), "0");
  EXPECT_EQ(at(loading, "/last_complete_run"), "");
  EXPECT_EQ(get("/zipcodes/99999").status, 404);
  EXPECT_EQ(get("/zipcodes/2139").status, 400);
}

TEST_F(Runs, TellsOfAZipcodeThatWaits) {
  post(R"({"zipcode":"01001"})");
  EXPECT_EQ(at(get("/zipcodes/01001").body, "/last_run/state"), "\"queued\"");
  EXPECT_EQ(at(get("/zipcodes").body, "/items/0/zipcode"), "\"01001\"");
}

TEST_F(Runs, PagesZipcodesAndRuns) {
  const RawResponse first = get("/zipcodes?limit=1");
  EXPECT_EQ(at(first.body, "/items/0/zipcode"), "\"02139\"");
  const std::string next = at(first.body, "/next");
  EXPECT_EQ(first.header("link"), "<" + next.substr(1, next.size() - 2) + ">; rel=\"next\"");
  const std::string second = get(next.substr(1, next.size() - 2)).body;
  EXPECT_EQ(at(second, "/items/0/zipcode"), "\"02140\"");
  EXPECT_EQ(at(second, "/next"), "null");

  std::string target = "/runs?zipcode=02139&limit=2";
  std::string seen;
  while (!target.empty()) {
    const std::string body = get(target).body;
    for (int i = 0; i < 2 && !at(body, "/items/" + std::to_string(i)).empty(); ++i)
      seen += at(body, "/items/" + std::to_string(i) + "/run");
    const std::string following = at(body, "/next");
    target = following == "null" ? "" : following.substr(1, following.size() - 2);
  }
  EXPECT_EQ(seen, "321");
  EXPECT_EQ(at(get("/runs?state=complete&limit=1").body, "/items/0/run"), "2");
  EXPECT_EQ(at(get("/runs?state=running&zipcode=02140").body, "/items/0/run"), "4");
  EXPECT_EQ(get("/runs?state=gone").status, 400);
  EXPECT_EQ(get("/runs?cursor=AAAA").status, 400);
}

TEST_F(Runs, GivesListsAsLinesToo) {
  const RawResponse csv = get("/runs?format=csv&limit=3");
  EXPECT_EQ(csv.header("content-type"), "text/csv; charset=utf-8");
  EXPECT_THAT(csv.body,
              ::testing::StartsWith("run,zipcode,source_url,state,requested_at,started_at,finished_at,seconds,"
                                    "failed_step,error,options,paused\r\n4,02140,http://fhir.test,running,"));
  EXPECT_THAT(csv.body, HasSubstr(R"("{""concurrency"":5}")"));
  const std::string link = csv.header("link");
  const RawResponse rest = get(link.substr(1, link.find('>') - 1));
  EXPECT_THAT(rest.body, HasSubstr("\r\n1,02139,http://fhir.test,complete,"));
  EXPECT_EQ(rest.header("link"), "");
  const RawResponse lines = get("/receipts", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(lines.header("content-type"), "application/x-ndjson");
  const auto end = lines.body.find('\n');
  EXPECT_EQ(at(lines.body.substr(0, end), "/run"), "2");
  EXPECT_EQ(at(lines.body.substr(end + 1), "/run"), "2");
  EXPECT_THAT(get("/zipcodes?format=csv").body, HasSubstr(R"(02139,2,3,"{""run"":3,)"));
  EXPECT_EQ(get("/runs?format=fhir").status, 400);
  EXPECT_EQ(get("/runs", "Accept: application/fhir+json\r\n").status, 406);
}

TEST_F(Runs, GivesARunWithProgressAndReceipts) {
  const std::string run = get("/runs/2").body;
  EXPECT_EQ(at(run, "/state"), "\"complete\"");
  EXPECT_EQ(at(run, "/seconds"), "30.5");
  EXPECT_EQ(at(run, "/options/concurrency"), "5");
  EXPECT_EQ(at(run, "/progress/patients_staged"), "2");
  EXPECT_EQ(at(run, "/progress/patients_covered"), "2");
  EXPECT_EQ(at(run, "/progress/rows_loaded"), "5");
  EXPECT_EQ(at(run, "/progress/bytes_received"), "1500");
  EXPECT_EQ(at(run, "/receipts/0/resource_type"), "\"Patient\"");
  EXPECT_EQ(at(run, "/receipts/0/no_longer_found"), "1");
  EXPECT_EQ(at(run, "/receipts/0/digest"), "\"000000000000000000000000000000ff\"");
  EXPECT_EQ(at(run, "/receipts/1/verdict"), "\"complete\"");
  EXPECT_EQ(at(get("/runs/4").body, "/receipts"), "[]");
  EXPECT_EQ(get("/runs/99").status, 404);
  EXPECT_EQ(get("/runs/0").status, 400);
  EXPECT_EQ(get("/runs/x").status, 400);
}

TEST_F(Runs, PausesResumesAndCancelsARunThatNobodyRunsYet) {
  const std::string run = at(post(R"({"zipcode":"01001"})").body, "/run");
  EXPECT_EQ(at(get("/runs/" + run).body, "/paused"), "false");
  for (int twice = 0; twice < 2; ++twice) {
    const RawResponse paused = control(run, "pause");
    EXPECT_EQ(paused.status, 202) << paused.body;
    EXPECT_EQ(paused.header("location"), "/runs/" + run);
    EXPECT_EQ(at(paused.body, "/paused"), "true");
  }
  EXPECT_EQ(at(get("/runs/" + run).body, "/paused"), "true");
  EXPECT_EQ(at(get("/runs/" + run).body, "/progress/requests"), "0");
  EXPECT_EQ(at(get("/runs/" + run).body, "/steps"), "[]");
  EXPECT_EQ(at(control(run, "resume").body, "/paused"), "false");
  EXPECT_EQ(control(run, "cancel").status, 202);
  EXPECT_EQ(connection_.query("SELECT 1 FROM wellhead_journal.workflow WHERE cancel_requested").rows(), 1);
}

TEST_F(Runs, SaysWhyARunCannotBeControlled) {
  for (const std::string action : {"retry", "pause", "resume", "cancel"}) {
    expect_problem(control("99", action), 404, "there is no run 99");
    expect_problem(control("2", action), 409, "is complete");
    EXPECT_EQ(control("0", action).status, 400);
  }
  expect_problem(control("4", "retry"), 409, "run 4 cannot be retried: it is running");
  connection_.execute("UPDATE run SET state = 'failed', finished_at = now() WHERE run_id = 1");
  expect_problem(control("1", "retry"), 409, "zip code 02139 is loading in another run");
  server_.reset();
  options_.runs = nullptr;
  for (const std::string action : {"retry", "pause", "resume", "cancel"}) {
    expect_problem(control("3", action), 503, "only reads");
  }
  EXPECT_EQ(at(get("/runs/2").body, "/progress/patients_staged"), "2");
  EXPECT_EQ(at(get("/runs/2").body, "/steps"), "");
}

TEST_F(Runs, IsReadyWithACurrentSchemaOnly) {
  EXPECT_EQ(get("/health/live").body, R"({"status":"live"})");
  EXPECT_EQ(get("/health/ready").body, R"({"status":"ready"})");
  connection_.execute("UPDATE schema_migration SET version = version + 1000");
  EXPECT_THAT(get("/health/ready").body, HasSubstr("newer than this program"));
  connection_.execute("DELETE FROM schema_migration");
  EXPECT_THAT(get("/health/ready").body, HasSubstr("older than this program"));
  connection_.execute("DROP TABLE schema_migration");
  const RawResponse none = get("/health/ready");
  EXPECT_EQ(none.status, 503);
  EXPECT_THAT(none.body, HasSubstr("wellhead migrate"));
}

TEST_F(Runs, AnswersWithoutADatabase) {
  options_.database_url = "postgresql:///nothing?host=/nonexistent";
  EXPECT_EQ(get("/health/live").status, 200);
  const RawResponse ready = get("/health/ready");
  EXPECT_EQ(ready.status, 503);
  for (const std::string target :
       {"/zipcodes", "/runs/1", "/patients", "/patients/smith", "/observations?patient_id=smith"}) {
    const RawResponse response = get(target);
    EXPECT_EQ(response.status, 503) << target;
    EXPECT_NE(response.header("retry-after"), "") << target;
    EXPECT_EQ(at(response.body, "/type"), "\"urn:wellhead:problem:database_unreachable\"") << target;
  }
  EXPECT_EQ(get("/openapi.json").status, 200);
}

TEST_F(Runs, ComesBackWithTheDatabase) {
  EXPECT_EQ(get("/runs/2").status, 200);
  storage::Connection(database_.server_url())
      .query(
          "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wellhead api' AND datname "
          "= $1",
          {database_.name()});
  const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  int answered = 0;
  while (answered < 4 && std::chrono::steady_clock::now() < until)
    answered = get("/runs/2").status == 200 ? answered + 1 : 0;
  EXPECT_EQ(answered, 4);
}

TEST_F(Runs, BoundsTheTimeOfAStatement) {
  options_.statement_timeout = std::chrono::milliseconds(1000);  // what is not locked must be answered in it
  connection_.execute("BEGIN; LOCK TABLE run IN ACCESS EXCLUSIVE MODE");
  const RawResponse response = get("/runs/2");
  EXPECT_EQ(response.status, 503);
  EXPECT_NE(response.header("retry-after"), "");
  connection_.execute("ROLLBACK");
  EXPECT_EQ(get("/runs/2").status, 200);
}

// Until a query of this database waits for a lock.
void wait_for_lock(storage::Connection& watcher) {
  fixture::wait_until([&watcher] {
    return !watcher
                .query(
                    "SELECT 1 FROM pg_locks WHERE NOT granted AND database = "
                    "(SELECT oid FROM pg_database WHERE datname = current_database())")
                .empty();
  });
}

TEST_F(Runs, FinishesAQueryWhenItStops) {
  connection_.execute("BEGIN; LOCK TABLE run IN ACCESS EXCLUSIVE MODE");
  start();
  RawClient client(server_->port());
  client.send("GET /runs/2 HTTP/1.1\r\nHost: a\r\n\r\n");
  storage::Connection watcher = database_.connect();
  wait_for_lock(watcher);
  auto stopping = std::async(std::launch::async, [this] { server_->stop(); });
  connection_.execute("ROLLBACK");
  const auto response = client.read();
  ASSERT_TRUE(response);
  EXPECT_EQ(response->status, 200);
  stopping.get();
}

TEST_F(Runs, CutsOffAQueryThatDoesNotEnd) {
  options_.stop_limit = std::chrono::milliseconds(100);
  connection_.execute("BEGIN; LOCK TABLE run IN ACCESS EXCLUSIVE MODE");
  start();
  RawClient client(server_->port());
  client.send("GET /runs/2 HTTP/1.1\r\nHost: a\r\n\r\n");
  storage::Connection watcher = database_.connect();
  wait_for_lock(watcher);
  server_->stop();
  client.read_to_end();
}

}  // namespace
}  // namespace wellhead::api
