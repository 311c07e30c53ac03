#include "service/api/routes.h"

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "service/access/audit_routes.h"
#include "service/observation/routes.h"
#include "service/patient/routes.h"
#include "service/resource/routes.h"
#include "service/resource/table_api.h"

namespace wellhead::api {
namespace {

webserver::ApiDescription description() {
  return {.title = "Wellhead",
          .version = "0.1.0",
          .description =
              "Patients and observations of zip codes, loaded from FHIR servers, with the proof of what was loaded.\n\n"
              "Lists are given page by page: follow `next` until it is null. Members without a value are left "
              "out. Numbers are written exactly as they were received; read them as decimals if their last "
              "zeros matter. Moments are RFC 3339 in UTC. Errors are `application/problem+json` and name the "
              "field that is wrong.\n\n"
              "Filters have one grammar. Of texts a value is given as it is. Of dates, moments and numbers an operator "
              "may stand in front of it: `ne`, `lt`, `le`, `gt`, `ge`, or `eq`, which may be left out; a date may lack "
              "its day or month, and is the whole of it then. A filter that is given again: any of the values, and all "
              "of the bounds, so that `effective=ge2024&effective=lt2025` is a year. Rows without a value are left out "
              "by every filter.",
          .tags = {{"Zip codes", "Ask for a load; what was loaded."},
                   {"Runs", "How loads go and went, with their receipts; pause, resume, cancel and retry them."},
                   {"Loads", "What loads leave behind: receipts and rejects; and what is loaded again and again."},
                   {"Patients", "Patients as they were loaded."},
                   {"Observations", "Observations with their components."},
                   {"Tables", "Resources of other types, and tables of views of your own."},
                   {"Statistics", "Counts, for charts."},
                   {"Audit", "Who read what."},
                   {"Health", "For what watches this server."}},
          .version_path = "/v1"};
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_standard(const resource::ResourceTable& table) {
  return table.name() == "patient" || table.name() == "observation";
}

std::vector<std::string> parts_of(const RouteDependencies& dependencies) {
  std::vector<std::string> parts = {"loads", "stats", "patients", "observations"};
  for (const auto* table : dependencies.tables) {
    if (!is_standard(*table)) parts.push_back(table->name());
  }
  return parts;
}

void check_parts(const RouteDependencies& dependencies) {
  const std::vector<std::string> parts = parts_of(dependencies);
  for (const std::string& wanted : dependencies.only) {
    if (has(parts, wanted)) continue;
    std::string known;
    for (const std::string& part : parts) known.append(known.empty() ? "" : ", ").append(part);
    throw meta::Error(meta::ErrorCode::invalid_setting, "the API has no part '" + wanted + "'", "There are: " + known);
  }
}

std::vector<std::string> loadable(const RouteDependencies& dependencies) {
  std::vector<std::string> names = {"patient", "observation"};
  for (const auto* table : dependencies.tables) {
    if (table->built_in() && !is_standard(*table)) names.push_back(table->name());
  }
  return names;
}

}  // namespace

std::unique_ptr<webserver::RouteTable> make_routes(const RouteDependencies& dependencies) {
  check_parts(dependencies);
  const auto wanted = [&](std::string_view part) { return dependencies.only.empty() || has(dependencies.only, part); };
  auto table = std::make_unique<webserver::RouteTable>(description());
  const resource::ResourceServices services{dependencies.connections, dependencies.exports, dependencies.pool,
                                            dependencies.blobs, dependencies.pseudonyms};
  if (wanted("loads")) {
    zipcode::add_routes(dependencies.runs, dependencies.connections, dependencies.pool, dependencies.idempotency,
                        loadable(dependencies), *table);
  }
  for (auto api : {patient::patient_api(), observation::observation_api()}) {
    if (!wanted(api.table.name + "s")) continue;
    for (const auto* other : dependencies.tables) {
      if (other->name() == api.table.name) resource::add_users_parts(*other, api);
    }
    resource::add_routes(api, services, *table);
  }
  for (const auto* other : dependencies.tables) {
    if (!is_standard(*other) && wanted(other->name())) {
      resource::add_routes(resource::table_api(*other), services, *table);
    }
  }
  if (wanted("stats")) add_stats_routes(services, dependencies.small_counts, *table);
  if (wanted("loads")) {
    erasure::add_erasure_routes(dependencies.eraser, dependencies.pool, *table);
    access::add_audit_routes(dependencies.connections, *table);
  }
  add_health_routes(dependencies.connections, dependencies.pool, {}, *table);
  add_metrics_route(dependencies.connections, *table);
  const bool whole = wanted("loads") && wanted("stats") && wanted("patients") && wanted("observations");
  add_dashboard_routes(whole, *table);
  add_docs_routes(*table);
  return table;
}

std::unique_ptr<webserver::RouteTable> make_monitoring_routes(storage::AsyncConnections& connections,
                                                              webserver::BlockingPool& pool,
                                                              LookForProblem look_for_problem) {
  auto table = std::make_unique<webserver::RouteTable>(description());
  add_health_routes(connections, pool, std::move(look_for_problem), *table);
  add_metrics_route(connections, *table);
  return table;
}

}  // namespace wellhead::api
