// GET /stats/…: how many there are, by what a chart has on its axes. Read on the connections of long answers, because
// it reads every row that it counts.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "library/storage/postgres/export_connections.h"
#include "library/webserver/problem.h"
#include "service/api/routes.h"
#include "service/api/stats_query.h"
#include "service/resource/deidentified.h"
#include "service/resource/row_json.h"
#include "service/resource/row_limits.h"

namespace wellhead::api {
namespace {

using storage::Result;
using webserver::Parameter;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr std::int64_t kMostGroups = 10'000;
// Fewer patients than this are no group for keys of the role deidentified: 1 to 10 is what CMS has suppressed.
constexpr std::int64_t kDeidentifiedGroup = 11;

// What may be counted by: its name in the API, and its SQL over v (what is visible), p (patient) and o (observation).
struct Dimension {
  std::string_view name;
  std::string_view sql;
  bool of_observations = false;
  bool exact = false;  // more than keys of the role deidentified may know
};

// Ages are those of today, or of the day of death; over 89 they are one group.
constexpr auto kDimensions = std::to_array<Dimension>(
    {{"zipcode", "v.zipcode", false, true},
     {"zip3", "CASE WHEN left(v.zipcode, 3) IN ({}) THEN '000' ELSE left(v.zipcode, 3) END"},
     {"gender", "p.gender"},
     {"age_group",
      "CASE WHEN p.birth_date IS NULL THEN NULL WHEN a.years >= 90 THEN '90+' ELSE lpad((a.years / 10 * 10)::text, 2, "
      "'0') || '-' || lpad((a.years / 10 * 10 + 9)::text, 2, '0') END"},
     {"code", "o.code", true},
     {"month", "to_char(o.effective_start AT TIME ZONE 'UTC', 'YYYY-MM')", true, true},
     {"year", "to_char(o.effective_start AT TIME ZONE 'UTC', 'YYYY')", true}});

struct Counting {
  StatsQuery query;
  std::vector<const Dimension*> by;
};

void read_dimensions(const Request& request, Counting& counting) {
  const std::string_view by = request.arguments.text("by").value_or("");
  for (const Dimension& dimension : kDimensions) {
    for (std::string_view rest = by; !rest.empty();) {
      const auto end = std::min(rest.find(','), rest.size());
      if (rest.substr(0, end) == dimension.name) {
        counting.by.push_back(&dimension);
        break;
      }
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
}

std::string sql_of(const Dimension& dimension) {
  std::string sql(dimension.sql);
  if (const auto at = sql.find("{}"); at != std::string::npos) sql.replace(at, 2, resource::restricted_zip3());
  return sql;
}

StatsPlaces places_of(const Counting& counting) {
  const auto counts_by = [&](std::string_view name) {
    return std::ranges::any_of(counting.by, [&](const Dimension* dimension) { return dimension->name == name; });
  };
  if (counts_by("zipcode")) return StatsPlaces::zipcodes;
  return counts_by("zip3") ? StatsPlaces::zip3 : StatsPlaces::together;
}

// people: counts them, too, for groups of few are to be told.
Counting read_counting(const Request& request, bool of_observations, bool people) {
  Counting counting;
  read_dimensions(request, counting);
  StatsQuery& query = counting.query;
  add_visible(request, places_of(counting), query);
  std::string groups;
  query.sql.append(" SELECT ");
  for (std::size_t i = 0; i < counting.by.size(); ++i) {
    query.sql.append(sql_of(*counting.by[i])).append(", ");
    groups.append(groups.empty() ? "" : ", ").append(std::to_string(i + 1));
  }
  query.sql.append(people ? "count(*), count(DISTINCT p.id)" : "count(*), 0")
      .append(" FROM visible v")
      .append(kPatientsOfStats);
  if (of_observations) query.sql.append(kObservationsOfStats);
  query.sql += " WHERE true" + stats_conditions(request, query);
  if (request.arguments.has("code")) {
    query.sql += " AND " + stats_any_of("o.code", request.arguments.all("code"), query);
  }
  if (!groups.empty()) query.sql += " GROUP BY " + groups + " ORDER BY " + groups;
  query.sql += " LIMIT " + query.next(std::to_string(request.arguments.integer("limit") + 1)) + "::bigint";
  return counting;
}

bool is_deidentified(const Request& request) {
  return request.principal && request.principal->role == webserver::Role::deidentified;
}

// 403: what names a zip code, or a time more exactly than by its year.
std::optional<Response> refuse_exact(const Request& request, const Counting& counting) {
  std::vector<webserver::FieldError> errors;
  const bool exact = std::ranges::any_of(counting.by, [](const Dimension* dimension) { return dimension->exact; });
  if (exact)
    errors.push_back({"by", "counts keys of the role deidentified by zip3 and year, not by zipcode and month"});
  if (request.arguments.has("zipcode")) errors.push_back({"zipcode", "is hidden from keys of the role deidentified"});
  if (!std::ranges::all_of(request.arguments.all("effective"), resource::is_year_clause)) {
    errors.push_back({"effective", "takes years alone from keys of the role deidentified"});
  }
  if (errors.empty()) return std::nullopt;
  std::string detail = errors.front().field + " " + errors.front().message;
  return to_response(webserver::Problem{403, "forbidden", std::move(detail), std::move(errors)}, request.id);
}

// least: groups of fewer patients are left out. Groups of nobody tell nothing of anybody.
Response counts(const Counting& counting, const Result& rows, std::int64_t limit, std::int64_t least) {
  const int shown = static_cast<int>(std::min<std::int64_t>(rows.rows(), limit));
  const int count_column = static_cast<int>(counting.by.size());
  std::string body = "{\"items\":[";
  int suppressed = 0;
  for (int row = 0; row < shown; ++row) {
    const std::int64_t patients = rows.integer(row, count_column + 1);
    if (patients > 0 && patients < least) {
      ++suppressed;
      continue;
    }
    body.append(body.ends_with('[') ? "{" : ",{");
    for (int column = 0; column < count_column; ++column) {
      if (rows.is_null(row, column)) continue;
      resource::append_json_string(counting.by[static_cast<std::size_t>(column)]->name, body);
      body.push_back(':');
      resource::append_json_string(rows.text(row, column), body);
      body.push_back(',');
    }
    body.append("\"count\":").append(rows.text(row, count_column)).append("}");
  }
  body.append("],\"complete\":").append(rows.rows() > limit ? "false" : "true");
  if (least > 0) body.append(",\"suppressed\":").append(std::to_string(suppressed));
  return Response::json(body.append("}"));
}

Task<Response> count(storage::ExportConnections* exports, bool of_observations, std::int64_t least, Request request) {
  const bool hides = is_deidentified(request);
  if (hides) least = std::max(least, kDeidentifiedGroup);
  Counting counting = read_counting(request, of_observations, least > 0);
  if (hides) {
    std::optional<Response> refused = refuse_exact(request, counting);
    if (refused) co_return std::move(*refused);
  }
  auto reading = read_stats(exports, std::move(counting.query), request.worker->index(), resource::row_limits(request));
  const Result rows = co_await reading;
  co_return counts(counting, rows, request.arguments.integer("limit"), least);
}

// --- documentation and validation ------------------------------------------------------------------------------------

constexpr const char* kSchema = R"json({
  "type": "object", "additionalProperties": false, "required": ["items", "complete"],
  "properties": {
    "items": {"type": "array", "items": {
      "type": "object", "additionalProperties": false, "required": ["count"],
      "properties": {
        "zipcode": {"type": "string"}, "zip3": {"type": "string", "description": "000: those of 20,000 people or fewer."}, "gender": {"type": "string"},
        "age_group": {"type": "string", "description": "20-29; 90+ is all above 89. Today's age, or that at death."},
        "code": {"type": "string"}, "month": {"type": "string", "description": "2025-11, of UTC."},
        "year": {"type": "string", "description": "2025, of UTC."},
        "count": {"type": "integer", "minimum": 0}}}},
    "complete": {"type": "boolean", "description": "false: there are more groups than the limit."},
    "suppressed": {"type": "integer", "minimum": 0, "description": "How many groups were left out for being of too few patients."}}
})json";

std::vector<Parameter> parameters(bool of_observations) {
  std::vector<std::string> names;
  for (const Dimension& dimension : kDimensions) {
    if (of_observations || !dimension.of_observations) names.emplace_back(dimension.name);
  }
  std::vector<Parameter> all = {{.name = "by",
                                 .type = ParameterType::choices,
                                 .description = "What to count by, with commas between; absent: all together.",
                                 .example = "gender,age_group",
                                 .choices = names}};
  for (Parameter& parameter : stats_parameters(of_observations)) all.push_back(std::move(parameter));
  if (of_observations) {
    all.push_back({.name = "code",
                   .description = "Those with this code; given again, with any of them.",
                   .example = "4548-4",
                   .repeatable = true});
  }
  all.push_back(stats_limit_parameter(kMostGroups, 1000));
  return all;
}

Route stats_route(storage::ExportConnections& exports, const std::string& noun, bool of_observations,
                  std::int64_t small_counts) {
  Route route;
  route.path = "/stats/" + noun;
  route.operation_id = "count_" + noun;
  route.tag = "Statistics";
  route.summary = "How many " + noun + " there are";
  route.description =
      "As of the last complete runs of the zip codes: what is no longer found is not counted. A key of the role "
      "deidentified counts by zip3 and year in place of zipcode and month, and gets no group of fewer than 11 "
      "patients.";
  route.parameters = parameters(of_observations);
  route.responses = {{.description = "The counts.",
                      .schema = "Counts",
                      .example = R"({"items":[{"gender":"female","age_group":"40-49","count":612}],"complete":true})"}};
  route.problems = {503};
  route.limited = true;
  route.deidentified = true;
  route.handler = [all = &exports, of_observations, small_counts](Request request) {
    return count(all, of_observations, small_counts, std::move(request));
  };
  return route;
}

}  // namespace

void add_stats_routes(const resource::ResourceServices& services, std::int64_t small_counts,
                      webserver::RouteTable& table) {
  table.add_schema({"Counts", kSchema});
  table.add(stats_route(services.exports, "patients", false, small_counts));
  table.add(stats_route(services.exports, "observations", true, small_counts));
  table.add(stats_codes_route(services.exports, small_counts, table));
  table.add(stats_values_route(services.exports, small_counts, table));
}

}  // namespace wellhead::api
