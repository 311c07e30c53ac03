#include "service/api/stats_query.h"

#include <utility>

#include "library/webserver/filters.h"
#include "library/webserver/problem.h"

namespace wellhead::api {
namespace {

using storage::Result;
using storage::Statement;
using webserver::Comparison;
using webserver::Parameter;
using webserver::ParameterType;
using webserver::Request;
using webserver::Task;

// Whom the last complete runs of their zip codes have found, and since which run a row of theirs must have been seen
// (docs/design/api.md, "What a list shows").
constexpr std::string_view kSeenOfStats = R"sql(
WITH seen AS (
  SELECT zp.zipcode, zp.patient_id, max(coalesce(z.last_complete_run, 0)) OVER (PARTITION BY zp.patient_id) AS since
    FROM zipcode_patient zp LEFT JOIN zipcode z ON z.zipcode = zp.zipcode
   WHERE z.last_complete_run IS NULL OR z.last_complete_run BETWEEN zp.first_seen_run AND zp.last_seen_run))sql";

// Bounds alone: a chart has an axis from here to there. (Equality is a bound on both sides.)
std::string stats_moment_condition(std::string_view text, StatsQuery& query) {
  const std::string column = "o.effective_start";
  const auto clause = webserver::parse_clause(webserver::Operand::moment, text);
  if (!clause) throw webserver::InvalidArgument({"effective", clause.error()});
  const auto compared = [&](std::string_view sql_operator, const std::string& value) {
    return column + std::string(sql_operator) + query.next(value) + "::timestamptz";
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

}  // namespace

const std::string_view kPatientsOfStats =
    " JOIN patient p ON p.id = v.patient_id AND p.last_seen_run >= v.since CROSS JOIN LATERAL (SELECT greatest(0, "
    "extract(year FROM age(least(current_date, (p.deceased_at AT TIME ZONE 'UTC')::date), p.birth_date)))::int AS "
    "years) "
    "a";
const std::string_view kObservationsOfStats =
    " JOIN observation o ON o.patient_id = p.id AND o.last_seen_run >= v.since";

std::string StatsQuery::next(std::string value) {
  values.emplace_back(std::move(value));
  return "$" + std::to_string(values.size());
}

std::string stats_any_of(std::string_view column, const std::vector<std::string_view>& texts, StatsQuery& query) {
  const std::vector<std::string> values(texts.begin(), texts.end());
  return std::string(column) + " = ANY(" + query.next(storage::array_literal(values)) + "::text[])";
}

void add_visible(const Request& request, StatsPlaces places, StatsQuery& query) {
  std::string visible = "SELECT DISTINCT ";
  if (places == StatsPlaces::zipcodes) visible += "zipcode, ";
  if (places == StatsPlaces::zip3) visible += "left(zipcode, 3) AS zipcode, ";
  visible += "patient_id, since FROM seen";
  if (request.arguments.has("zipcode")) {
    visible += " WHERE " + stats_any_of("zipcode", request.arguments.all("zipcode"), query);
  }
  query.sql.append(kSeenOfStats).append(", visible AS (").append(visible).append(")");
}

std::string stats_conditions(const Request& request, StatsQuery& query) {
  std::string sql;
  if (request.arguments.has("gender")) {
    sql.append(" AND ").append(stats_any_of("p.gender", request.arguments.all("gender"), query));
  }
  for (const std::string_view text : request.arguments.all("effective")) {
    sql.append(" AND ").append(stats_moment_condition(text, query));
  }
  return sql;
}

Task<Result> read_stats(storage::ExportConnections* exports, StatsQuery query, std::size_t loop,
                        storage::LocalSettings limits) {
  storage::ExportConnections::Lease lease = exports->borrow(loop);
  const Statement statement(std::move(query.sql), Statement::Use::once);
  auto reading = lease->query(statement, std::move(query.values), limits);
  Result rows = co_await reading;
  lease.done();
  co_return rows;
}

std::vector<Parameter> stats_parameters(bool of_observations) {
  std::vector<Parameter> all = {{.name = "zipcode",
                                 .type = ParameterType::zipcode,
                                 .description = "Those of this zip code; given again, of any of them.",
                                 .example = "02139",
                                 .repeatable = true},
                                {.name = "gender",
                                 .description = "Those of this gender; given again, of any of them.",
                                 .example = "female",
                                 .repeatable = true}};
  if (of_observations) {
    all.push_back({.name = "effective",
                   .type = ParameterType::clause,
                   .description =
                       "When they were measured, with an operator in front: ne, lt, le, gt, ge. All that are "
                       "given must hold.",
                   .example = "ge2024&lt2025",
                   .operand = webserver::Operand::moment,
                   .repeatable = true});
  }
  return all;
}

Parameter stats_limit_parameter(std::int64_t most, std::int64_t fallback) {
  return {.name = "limit",
          .type = ParameterType::integer,
          .description = "How many groups at most.",
          .example = std::to_string(fallback),
          .minimum = 1,
          .maximum = most,
          .fallback = fallback};
}

}  // namespace wellhead::api
