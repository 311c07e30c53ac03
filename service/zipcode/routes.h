// The routes of zip codes and runs: ask for a load, see what was loaded, how a load goes, and its receipt.
#pragma once

#include <functional>

#include "library/meta/ids.h"
#include "library/storage/postgres/async_connection.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/route.h"
#include "service/zipcode/runs.h"

namespace wellhead::zipcode {

// Queues a load of a zip code, or finds the one under way. May block. A meta::Error it throws becomes the answer.
using StartLoad = std::function<RequestedRun(const meta::Zipcode&)>;

// connections and pool must outlive the routes. start_load empty: POST /zipcodes answers 503.
void add_routes(StartLoad start_load, storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                webserver::RouteTable& table);

}  // namespace wellhead::zipcode
