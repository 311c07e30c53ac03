#include "service/api/testing/api_fixture.h"

#include <simdjson.h>

#include "library/converter/view.h"
#include "library/storage/postgres/migrations.h"
#include "service/observation/observation.h"
#include "service/patient/patient.h"
#include "service/resource/table.h"

namespace wellhead::api::testing {

using webserver::testing::RawResponse;

void make_schema(storage::Connection& connection) {
  storage::migrate(connection);
  const std::vector<converter::View> views = {converter::View::parse(patient::patient_view_json()),
                                              converter::View::parse(observation::observation_view_json()),
                                              converter::View::parse(observation::observation_component_view_json())};
  resource::ensure_tables(connection, views);
}

void seed(storage::Connection& connection) {
  connection.execute(R"sql(
    INSERT INTO run (zipcode, source_url, state, requested_at, started_at, finished_at, options) VALUES
      ('02139', 'http://fhir.test', 'complete', now() - interval '3 days', now() - interval '3 days', now() - interval '3 days', '{}'),
      ('02139', 'http://fhir.test', 'complete', '2026-01-31 10:00:00Z', '2026-01-31 10:00:01Z', '2026-01-31 10:00:31.5Z', '{"concurrency": 5}'),
      ('02139', 'http://fhir.test', 'running', now(), now(), NULL, '{}'),
      ('02140', 'http://fhir.test', 'running', now(), now(), NULL, '{}');
    INSERT INTO zipcode VALUES ('02139', 3, 2), ('02140', 4, NULL);
    INSERT INTO zipcode_patient (zipcode, patient_id, address_index, postal_code, first_seen_run, last_seen_run) VALUES
      ('02139', 'smith', 0, '02139', 1, 2), ('02139', 'smythe', 0, '02139', 1, 1),
      ('02139', 'jones', 0, '02139-1234', 2, 3), ('02139', 'new', 0, '02139', 3, 3), ('02140', 'other', 0, '02140', 4, 4);
    INSERT INTO patient (id, family, given, birth_date, birth_date_text, postal_code, active, digest, run_id, last_seen_run, fetched_at, loaded_at)
      SELECT id, family, given, birth::date, birth, '02139', true, gen_random_uuid(), first, last, now(), '2026-01-31 10:00:02.5Z'
        FROM (VALUES ('smith', 'Smith', 'Ann', '1980-05-01', 1, 2), ('smythe', 'Smythe', 'Bob', '1990-01-01', 1, 1),
                     ('jones', 'Jones', 'ann marie', '1980-05-01', 2, 3), ('new', 'Oconnor', 'Zoe', '2001-02-03', 3, 3),
                     ('other', 'smithers', 'Xaver "X" Ä', '2001-02-03', 4, 4)) AS p (id, family, given, birth, first, last);
    INSERT INTO observation (id, patient_id, code, value_number, value_boolean, effective_start, digest, run_id, last_seen_run, fetched_at)
      SELECT id, patient, code, value, flag, '2025-11-03 09:30:00.25Z', gen_random_uuid(), 1, last, now()
        FROM (VALUES ('o1', 'smith', '85354-9', NULL::numeric, NULL::boolean, 2), ('o2', 'smith', '4548-4', 7.40, NULL, 2),
                     ('o3', 'smith', '4548-4', 'NaN', NULL, 1), ('o4', 'jones', '4548-4', -0.001, true, 3),
                     ('o5', 'smythe', '4548-4', 12345678901234567890.123, NULL, 1), ('o6', 'other', '4548-4', 0, false, 4))
             AS o (id, patient, code, value, flag, last);
    INSERT INTO observation_component (observation_id, component_index, code, value_number, digest, run_id, last_seen_run, fetched_at) VALUES
      ('o1', 1, '8480-6', 118, gen_random_uuid(), 1, 2, now()), ('o1', 0, '8462-4', 74.20, gen_random_uuid(), 1, 2, now());
    INSERT INTO staged_batch (run_id, batch, resource_type, entries_received, duplicates, out_of_zip, rejected, staged, requests, retries,
                              bytes_received, seconds, fetched_at, result) VALUES
      (2, 1, 'Patient', 5, 1, 1, 1, 2, 3, 1, 1000, 0.5, now(), '{"patients": 2}'),
      (2, 2, 'Observation', 3, 0, 0, 0, 3, 2, 0, 500, 0.25, now(), '{"patients": 2}'),
      (4, 1, 'Patient', 1, 0, 0, 0, 1, 1, 0, 100, 0.5, now(), '{"patients": 1}');
    INSERT INTO load_ledger (run_id, batch, table_name, blob_key, rows, duplicates, inserted, updated, unchanged, older) VALUES
      (2, 1, 'patient', 'a', 2, 0, 1, 0, 1, 0), (2, 2, 'observation', 'b', 3, 0, 3, 0, 0, 0);
    INSERT INTO receipt (run_id, resource_type, server_total_before, server_total_after, entries_received, duplicates, out_of_zip, rejected,
                         erased, staged, inserted, updated, unchanged, older, missing, no_longer_found, requests, retries, bytes_received,
                         seconds, digest, verdict) VALUES
      (2, 'Patient', 2, 2, 5, 1, 1, 1, 0, 2, 1, 0, 1, 0, 0, 1, 3, 1, 1000, 0.5, '00000000-0000-0000-0000-0000000000ff', 'complete'),
      (2, 'Observation', NULL, NULL, 3, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 1, 2, 0, 500, 0.25, NULL, 'complete');
  )sql");
}

ApiTest::ApiTest() : connection_(database_.connect()) {
  options_.listen = "127.0.0.1:0";
  options_.database_url = database_.url();
  options_.threads = 2;
}

ApiTest::~ApiTest() {
  if (server_) server_->stop();
}

void ApiTest::start() {
  server_ = std::make_unique<Server>(options_);
  server_->start();
}

RawResponse ApiTest::get(const std::string& target, const std::string& headers) {
  if (!server_) start();
  return webserver::testing::get(server_->port(), target, headers);
}

std::vector<std::string> ApiTest::ids(const std::string& target) {
  const RawResponse response = get(target);
  EXPECT_EQ(response.status, 200) << target << ": " << response.body;
  simdjson::dom::parser parser;
  simdjson::dom::array items;
  std::vector<std::string> out;
  if (parser.parse(response.body)["items"].get(items) != simdjson::SUCCESS) return {"no items in " + response.body};
  for (const auto item : items) out.emplace_back(std::string_view(item["id"]));
  return out;
}

std::vector<std::string> ApiTest::all_ids(std::string target, const std::function<void()>& between_pages) {
  std::vector<std::string> out;
  for (int page = 0; page < 10'000 && !target.empty(); ++page) {
    const std::vector<std::string> more = ids(target);
    out.insert(out.end(), more.begin(), more.end());
    const RawResponse response = get(target);
    const std::string next = at(response.body, "/next");
    const bool last = next == "null";
    EXPECT_EQ(response.header("link"), last ? "" : "<" + next.substr(1, next.size() - 2) + ">; rel=\"next\"");
    target = last ? "" : next.substr(1, next.size() - 2);
    if (between_pages) between_pages();
  }
  return out;
}

std::string at(const std::string& json, const std::string& pointer) {
  simdjson::dom::parser parser;
  simdjson::dom::element found;
  if (parser.parse(json).at_pointer(pointer).get(found) != simdjson::SUCCESS) return {};
  return simdjson::minify(found);
}

}  // namespace wellhead::api::testing
