// The routes of zip codes and runs: ask for a load, see what was loaded, how a load goes, its receipt, rejects and
// schedules; pause, resume, cancel and retry it.
#pragma once

#include <string>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/idempotency.h"
#include "library/webserver/route.h"
#include "service/zipcode/run_operations.h"

namespace wellhead::zipcode {

// All must outlive the routes. operations are called on the pool's threads; null: whatever would change a run answers
// 503, and GET /runs/{id} tells what the tables tell. keys: where Idempotency-Keys are kept; null: requests with one
// are 503. resources: what a load may be asked to load, by names of views.
void add_routes(RunOperations* operations, storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                webserver::IdempotencyKeys* keys, std::vector<std::string> resources, webserver::RouteTable& table);

}  // namespace wellhead::zipcode
