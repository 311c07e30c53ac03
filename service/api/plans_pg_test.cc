// Every filter that promises an index has it: with many rows, no list reads a whole table.
#include <gmock/gmock.h>

#include <optional>

#include "service/api/stats_query.h"
#include "service/api/testing/api_fixture.h"
#include "service/observation/routes.h"
#include "service/patient/routes.h"
#include "service/resource/list_query.h"
#include "service/zipcode/route_queries.h"

namespace wellhead::api {
namespace {

using resource::ListFilter;
using resource::ListShape;
using ::testing::HasSubstr;
using ::testing::Not;
using webserver::Comparison;

// 40,000 patients in 20 zip codes, five observations each, 20,000 runs.
constexpr const char* kMany = R"sql(
  INSERT INTO run (zipcode, source_url, state)
    SELECT lpad((i % 1000)::text, 5, '0'), 'http://fhir.test', CASE WHEN i % 1000 = 7 THEN 'failed' ELSE 'complete' END
      FROM generate_series(1, 20000) i;
  INSERT INTO zipcode SELECT lpad(i::text, 5, '0'), i + 1, i + 1 FROM generate_series(0, 19) i;
  INSERT INTO patient (id, family, given, birth_date, postal_code, digest, run_id, last_seen_run, fetched_at)
    SELECT 'p' || i, md5(i::text), md5((i + 7)::text), date '1930-01-01' + i % 30000, lpad((i % 20)::text, 5, '0'),
           gen_random_uuid(), 1, 20, now() FROM generate_series(1, 40000) i;
  INSERT INTO zipcode_patient SELECT lpad((i % 20)::text, 5, '0'), 'p' || i, 0, '0', 1, 20 FROM generate_series(1, 40000) i;
  INSERT INTO observation (id, patient_id, code, effective_start, digest, run_id, last_seen_run, fetched_at)
    SELECT 'o' || i, 'p' || i / 5, 'c' || i % 500, now() - i * interval '1 minute', gen_random_uuid(), 1, 20, now()
      FROM generate_series(5, 200000) i;
  INSERT INTO observation_component (observation_id, component_index, digest, run_id, last_seen_run, fetched_at)
    SELECT 'o' || i * 10, n, gen_random_uuid(), 1, 20, now() FROM generate_series(1, 20000) i, generate_series(0, 1) n;
  ANALYZE;
)sql";

class Plans : public testing::ApiTest {
 protected:
  Plans() {
    testing::make_schema(connection_);
    connection_.execute(kMany);
  }

