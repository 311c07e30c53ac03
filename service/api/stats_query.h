// What the routes of /stats have in common: whom they count, the conditions that a request may give, their parameters.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/postgres/export_connections.h"
#include "library/webserver/route.h"

namespace wellhead::api {

// A statement that is put together, with the values of its parameters.
struct StatsQuery {
  std::string sql;
  std::vector<storage::Value> values;

  // The parameter that the value becomes: $7.
  std::string next(std::string value);
};

// Which places are told apart.
enum class StatsPlaces { together, zip3, zipcodes };

// Begins the statement with the CTE visible: zipcode (of zip3 its first three digits; not if together), patient_id,
// since. Who is in two places stands there once for each.
void add_visible(const webserver::Request& request, StatsPlaces places, StatsQuery& query);
// What may follow FROM visible v: p is the patient (and a.years the age), o the observations.
extern const std::string_view kPatientsOfStats;
extern const std::string_view kObservationsOfStats;
// The conditions that gender and effective are, each with AND before it, for behind a WHERE true.
std::string stats_conditions(const webserver::Request& request, StatsQuery& query);
// column = any of the texts
std::string stats_any_of(std::string_view column, const std::vector<std::string_view>& texts, StatsQuery& query);

// On a connection for long answers, as whoever the request is from may.
webserver::Task<storage::Result> read_stats(storage::ExportConnections* exports, StatsQuery query, std::size_t loop,
                                            storage::LocalSettings limits);

// zipcode, gender, and of observations effective.
std::vector<webserver::Parameter> stats_parameters(bool of_observations);
webserver::Parameter stats_limit_parameter(std::int64_t most, std::int64_t fallback);

// Each puts its schemas into the table. small_counts: codes of fewer patients are left out; the values of one are not
// told at all then, for each of their groups might be of few.
webserver::Route stats_codes_route(storage::ExportConnections& exports, std::int64_t small_counts,
                                   webserver::RouteTable& table);
webserver::Route stats_values_route(storage::ExportConnections& exports, std::int64_t small_counts,
                                    webserver::RouteTable& table);

// The statements of GET /stats/values and /stats/codes; for the test of their plans too.
StatsQuery values_query(const webserver::Request& request);
StatsQuery codes_query(const webserver::Request& request, std::int64_t least);

}  // namespace wellhead::api
