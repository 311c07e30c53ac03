// Lists in other forms than JSON: CSV and NDJSON as a whole, FHIR Bundles, and what clients need not be sent again.
#include <gmock/gmock.h>

#include "library/storage/blob/directory_store.h"
#include "library/storage/blob/frames.h"
#include "service/api/testing/api_fixture.h"
#include "tests/fixture/directory.h"

namespace wellhead::api {
namespace {

using testing::ApiTest;
using testing::at;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using webserver::testing::RawClient;
using webserver::testing::RawResponse;

class Formats : public ApiTest {
 protected:
  Formats() : blobs_(directory_.path()) {
    testing::make_schema(connection_);
    testing::seed(connection_);
    options_.blobs = &blobs_;
  }
  // 3,000 observations of smith's; o00001 to o03000.
  void add_many() {
    connection_.execute(
        "INSERT INTO observation (id, patient_id, code, value_number, digest, run_id, last_seen_run, fetched_at) "
        "SELECT "
        "'n' || lpad(i::text, 5, '0'), 'smith', 'many', i, gen_random_uuid(), 1, 2, now() FROM generate_series(1, "
        "3000) "
        "i; INSERT INTO observation_component (observation_id, component_index, value_number, digest, run_id, "
        "last_seen_run, fetched_at) SELECT 'n' || lpad(i::text, 5, '0'), 0, i, gen_random_uuid(), 1, 2, now() FROM "
        "generate_series(1, 3000, 2) i");
  }

