// GET /stats/values: how the values of one code are spread, how they go over time, in which units, and what is missing.
#include <algorithm>
#include <string>
#include <utility>

#include "library/webserver/problem.h"
#include "service/api/stats_query.h"
#include "service/resource/row_json.h"
#include "service/resource/row_limits.h"

namespace wellhead::api {
namespace {

using storage::Result;
using webserver::Parameter;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

// What is asked of an observation (o) and of a component (c) alike, with the table's letter for {}.
constexpr std::string_view kFoundColumns =
    "o.patient_id, o.effective_start, coalesce({}.code_display, {}.code_text) AS display, {}.value_number, "
    "coalesce({}.value_unit, {}.value_code) AS unit, coalesce({}.value_coded_display, {}.value_coded) AS coded, "
    "{}.data_absent_reason, num_nonnulls({}.value_number, {}.value_text, {}.value_coded, {}.value_coded_display, "
    "{}.value_boolean, {}.value_integer, {}.value_time, {}.value_date_time, {}.value_range, {}.value_ratio, "
    "{}.value_period) > 0";

// Beyond three middle halves from the middle half (Tukey's far fences) a value is outside of the chart: one that lost
// its decimal point would else press all others together.
constexpr std::string_view kValuesRest = R"sql(,
units AS (SELECT unit, count(*) AS count FROM found WHERE value_number IS NOT NULL GROUP BY unit),
numbers AS MATERIALIZED (
  SELECT value_number::float8 AS value, effective_start FROM found, chosen
   WHERE value_number NOT IN ('NaN', 'Infinity', '-Infinity') AND found.unit IS NOT DISTINCT FROM chosen.unit),
summary AS (
  SELECT count(*) AS count, min(value) AS low, max(value) AS high, avg(value) AS mean,
         percentile_cont(ARRAY[0.05, 0.25, 0.5, 0.75, 0.95]) WITHIN GROUP (ORDER BY value) AS p
    FROM numbers HAVING count(*) > 0),
axis AS (
  SELECT least_shown AS low, CASE WHEN most_shown > least_shown THEN most_shown ELSE least_shown + 1 END AS high
    FROM summary, LATERAL (SELECT CASE WHEN p[4] > p[2] THEN greatest(low, p[2] - 3 * (p[4] - p[2])) ELSE low END AS least_shown,
                                  CASE WHEN p[4] > p[2] THEN least(high, p[4] + 3 * (p[4] - p[2])) ELSE high END AS most_shown) s),
bins AS (
  SELECT n, low + (high - low) * (n - 1) / 24 AS from_value, low + (high - low) * n / 24 AS to_value,
         count(value) AS count
    FROM axis CROSS JOIN generate_series(1, 24) n
    LEFT JOIN numbers ON value BETWEEN low AND high AND least(24, width_bucket(value, low, high, 24)) = n
   GROUP BY n, low, high),
months AS (
  SELECT to_char(effective_start AT TIME ZONE 'UTC', 'YYYY-MM') AS month, count(*) AS count,
         percentile_cont(ARRAY[0.25, 0.5, 0.75]) WITHIN GROUP (ORDER BY value) AS p
    FROM numbers WHERE effective_start IS NOT NULL AND isfinite(effective_start) GROUP BY 1),
parts AS (
  SELECT c.code, max(coalesce(c.code_display, c.code_text)) AS display, count(*) AS count
    FROM whole JOIN observation_component c ON c.observation_id = whole.id WHERE c.code IS NOT NULL GROUP BY c.code)
SELECT json_strip_nulls(json_build_object(
  'display', (SELECT max(display) FROM found),
  'observations', (SELECT count(*) FROM found), 'patients', (SELECT count(DISTINCT patient_id) FROM found),
  'numbers', (SELECT count(value_number) FROM found), 'missing', (SELECT count(*) FROM found WHERE NOT has_value)
              - (SELECT count(DISTINCT c.observation_id) FROM whole JOIN observation_component c ON c.observation_id = whole.id WHERE NOT whole.has_value),
  'absent', (SELECT coalesce(json_agg(json_build_object('reason', reason, 'count', count) ORDER BY count DESC, reason), '[]')
               FROM (SELECT data_absent_reason AS reason, count(*) FROM found WHERE data_absent_reason IS NOT NULL GROUP BY 1
                      ORDER BY 2 DESC, 1 LIMIT 20) r),
  'units', (SELECT coalesce(json_agg(json_build_object('unit', unit, 'count', count) ORDER BY count DESC, unit), '[]')
              FROM (SELECT * FROM units ORDER BY count DESC, unit LIMIT 20) u),
  'coded', (SELECT coalesce(json_agg(json_build_object('value', coded, 'count', count) ORDER BY count DESC, coded), '[]')
              FROM (SELECT coded, count(*) FROM found WHERE coded IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 20) c),
  'components', (SELECT coalesce(json_agg(json_build_object('code', code, 'display', display, 'count', count) ORDER BY count DESC, code), '[]')
                   FROM (SELECT * FROM parts ORDER BY count DESC, code LIMIT 50) p),
  'unit', (SELECT unit FROM chosen),
  'summary', (SELECT json_build_object('count', count, 'minimum', low, 'maximum', high, 'mean', mean, 'p5', p[1], 'p25', p[2],
                'median', p[3], 'p75', p[4], 'p95', p[5]) FROM summary),
  'bins', (SELECT coalesce(json_agg(json_build_object('from', from_value, 'to', to_value, 'count', count) ORDER BY n), '[]') FROM bins),
  'months', (SELECT coalesce(json_agg(json_build_object('month', month, 'count', count, 'p25', p[1], 'median', p[2], 'p75', p[3])
               ORDER BY month), '[]') FROM months))))sql";

std::string columns_of(std::string_view letter) {
  std::string out;
  for (std::string_view rest = kFoundColumns; !rest.empty();) {
    const auto at = std::min(rest.find("{}"), rest.size());
    out.append(rest.substr(0, at));
    if (at < rest.size()) out.append(letter);
    rest.remove_prefix(std::min(at + 2, rest.size()));
  }
  return out;
}

Task<Response> code_values(storage::ExportConnections* exports, Request request) {
  auto reading = read_stats(exports, values_query(request), request.worker->index(), resource::row_limits(request));
  const Result rows = co_await reading;
  std::string body = "{\"code\":";
  resource::append_json_string(*request.arguments.text("code"), body);
  co_return Response::json(body.append(",").append(rows.text(0, 0).substr(1)));
}

Task<Response> no_values(Request request) {
  co_return to_response(
      webserver::Problem{403, "forbidden",
                         "This server leaves groups of few patients out of its counts, and gives no distributions"},
      request.id);
}

constexpr const char* kValuesSchema = R"json({
  "type": "object", "additionalProperties": false,
  "required": ["code", "observations", "patients", "numbers", "missing", "absent", "units", "coded", "components", "bins", "months"],
  "properties": {
    "code": {"type": "string"}, "display": {"type": "string", "description": "The code in words."},
    "observations": {"type": "integer", "description": "Observations and components with the code."},
    "patients": {"type": "integer"}, "numbers": {"type": "integer", "description": "Those whose value is a number."},
    "missing": {"type": "integer", "description": "Those without a value and without components."},
    "absent": {"type": "array", "description": "Why there is no value, as far as it is said.", "items": {
      "type": "object", "additionalProperties": false, "required": ["reason", "count"],
      "properties": {"reason": {"type": "string"}, "count": {"type": "integer"}}}},
    "units": {"type": "array", "description": "Of the numbers; without `unit`: those that have none.", "items": {
      "type": "object", "additionalProperties": false, "required": ["count"],
      "properties": {"unit": {"type": "string"}, "count": {"type": "integer"}}}},
    "coded": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["value", "count"],
      "properties": {"value": {"type": "string"}, "count": {"type": "integer"}}}},
    "components": {"type": "array", "description": "What the observations consist of.", "items": {
      "type": "object", "additionalProperties": false, "required": ["code", "count"],
      "properties": {"code": {"type": "string"}, "display": {"type": "string"}, "count": {"type": "integer"}}}},
    "unit": {"type": "string", "description": "Of summary, bins and months: the one asked for, or the most frequent. Absent: none."},
    "summary": {"type": "object", "description": "Absent: there are no numbers.", "additionalProperties": false,
      "required": ["count", "minimum", "maximum", "mean", "p5", "p25", "median", "p75", "p95"],
      "properties": {"count": {"type": "integer"}, "minimum": {"type": "number"}, "maximum": {"type": "number"},
        "mean": {"type": "number"}, "p5": {"type": "number"}, "p25": {"type": "number"}, "median": {"type": "number"},
        "p75": {"type": "number"}, "p95": {"type": "number"}}},
    "bins": {"type": "array", "description": "Of equal width. Values far from the middle half lie outside.", "items": {
      "type": "object", "additionalProperties": false, "required": ["from", "to", "count"],
      "properties": {"from": {"type": "number"}, "to": {"type": "number"}, "count": {"type": "integer"}}}},
    "months": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["month", "count", "p25", "median", "p75"],
      "properties": {"month": {"type": "string", "description": "2025-11, of UTC."}, "count": {"type": "integer"},
        "p25": {"type": "number"}, "median": {"type": "number"}, "p75": {"type": "number"}}}}}
})json";

