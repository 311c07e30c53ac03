// All routes of the REST API in one table, and what only the API itself has: health, the OpenAPI document, its page.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/async_connection.h"
#include "library/storage/postgres/export_connections.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/idempotency.h"
#include "library/webserver/route.h"
#include "library/webserver/server.h"
#include "service/erasure/erasure_routes.h"
#include "service/resource/resource_table.h"
#include "service/resource/routes.h"
#include "service/zipcode/routes.h"

namespace wellhead::api {

// What the routes read through and call; must outlive the table.
struct RouteDependencies {
  zipcode::RunOperations* runs = nullptr;
  storage::AsyncConnections& connections;
  storage::ExportConnections& exports;
  webserver::BlockingPool& pool;
  storage::BlobStore* blobs = nullptr;
  std::vector<const resource::ResourceTable*> tables = {};  // besides patients and observations
  erasure::ErasureOperations* eraser = nullptr;
  std::vector<std::string> only = {};  // parts of the API; empty: all
  const resource::Pseudonyms* pseudonyms = nullptr;
  std::int64_t small_counts = 0;  // see ServerOptions
  webserver::IdempotencyKeys* idempotency = nullptr;
};

// Parts are loads (zip codes, runs and what belongs to them, erasure, the audit trail), stats, patients, observations,
// and the other tables by their names. Error{invalid_setting}: `only` names something else.
std::unique_ptr<webserver::RouteTable> make_routes(const RouteDependencies& dependencies);
// What a process needs beside its database: empty when it is there, or a sentence for people. May block for some
// seconds.
using LookForProblem = std::function<std::string()>;

// Health and metrics alone. look_for_problem is called on the pool; empty: there is nothing else to look at.
std::unique_ptr<webserver::RouteTable> make_monitoring_routes(storage::AsyncConnections& connections,
                                                              webserver::BlockingPool& pool,
                                                              LookForProblem look_for_problem);

// GET /stats/patients, /stats/observations, /stats/codes and /stats/values.
// small_counts: groups of fewer patients are left out for everybody; for keys of the role deidentified, of fewer than
// 11 in any case.
void add_stats_routes(const resource::ResourceServices& services, std::int64_t small_counts,
                      webserver::RouteTable& table);
// GET /health/live and /health/ready.
void add_health_routes(storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                       LookForProblem look_for_problem, webserver::RouteTable& table);
// GET /metrics.
void add_metrics_route(storage::AsyncConnections& connections, webserver::RouteTable& table);
// For webserver::ServerOptions::on_request.
void count_request(const webserver::RequestRecord& record);
// GET / and /assets/{file}: the dashboard. has_loads: the table has what it shows; without that / leads to the docs.
void add_dashboard_routes(bool has_loads, webserver::RouteTable& table);
// GET /docs, its files, and /openapi.json. Call when all others are in the table.
void add_docs_routes(webserver::RouteTable& table);

}  // namespace wellhead::api