  // The plan without knowledge of the values, and with it.
  void expect_index(const std::string& sql, const std::string& types, const std::string& values) {
    for (const std::string mode : {"force_generic_plan", "force_custom_plan"}) {
      connection_.execute("SET plan_cache_mode = " + mode);
      connection_.execute("PREPARE it" + (types.empty() ? "" : "(" + types + ")") + " AS " + sql);
      const storage::Result rows = connection_.query("EXPLAIN EXECUTE it" + (values.empty() ? "" : "(" + values + ")"));
      std::string plan;
      for (int row = 0; row < rows.rows(); ++row) plan += std::string(rows.text(row, 0)) + "\n";
      for (const std::string table : {"patient", "observation", "observation_component", "zipcode_patient", "run"}) {
        EXPECT_THAT(plan, Not(HasSubstr("Seq Scan on " + table + " "))) << mode << "\n" << sql;
      }
      connection_.execute("DEALLOCATE it");
    }
  }
  void expect_list(const resource::ResourceApi& api, const std::optional<resource::FilterUse>& use, bool cursor);
  void expect_filters();
  void expect_zipcode();
  void expect_runs();
  void expect_statistics();
  void expect_not_read(const StatsQuery& query, const std::vector<std::string>& tables);
};

struct Value {
  std::string type;
  std::string value;
};

Value value_of(const ListFilter& filter) {
  if (filter.column == "birth_date") return {"date", "'1950-06-01'"};
  if (filter.column == "effective_start") return {"timestamptz", "now()"};
  if (filter.column == "patient_id") return {"text", "'p77'"};
  if (filter.column == "code") return {"text", "'c77'"};
  return {"text", "'abc'"};
}

void add(std::string& list, const std::string& item) { list += (list.empty() ? "" : ", ") + item; }

// By value and with bounds. (Several values at once may well be most of a table.)
std::vector<resource::FilterUse> uses_of(const std::vector<ListFilter>& filters, std::size_t i) {
  if (filters[i].kind == converter::FilterKind::prefix) return {{.filter = i, .any = {Comparison::prefix}, .all = {}}};
  std::vector<resource::FilterUse> uses = {{.filter = i, .any = {Comparison::equal}, .all = {}}};
  if (filters[i].operand) {
    uses.push_back({.filter = i, .any = {Comparison::within}, .all = {}});
    uses.push_back({.filter = i, .any = {}, .all = {Comparison::at_least, Comparison::less}});
  }
  return uses;
}

void add_values(const ListFilter& filter, const std::vector<Comparison>& comparisons, std::string& types,
                std::string& values) {
  const auto [type, value] = value_of(filter);
  for (const Comparison comparison : comparisons) {
    for (int i = 0; i < (comparison == Comparison::within ? 2 : 1); ++i) {
      add(types, type);
      add(values, value);
    }
  }
}

void Plans::expect_list(const resource::ResourceApi& api, const std::optional<resource::FilterUse>& use, bool cursor) {
  const auto filters = resource::list_filters(api);
  ListShape shape{.filters = {}, .cursor = cursor};
  std::string types;
  std::string values;
  if (use) {
    shape.filters = {*use};
    add_values(filters[use->filter], use->any, types, values);
    add_values(filters[use->filter], use->all, types, values);
  }
  if (cursor) {
    add(types, "text");
    add(values, "'p5'");
  }
  add(types, "bigint");
  add(values, "51");
  expect_index(resource::list_sql(api, filters, shape), types, values);
}

void Plans::expect_filters() {
  for (const resource::ResourceApi& api : {patient::patient_api(), observation::observation_api()}) {
    const auto filters = resource::list_filters(api);
    ASSERT_FALSE(filters.empty());
    for (const bool cursor : {false, true}) {
      expect_list(api, std::nullopt, cursor);
      for (std::size_t i = 0; i < filters.size(); ++i) {
        if (filters[i].kind == converter::FilterKind::scan) continue;
        for (const resource::FilterUse& use : uses_of(filters, i)) expect_list(api, use, cursor);
      }
    }
    expect_index(resource::one_sql(api), "text", "'p5'");
    for (const auto& embedded : api.embedded) expect_index(resource::embedded_sql(embedded), "text[]", "'{o10,o20}'");
  }
}

void Plans::expect_zipcode() {
  const auto api = patient::patient_api();
  const auto filters = resource::list_filters(api);
  for (const bool cursor : {false, true}) {
    const ListShape shape{.filters = {}, .zipcode = true, .cursor = cursor};
    expect_index(resource::list_sql(api, filters, shape),
                 cursor ? "text, bigint, text, bigint" : "text, bigint, bigint",
                 cursor ? "'00003', 4, 'p5', 51" : "'00003', NULL, 51");
  }
}

void Plans::expect_runs() {
  const zipcode::RouteStatements statements;
  expect_index(statements.runs(false, false).sql(), "bigint, bigint", "20000, 51");
  expect_index(statements.runs(true, false).sql(), "text, bigint, bigint", "'00003', 20000, 51");
  expect_index(statements.runs(false, true).sql(), "text, bigint, bigint", "'failed', 20000, 51");
  expect_index(statements.runs(true, true).sql(), "text, text, bigint, bigint", "'00003', 'failed', 20000, 51");
  expect_index(statements.run_detail.sql(), "bigint", "7");
  expect_index(statements.zipcodes.sql(), "text, bigint", "'', 51");
}

// Statistics are planned each time, for their values. Who belongs to which zip code is read whole: that is what tells
// since when a patient's rows count.
void Plans::expect_not_read(const StatsQuery& query, const std::vector<std::string>& tables) {
  const storage::Result rows = connection_.query("EXPLAIN " + query.sql, query.values);
  std::string plan;
  for (int row = 0; row < rows.rows(); ++row) plan += std::string(rows.text(row, 0)) + "\n";
  for (const std::string& table : tables) {
    EXPECT_THAT(plan, Not(HasSubstr("Seq Scan on " + table + " "))) << query.sql;
  }
}

void Plans::expect_statistics() {
  webserver::Request everywhere;
  everywhere.arguments.set("code", "c77");
  everywhere.arguments.set("limit", "100", 100);
  webserver::Request zipcode = everywhere;
  zipcode.arguments.set("zipcode", "00003");
  expect_not_read(codes_query(zipcode, 0), {"patient", "observation", "observation_component"});
  // A component has no index by its code: of so few rows reading all may be the cheapest. Codes of all zip codes are
  // counted from all rows.
  expect_not_read(values_query(zipcode), {"patient", "observation"});
  expect_not_read(values_query(everywhere), {"patient", "observation"});
}

// One test, because it takes seconds to make the rows.
TEST_F(Plans, UseAnIndexForEveryFilterThatHasOne) {
  expect_filters();
  expect_zipcode();
  expect_runs();
  expect_statistics();
}

}  // namespace
}  // namespace wellhead::api