  fixture::TestDirectory directory_;
  storage::DirectoryStore blobs_;
};

std::size_t lines(const std::string& text) { return static_cast<std::size_t>(std::ranges::count(text, '\n')); }

TEST_F(Formats, GiveAWholeListAsCsv) {
  connection_.execute("UPDATE patient SET given = 'a \"b\", c' || chr(10) || 'd', family = '' WHERE id = 'jones'");
  const RawResponse response = get("/patients?format=csv&fields=id,family,given,active,birth_date,loaded_at");
  EXPECT_EQ(response.header("content-type"), "text/csv; charset=utf-8");
  EXPECT_EQ(response.body,
            "id,active,family,given,birth_date,loaded_at\r\n"
            "jones,true,\"\",\"a \"\"b\"\", c\nd\",1980-05-01,2026-01-31T10:00:02.5Z\r\n"
            "other,true,smithers,\"Xaver \"\"X\"\" Ä\",2001-02-03,2026-01-31T10:00:02.5Z\r\n"
            "smith,true,Smith,Ann,1980-05-01,2026-01-31T10:00:02.5Z\r\n");
  EXPECT_EQ(get("/patients?fields=id&sort=-id", "Accept: text/csv\r\n").body, "id\r\nsmith\r\nother\r\njones\r\n");
  EXPECT_EQ(get("/patients?fields=id&zipcode=02139&format=csv").body, "id\r\njones\r\nsmith\r\n");
  EXPECT_EQ(get("/patients?fields=id&last_name=nobody&format=csv").body, "id\r\n");
  EXPECT_EQ(get("/patients/nobody/observations?format=csv").status, 404);
}

TEST_F(Formats, GiveAllRowsOfManyReads) {
  add_many();
  const RawResponse csv = get("/observations?code=many&format=csv&fields=id,value_number");
  EXPECT_EQ(lines(csv.body), 3001U);
  EXPECT_THAT(csv.body, StartsWith("id,value_number\r\nn00001,1\r\n"));
  EXPECT_TRUE(csv.body.ends_with("n03000,3000\r\n"));
  const RawResponse ndjson = get("/patients/smith/observations?code=many", "Accept: application/x-ndjson\r\n");
  EXPECT_EQ(ndjson.header("content-type"), "application/x-ndjson");
  EXPECT_EQ(lines(ndjson.body), 3000U);
  EXPECT_THAT(ndjson.body, StartsWith("{\"id\":\"n00001\""));
  EXPECT_THAT(ndjson.body,
              HasSubstr("\"components\":[{\"component_index\":0,\"value_number\":2999}]}\n{\"id\":\"n03000\""));
  // The connection of an export serves the next one too, with other columns.
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(lines(get("/observations?code=many&format=ndjson&fields=id").body), 3000U);
    EXPECT_EQ(lines(get("/patients?format=csv").body), 4U);
  }
}

TEST_F(Formats, PageWhereALimitIsGiven) {
  const RawResponse page = get("/patients?format=csv&fields=id&limit=2");
  EXPECT_EQ(page.body, "id\r\njones\r\nother\r\n");
  const std::string link = page.header("link");
  ASSERT_THAT(link, StartsWith("</patients?"));
  EXPECT_EQ(get(link.substr(1, link.find('>') - 1), "Accept: text/csv\r\n").body, "id\r\nsmith\r\n");
  EXPECT_EQ(get("/observations?format=ndjson&limit=1&fields=id,components").body.substr(0, 12), R"({"id":"o1",")");
}

TEST_F(Formats, AnswerOthersWhileAClientDoesNotRead) {
  connection_.execute(
      "INSERT INTO observation (id, patient_id, code, value_text, digest, run_id, last_seen_run, fetched_at) SELECT "
      "'w' "
      "|| i, 'smith', 'wide', repeat('x', 2000), gen_random_uuid(), 1, 2, now() FROM generate_series(1, 20000) i");
  start();
  std::vector<std::unique_ptr<RawClient>> slow;
  for (int i = 0; i < 4; ++i) {
    slow.push_back(std::make_unique<RawClient>(server_->port()));
    slow.back()->send("GET /observations?code=wide&format=csv HTTP/1.1\r\nHost: a\r\n\r\n");
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(get("/patients/smith").status, 200);
  const auto whole = slow.front()->read();
  ASSERT_TRUE(whole.has_value());
  EXPECT_EQ(lines(whole->body), 20001U);
  slow.clear();
  EXPECT_EQ(lines(get("/observations?code=wide&format=csv&fields=id").body), 20001U);
}

TEST_F(Formats, BreakOffWhenTheDatabaseIsLost) {
  connection_.execute(
      "INSERT INTO observation (id, patient_id, code, value_text, digest, run_id, last_seen_run, fetched_at) SELECT "
      "'w' "
      "|| i, 'smith', 'wide', repeat('x', 2000), gen_random_uuid(), 1, 2, now() FROM generate_series(1, 20000) i");
  start();
  RawClient client(server_->port());
  client.send("GET /observations?code=wide&format=csv HTTP/1.1\r\nHost: a\r\n\r\n");
  const auto exports = [&] {
    return connection_
        .query(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'wellhead api "
            "exports' AND datname = current_database() AND xact_start IS NOT NULL AND query LIKE 'FETCH%'")
        .integer(0, 0);
  };
  while (exports() == 0) {
  }
  EXPECT_EQ(client.read(), std::nullopt);
  EXPECT_EQ(lines(get("/observations?code=wide&format=csv&fields=id").body), 20001U);
}

TEST_F(Formats, GiveTheResourcesAsTheyWereReceived) {
  storage::RawBlobWriter writer(blobs_);
  const std::vector<std::string> raw = {R"({"resourceType":"Patient","id":"jones","x":1})",
                                        R"({"resourceType":"Patient","id":"smith","x":2.50})"};
  for (const std::string& resource : raw) writer.add(resource);
  connection_.query("INSERT INTO raw_blob (blob_key, bytes, frames) VALUES ($1, 1, 1)", {writer.finish().key.text});
  connection_.execute(
      "UPDATE patient SET raw_blob_id = 1, raw_frame = 0, raw_index = CASE id WHEN 'jones' THEN 0 ELSE 1 END WHERE id "
      "IN ('jones', 'smith')");
  EXPECT_EQ(get("/patients/smith/raw").body, raw[1]);
  EXPECT_EQ(get("/patients/smith/raw").header("content-type"), "application/fhir+json");
  EXPECT_EQ(get("/patients/other/raw").status, 404);
  EXPECT_EQ(get("/patients/nobody/raw").status, 404);
  const RawResponse bundle = get("/patients?zipcode=02139&count=exact", "Accept: application/fhir+json\r\n");
  EXPECT_EQ(bundle.body, R"({"resourceType":"Bundle","type":"searchset","total":2,"link":[{"relation":"self","url":)"
                         R"("/patients?zipcode=02139&count=exact"}],"entry":[{"resource":)" +
                             raw[0] + R"(,"search":{"mode":"match"}},{"resource":)" + raw[1] +
                             R"(,"search":{"mode":"match"}}]})");
  const RawResponse page = get("/patients?zipcode=02139&format=fhir&limit=1");
  EXPECT_EQ(at(page.body, "/link/1/relation"), "\"next\"");
  const std::string next = at(page.body, "/link/1/url");
  EXPECT_EQ(at(get(next.substr(1, next.size() - 2), "Accept: application/fhir+json\r\n").body, "/entry/0/resource/id"),
            "\"smith\"");
}

TEST_F(Formats, RefuseWhatThereIsNot) {
  EXPECT_EQ(get("/patients", "Accept: text/html\r\n").status, 406);
  EXPECT_EQ(get("/patients/smith", "Accept: text/csv\r\n").status, 406);
  EXPECT_EQ(get("/patients?format=xml").status, 400);
  EXPECT_EQ(get("/patients", "Accept: text/html, */*;q=0.1\r\n").header("content-type"), "application/json");
  options_.blobs = nullptr;
  server_.reset();
  EXPECT_EQ(get("/patients?format=fhir").status, 503);
  EXPECT_EQ(get("/patients/smith/raw").status, 503);
}

TEST_F(Formats, SendNothingTwice) {
  const RawResponse first = get("/patients/smith");
  EXPECT_EQ(first.header("last-modified"), "Sat, 31 Jan 2026 10:00:02 GMT");
  RawClient client(server_->port());
  client.send("GET /patients/smith HTTP/1.1\r\nHost: a\r\nIf-None-Match: " + first.header("etag") + "\r\n\r\n");
  EXPECT_EQ(client.read(true)->status, 304);
  connection_.execute("UPDATE patient SET city = 'Boston' WHERE id = 'smith'");
  EXPECT_EQ(client.get("/patients/smith", "If-None-Match: " + first.header("etag") + "\r\n").status, 200);
}

}  // namespace
}  // namespace wellhead::api