constexpr const char* kValuesExample =
    R"({"code":"4548-4","display":"Hemoglobin A1c","observations":2,"patients":2,"numbers":1,"missing":1,)"
    R"("absent":[{"reason":"unknown","count":1}],"units":[{"unit":"%","count":1}],"coded":[],"components":[],"unit":"%",)"
    R"("summary":{"count":1,"minimum":6.1,"maximum":6.1,"mean":6.1,"p5":6.1,"p25":6.1,"median":6.1,"p75":6.1,"p95":6.1},)"
    R"("bins":[{"from":6.1,"to":7.1,"count":1}],)"
    R"("months":[{"month":"2025-11","count":1,"p25":6.1,"median":6.1,"p75":6.1}]})";

}  // namespace

StatsQuery values_query(const Request& request) {
  StatsQuery query;
  add_visible(request, StatsPlaces::together, query);
  const std::string code = query.next(std::string(*request.arguments.text("code")));
  const std::string conditions = stats_conditions(request, query);
  const std::string from = " FROM visible v" + std::string(kPatientsOfStats) + std::string(kObservationsOfStats);
  query.sql += ", whole AS MATERIALIZED (SELECT o.id, " + columns_of("o") + " AS has_value" + from;
  query.sql += " WHERE o.code = " + code + conditions + ")";
  query.sql += ", found AS MATERIALIZED (SELECT patient_id, effective_start, display, value_number, unit, coded, ";
  query.sql += "data_absent_reason, has_value FROM whole UNION ALL SELECT " + columns_of("c") + from;
  query.sql += " JOIN observation_component c ON c.observation_id = o.id WHERE c.code = " + code + conditions + ")";
  // The most frequent unit, if none is asked for.
  query.sql += ", chosen AS MATERIALIZED (SELECT ";
  if (const auto unit = request.arguments.text("unit")) {
    query.sql += query.next(std::string(*unit)) + "::text AS unit)";
  } else {
    query.sql +=
        "(SELECT unit FROM found WHERE value_number IS NOT NULL GROUP BY unit ORDER BY count(*) DESC, unit LIMIT 1) AS "
        "unit)";
  }
  query.sql += kValuesRest;
  return query;
}

