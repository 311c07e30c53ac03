// Counts for charts, and what else of loads can be read: receipts, rejects, schedules.
#include <gmock/gmock.h>

#include "service/api/testing/api_fixture.h"

namespace wellhead::api {
namespace {

using testing::at;
using ::testing::HasSubstr;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

class Stats : public testing::SeededApiTest {
 protected:
  Stats() {
    connection_.execute(R"sql(
      UPDATE patient SET gender = CASE id WHEN 'smith' THEN 'female' WHEN 'jones' THEN 'male' END;
      UPDATE patient SET birth_date = current_date - interval '95 years 1 day' WHERE id = 'smith';
      UPDATE patient SET birth_date = '1950-01-01', deceased_at = '1955-06-01Z' WHERE id = 'jones';
      UPDATE patient SET birth_date = NULL WHERE id = 'other')sql");
  }
};

TEST_F(Stats, CountPatients) {
  EXPECT_EQ(get("/stats/patients").body, R"({"items":[{"count":3}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=zipcode").body,
            R"({"items":[{"zipcode":"02139","count":2},{"zipcode":"02140","count":1}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=gender").body,
            R"({"items":[{"gender":"female","count":1},{"gender":"male","count":1},{"count":1}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=age_group&zipcode=02139").body,
            R"({"items":[{"age_group":"00-09","count":1},{"age_group":"90+","count":1}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=age_group,zipcode&gender=female&gender=other&limit=1").body,
            R"({"items":[{"zipcode":"02139","age_group":"90+","count":1}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=zipcode&limit=1").body,
            R"({"items":[{"zipcode":"02139","count":2}],"complete":false})");
  EXPECT_EQ(get("/stats/patients?zipcode=99999").body, R"({"items":[{"count":0}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=code").status, 400);
}

TEST_F(Stats, CountObservations) {
  EXPECT_EQ(get("/stats/observations?by=code").body,
            R"({"items":[{"code":"4548-4","count":3},{"code":"85354-9","count":1}],"complete":true})");
  EXPECT_EQ(
      get("/stats/observations?by=month,zipcode&code=4548-4").body,
      R"({"items":[{"zipcode":"02139","month":"2025-11","count":2},{"zipcode":"02140","month":"2025-11","count":1}],)"
      R"("complete":true})");
  EXPECT_EQ(get("/stats/observations?effective=ge2025&effective=lt2026&gender=male").body,
            R"({"items":[{"count":1}],"complete":true})");
  EXPECT_EQ(get("/stats/observations?effective=2024").body, R"({"items":[{"count":0}],"complete":true})");
  EXPECT_EQ(get("/stats/observations?effective=x").status, 400);
}

// One who has moved is in both zip codes, and one patient.
TEST_F(Stats, CountAPatientOfTwoZipcodesOnce) {
  connection_.execute("INSERT INTO zipcode_patient VALUES ('02140', 'smith', 1, '02140', 4, 4)");
  EXPECT_EQ(get("/stats/patients").body, R"({"items":[{"count":3}],"complete":true})");
  EXPECT_EQ(get("/stats/patients?by=zipcode").body,
            R"({"items":[{"zipcode":"02139","count":2},{"zipcode":"02140","count":2}],"complete":true})");
}

TEST_F(Stats, ListReceipts) {
  const RawResponse all = get("/receipts?limit=1");
  EXPECT_EQ(at(all.body, "/items/0/resource_type"), "\"Observation\"");
  const std::string next = at(all.body, "/next");
  const std::string second = get(next.substr(1, next.size() - 2)).body;
  EXPECT_EQ(at(second, "/items/0/resource_type"), "\"Patient\"");
  EXPECT_EQ(at(second, "/items/0/zipcode"), "\"02139\"");
  EXPECT_EQ(at(second, "/items/0/rejected"), "1");
  EXPECT_EQ(at(second, "/next"), "null");
  EXPECT_EQ(get("/receipts?run=1").body, R"({"items":[],"next":null})");
  EXPECT_EQ(at(get("/receipts?zipcode=02139&verdict=complete&resource_type=Patient").body, "/items/0/run"), "2");
}

TEST_F(Stats, ListRejectsWithTheirBytes) {
  connection_.execute(R"sql(
    INSERT INTO reject (run_id, batch, resource_type, resource_id, reason, raw) VALUES
      (2, 1, 'Patient', 'bad', 'column id: is no id', '{"resourceType":"Patient"}'),
      (2, 2, 'Observation', NULL, 'the resource is not valid UTF-8', '\xff00'))sql");
  const std::string list = get("/rejects?run=2").body;
  EXPECT_EQ(at(list, "/items/0/reason"), "\"column id: is no id\"");
  EXPECT_EQ(at(list, "/items/0/bytes"), "26");
  EXPECT_EQ(at(get("/rejects?zipcode=02139&limit=1").body, "/items/0/reject"), "1");
  EXPECT_THAT(get("/rejects?zipcode=02139&limit=1").body, HasSubstr("/rejects?zipcode=02139&limit=1&cursor="));
  EXPECT_EQ(get("/rejects?zipcode=02140").body, R"({"items":[],"next":null})");
  EXPECT_EQ(get("/rejects/1/raw").body, R"({"resourceType":"Patient"})");
  EXPECT_EQ(get("/rejects/2/raw").body, std::string("\xff\0", 2));
  EXPECT_EQ(get("/rejects/3/raw").status, 404);
}

