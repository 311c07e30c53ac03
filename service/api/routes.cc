#include "service/api/routes.h"

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
              "field that is wrong.",
          .tags = {{"Zip codes", "Ask for a load; what was loaded."},
                   {"Runs", "How loads go and went, with their receipts; pause, resume, cancel and retry them."},
                   {"Patients", "Patients as they were loaded."},
                   {"Observations", "Observations with their components."},
                   {"Tables", "Resources of other types, and tables of views of your own."},
                   {"Audit", "Who read what."},
                   {"Health", "For what watches this server."}}};
}

}  // namespace

std::unique_ptr<webserver::RouteTable> make_routes(RouteDependencies dependencies) {
  auto table = std::make_unique<webserver::RouteTable>(description());
  zipcode::add_routes(dependencies.runs, dependencies.connections, dependencies.pool, *table);
  for (auto api : {patient::patient_api(), observation::observation_api()}) {
    for (const auto* other : dependencies.tables) {
      if (other->name() == api.table.name) resource::add_users_parts(*other, api);
    }
    resource::add_routes(api, dependencies.connections, *table);
  }
  for (const auto* other : dependencies.tables) {
    if (other->name() == "patient" || other->name() == "observation") continue;
    resource::add_routes(resource::table_api(*other), dependencies.connections, *table);
  }
  erasure::add_erasure_routes(dependencies.eraser, dependencies.pool, *table);
  access::add_audit_routes(dependencies.connections, *table);
  add_health_routes(dependencies.connections, *table);
  add_metrics_route(*table);
  add_docs_routes(*table);
  return table;
}

std::unique_ptr<webserver::RouteTable> make_monitoring_routes(storage::AsyncConnections& connections) {
  auto table = std::make_unique<webserver::RouteTable>(description());
  add_health_routes(connections, *table);
  add_metrics_route(*table);
  return table;
}

}  // namespace wellhead::api