Route stats_values_route(storage::ExportConnections& exports, std::int64_t small_counts, webserver::RouteTable& table) {
  table.add_schema({"CodeValues", kValuesSchema});
  Route route;
  route.path = "/stats/values";
  route.operation_id = "get_values";
  route.tag = "Statistics";
  route.summary = "The values of one code: distribution, trend, units, what is missing";
  route.description =
      "Of observations and of components with the code, as of the last complete runs of the zip codes. Numbers in "
      "other "
      "units than the one shown are counted, but not mixed in.";
  route.parameters = stats_parameters(true);
  Parameter code;
  code.name = "code";
  code.required = true;
  code.description = "Those with this code.";
  code.example = "4548-4";
  Parameter unit;
  unit.name = "unit";
  unit.description = "The unit of the numbers to show; absent: the most frequent one.";
  unit.example = "%";
  route.parameters.push_back(std::move(code));
  route.parameters.push_back(std::move(unit));
  route.responses = {{.description = "The values.", .schema = "CodeValues", .example = kValuesExample}};
  route.problems = {503};
  route.limited = true;
  route.handler = no_values;
  if (small_counts == 0)
    route.handler = [all = &exports](Request request) { return code_values(all, std::move(request)); };
  return route;
}

}  // namespace wellhead::api