TEST_F(Stats, ListSchedules) {
  connection_.execute(R"sql(
    INSERT INTO wellhead_journal.schedule (schedule_id, every_milliseconds, workflow_type, input, priority, overlap, paused, note)
      VALUES ('load-02139', 3600000, 'scheduled_load', '{"zipcode":"02139"}', 3, 'skip', false, ''),
             ('load-02140', 60000, 'scheduled_load', '{"zipcode":"02140"}', 3, 'skip', true, 'for now'))sql");
  const std::string list = get("/schedules?zipcode=02140").body;
  EXPECT_EQ(at(list, "/items/0/schedule"), "\"load-02140\"");
  EXPECT_EQ(at(list, "/items/0/paused"), "true");
  EXPECT_EQ(at(get("/schedules?limit=1").body, "/items/0/schedule"), "\"load-02139\"");
}

TEST_F(Stats, SendARunAsItGoes) {
  start();
  RawClient client(server_->port());
  client.send("GET /runs/4/events HTTP/1.1\r\nHost: a\r\nAccept: text/event-stream\r\n\r\n");
  const std::string first = client.read_until("\n\n\r\n");
  EXPECT_THAT(first, HasSubstr("Content-Type: text/event-stream\r\n"));
  EXPECT_THAT(first, HasSubstr("event: progress\ndata: {\"run\":4,"));
  EXPECT_THAT(first, HasSubstr("\"patients_staged\":1"));
  connection_.execute("UPDATE staged_batch SET staged = 7, entries_received = 7 WHERE run_id = 4");
  EXPECT_THAT(client.read_until("\n\n\r\n"), HasSubstr("\"patients_staged\":7"));
  connection_.execute("UPDATE run SET state = 'failed', finished_at = now() WHERE run_id = 4");
  const std::string last = client.read_until("0\r\n\r\n");
  EXPECT_THAT(last, HasSubstr("event: end\ndata: {\"run\":4,"));
  EXPECT_EQ(client.get("/runs/4").status, 200);
}

TEST_F(Stats, GoOnBehindTheLastEvent) {
  start();
  RawClient client(server_->port());
  client.send("GET /runs/4/events HTTP/1.1\r\nHost: a\r\n\r\n");
  const std::string first = client.read_until("\n\n\r\n");
  const auto at = first.find("id: ") + 4;
  RawClient again(server_->port());
  again.send("GET /runs/4/events HTTP/1.1\r\nHost: a\r\nLast-Event-ID: " + first.substr(at, first.find('\n', at) - at) +
             "\r\n\r\n");
  again.read_until("\r\n\r\n");
  connection_.execute("UPDATE staged_batch SET staged = 9, entries_received = 9 WHERE run_id = 4");
  // What the client had is not sent again.
  EXPECT_THAT(again.read_until("\n\n\r\n"), HasSubstr("\"patients_staged\":9"));
  EXPECT_EQ(get("/runs/99/events").status, 404);
  // A stop does not wait for clients that watch.
  server_->stop();
}

TEST_F(Stats, AreThereBelowTheVersionToo) {
  EXPECT_EQ(get("/v1/stats/patients").body, get("/stats/patients").body);
  const std::string next = at(get("/v1/patients?limit=1").body, "/next");
  EXPECT_THAT(next, HasSubstr("\"/v1/patients?"));
  EXPECT_EQ(at(get(next.substr(1, next.size() - 2)).body, "/items/0/id"), "\"other\"");
  EXPECT_EQ(get("/v2/patients").status, 404);
  EXPECT_EQ(get("/v1").status, 404);
  EXPECT_EQ(at(get("/openapi.json").body, "/servers/0/url"), "\"/v1\"");
}

TEST_F(Stats, CanBeServedAlone) {
  options_.only = {"stats", "observations"};
  EXPECT_EQ(get("/stats/patients").status, 200);
  EXPECT_EQ(get("/observations/o1").status, 200);
  EXPECT_EQ(get("/patients/smith/observations").status, 200);
  EXPECT_EQ(get("/patients/smith").status, 404);
  EXPECT_EQ(get("/runs").status, 404);
  EXPECT_EQ(get("/health/live").status, 200);
  options_.only = {"everything"};
  EXPECT_THROW(Server{options_}, std::exception);
}

}  // namespace
}  // namespace wellhead::api
