// All routes of the REST API in one table, and what only the API itself has: health, the OpenAPI document, its page.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/route.h"
#include "library/webserver/server.h"
#include "service/erasure/erasure_routes.h"
#include "service/resource/resource_table.h"
#include "service/zipcode/routes.h"

namespace wellhead::api {

// What the routes read through and call; must outlive the table.
struct RouteDependencies {
  zipcode::RunOperations* runs = nullptr;
  storage::AsyncConnections& connections;
  webserver::BlockingPool& pool;
  std::vector<const resource::ResourceTable*> tables = {};  // besides patients and observations
  erasure::ErasureOperations* eraser = nullptr;
};

std::unique_ptr<webserver::RouteTable> make_routes(RouteDependencies dependencies);
// Health and metrics alone.
std::unique_ptr<webserver::RouteTable> make_monitoring_routes(storage::AsyncConnections& connections);

// GET /health/live and /health/ready.
void add_health_routes(storage::AsyncConnections& connections, webserver::RouteTable& table);
// GET /metrics.
void add_metrics_route(webserver::RouteTable& table);
// For webserver::ServerOptions::on_request.
void count_request(const webserver::RequestRecord& record);
// GET / (to the docs), /docs, its files, and /openapi.json. Call when all others are in the table.
void add_docs_routes(webserver::RouteTable& table);

}  // namespace wellhead::api
