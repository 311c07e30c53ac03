// GET /audit: the audit trail, the latest first, for admins.
#pragma once

#include "library/storage/postgres/async_connection.h"
#include "library/webserver/route.h"

namespace wellhead::access {

// connections must outlive the routes.
void add_audit_routes(storage::AsyncConnections& connections, webserver::RouteTable& table);

}  // namespace wellhead::access
