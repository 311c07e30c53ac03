// GET /stats/codes: what was observed, how often, of how many patients, and how often without a value.
#include <algorithm>
#include <string>
#include <utility>

#include "service/api/stats_query.h"
#include "service/resource/row_limits.h"

namespace wellhead::api {
namespace {

using storage::Result;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr std::int64_t kMostCodes = 10'000;
constexpr std::int64_t kCodes = 100;

constexpr std::string_view kCodesSelect = R"sql( SELECT json_strip_nulls(json_build_object(
    'code', o.code, 'display', max(coalesce(o.code_display, o.code_text)), 'observations', count(*),
    'patients', count(DISTINCT o.patient_id), 'numbers', count(o.value_number),
    'missing', count(*) FILTER (WHERE num_nonnulls(o.value_number, o.value_text, o.value_coded, o.value_coded_display,
      o.value_boolean, o.value_integer, o.value_time, o.value_date_time, o.value_range, o.value_ratio, o.value_period) = 0
      AND NOT EXISTS (SELECT FROM observation_component c WHERE c.observation_id = o.id)),
    'first', to_char(min(o.effective_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
    'last', to_char(max(o.effective_start) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')))
  FROM visible v)sql";

Task<Response> count_codes(storage::ExportConnections* exports, std::int64_t least, Request request) {
  const std::int64_t limit = request.arguments.integer("limit");
  auto reading =
      read_stats(exports, codes_query(request, least), request.worker->index(), resource::row_limits(request));
  const Result rows = co_await reading;
  std::string body = "{\"items\":[";
  for (int row = 0; row < std::min<std::int64_t>(rows.rows(), limit); ++row) {
    body.append(row == 0 ? "" : ",").append(rows.text(row, 0));
  }
  co_return Response::json(body.append("],\"complete\":").append(rows.rows() > limit ? "false}" : "true}"));
}

constexpr const char* kCodesSchema = R"json({
  "type": "object", "additionalProperties": false, "required": ["items", "complete"],
  "properties": {
    "items": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["observations", "patients", "numbers", "missing"],
      "properties": {
        "code": {"type": "string"}, "display": {"type": "string", "description": "The code in words."},
        "observations": {"type": "integer", "minimum": 0},
        "patients": {"type": "integer", "minimum": 0, "description": "Of how many patients they are."},
        "numbers": {"type": "integer", "minimum": 0, "description": "How many have a number as their value."},
        "missing": {"type": "integer", "minimum": 0, "description": "How many have no value and no components."},
        "first": {"type": "string", "format": "date-time", "description": "When the earliest was measured."},
        "last": {"type": "string", "format": "date-time"}}}},
    "complete": {"type": "boolean", "description": "false: there are more codes than the limit."}}
})json";

}  // namespace

StatsQuery codes_query(const Request& request, std::int64_t least) {
  StatsQuery query;
  add_visible(request, StatsPlaces::together, query);
  query.sql.append(kCodesSelect).append(kPatientsOfStats).append(kObservationsOfStats).append(" WHERE true");
  query.sql += stats_conditions(request, query);
  query.sql += " GROUP BY o.code HAVING count(DISTINCT o.patient_id) >= ";
  query.sql += query.next(std::to_string(least)) + "::bigint ORDER BY count(*) DESC, o.code LIMIT ";
  query.sql += query.next(std::to_string(request.arguments.integer("limit") + 1)) + "::bigint";
  return query;
}

Route stats_codes_route(storage::ExportConnections& exports, std::int64_t small_counts, webserver::RouteTable& table) {
  table.add_schema({"CodeCounts", kCodesSchema});
  Route route;
  route.path = "/stats/codes";
  route.operation_id = "count_codes";
  route.tag = "Statistics";
  route.summary = "What was observed, the most frequent first";
  route.description =
      "As of the last complete runs of the zip codes. Codes of components are not counted by themselves.";
  route.parameters = stats_parameters(true);
  route.parameters.push_back(stats_limit_parameter(kMostCodes, kCodes));
  route.responses = {{.description = "The codes.",
                      .schema = "CodeCounts",
                      .example =
                          R"({"items":[{"code":"4548-4","display":"Hemoglobin A1c","observations":612,"patients":204,)"
                          R"("numbers":610,"missing":2,"first":"2019-03-01T09:30:00Z","last":"2026-01-11T10:00:00Z"}],)"
                          R"("complete":true})"}};
  route.problems = {503};
  route.limited = true;
  route.handler = [all = &exports, small_counts](Request request) {
    return count_codes(all, small_counts, std::move(request));
  };
  return route;
}

}  // namespace wellhead::api
