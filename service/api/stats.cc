// GET /stats/…: how many there are, by what a chart has on its axes. Read on the connections of long answers, because
// it reads every row that it counts.
#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "library/storage/postgres/export_connections.h"
#include "library/webserver/filters.h"
#include "library/webserver/problem.h"
#include "service/api/routes.h"
#include "service/resource/deidentified.h"
#include "service/resource/row_json.h"
#include "service/resource/row_limits.h"

namespace wellhead::api {
namespace {

using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Comparison;
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

// Whom the last complete runs of their zip codes have found, and since which run a row of theirs must have been seen
// (docs/design/api.md, "What a list shows").
constexpr std::string_view kSeen = R"sql(
WITH seen AS (
  SELECT zp.zipcode, zp.patient_id, max(coalesce(z.last_complete_run, 0)) OVER (PARTITION BY zp.patient_id) AS since
    FROM zipcode_patient zp LEFT JOIN zipcode z ON z.zipcode = zp.zipcode
   WHERE z.last_complete_run IS NULL OR z.last_complete_run BETWEEN zp.first_seen_run AND zp.last_seen_run))sql";
constexpr std::string_view kPatients =
    " JOIN patient p ON p.id = v.patient_id AND p.last_seen_run >= v.since CROSS JOIN LATERAL (SELECT greatest(0, "
    "extract(year FROM age(least(current_date, (p.deceased_at AT TIME ZONE 'UTC')::date), p.birth_date)))::int AS "
    "years) "
    "a";
constexpr std::string_view kObservations = " JOIN observation o ON o.patient_id = p.id AND o.last_seen_run >= v.since";

struct Counting {
  std::string sql;
  std::vector<Value> values;
  std::vector<const Dimension*> by;
};

std::string next_value(Counting& counting, std::string value) {
  counting.values.emplace_back(std::move(value));
  return "$" + std::to_string(counting.values.size());
}

std::string any_of(Counting& counting, std::string_view column, const std::vector<std::string_view>& texts) {
  const std::vector<std::string> values(texts.begin(), texts.end());
  return std::string(column) + " = ANY(" + next_value(counting, storage::array_literal(values)) + "::text[])";
}

// Bounds alone: a chart has an axis from here to there. (Equality is a bound on both sides.)
std::string moment_condition(Counting& counting, std::string_view text) {
  const std::string column = "o.effective_start";
  const auto clause = webserver::parse_clause(webserver::Operand::moment, text);
  if (!clause) throw webserver::InvalidArgument({"effective", clause.error()});
  const auto compared = [&](std::string_view sql_operator, const std::string& value) {
    return column + std::string(sql_operator) + next_value(counting, value) + "::timestamptz";
  };
  switch (clause->comparison) {
    case Comparison::within: {
      const std::string from = compared(" >= ", clause->value);
      return from + " AND " + compared(" < ", clause->end);
    }
    case Comparison::outside: {
      const std::string until = compared(" < ", clause->value);
      return "(" + until + " OR " + compared(" >= ", clause->end) + ")";
    }
    case Comparison::less:
      return compared(" < ", clause->value);
    case Comparison::at_most:
      return compared(" <= ", clause->value);
    case Comparison::greater:
      return compared(" > ", clause->value);
    case Comparison::at_least:
      return compared(" >= ", clause->value);
    case Comparison::not_equal:
      return compared(" <> ", clause->value);
    default:
      return compared(" = ", clause->value);
  }
}

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

std::string conditions_of(const Request& request, Counting& counting) {
  std::vector<std::string> conditions;
  for (const auto& [parameter, column] : {std::pair("gender", "p.gender"), std::pair("code", "o.code")}) {
    if (request.arguments.has(parameter)) {
      conditions.push_back(any_of(counting, column, request.arguments.all(parameter)));
    }
  }
  for (const std::string_view text : request.arguments.all("effective")) {
    conditions.push_back(moment_condition(counting, text));
  }
  std::string sql;
  for (const std::string& condition : conditions) sql.append(sql.empty() ? " WHERE " : " AND ").append(condition);
  return sql;
}

std::string sql_of(const Dimension& dimension) {
  std::string sql(dimension.sql);
  if (const auto at = sql.find("{}"); at != std::string::npos) sql.replace(at, 2, resource::restricted_zip3());
  return sql;
}

// people: counts them, too, for groups of few are to be told.
Counting read_counting(const Request& request, bool of_observations, bool people) {
  Counting counting;
  read_dimensions(request, counting);
  const bool by_zipcode =
      std::ranges::any_of(counting.by, [](const Dimension* dimension) { return dimension->name == "zipcode"; });
  const bool by_zip3 =
      std::ranges::any_of(counting.by, [](const Dimension* dimension) { return dimension->name == "zip3"; });
  std::string groups;
  std::string select;
  for (std::size_t i = 0; i < counting.by.size(); ++i) {
    select.append(sql_of(*counting.by[i])).append(", ");
    groups.append(groups.empty() ? "" : ", ").append(std::to_string(i + 1));
  }
  // A patient of two zip codes is counted in both, but once where zip codes are not told apart.
  std::string visible = "SELECT DISTINCT ";
  if (by_zipcode) visible += "zipcode, ";
  if (!by_zipcode && by_zip3) visible += "left(zipcode, 3) AS zipcode, ";
  visible += "patient_id, since FROM seen";
  if (request.arguments.has("zipcode")) {
    visible += " WHERE " + any_of(counting, "zipcode", request.arguments.all("zipcode"));
  }
  counting.sql.append(kSeen).append(", visible AS (").append(visible).append(") SELECT ").append(select);
  counting.sql.append(people ? "count(*), count(DISTINCT p.id)" : "count(*), 0")
      .append(" FROM visible v")
      .append(kPatients);
  if (of_observations) counting.sql.append(kObservations);
  counting.sql += conditions_of(request, counting);
  if (!groups.empty()) counting.sql += " GROUP BY " + groups + " ORDER BY " + groups;
  counting.sql += " LIMIT " + next_value(counting, std::to_string(request.arguments.integer("limit") + 1)) + "::bigint";
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
  storage::ExportConnections::Lease lease = exports->borrow(request.worker->index());
  const Statement statement(counting.sql, Statement::Use::once);
  auto query = lease->query(statement, std::move(counting.values), resource::row_limits(request));
  const Result rows = co_await query;
  lease.done();
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
                                 .choices = names},
                                {.name = "zipcode",
                                 .type = ParameterType::zipcode,
                                 .description = "Those of this zip code; given again, of any of them.",
                                 .example = "02139",
                                 .repeatable = true},
                                {.name = "gender",
                                 .description = "Those of this gender; given again, of any of them.",
                                 .example = "female",
                                 .repeatable = true}};
  if (of_observations) {
    all.push_back({.name = "code",
                   .description = "Those with this code; given again, with any of them.",
                   .example = "4548-4",
                   .repeatable = true});
    all.push_back({.name = "effective",
                   .type = ParameterType::clause,
                   .description =
                       "When they were measured, with an operator in front: ne, lt, le, gt, ge. All that are "
                       "given must hold.",
                   .example = "ge2024&lt2025",
                   .operand = webserver::Operand::moment,
                   .repeatable = true});
  }
  all.push_back({.name = "limit",
                 .type = ParameterType::integer,
                 .description = "How many groups at most.",
                 .example = "1000",
                 .minimum = 1,
                 .maximum = kMostGroups,
                 .fallback = 1000});
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
}

}  // namespace wellhead::api
