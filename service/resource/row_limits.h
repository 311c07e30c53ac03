// Limits of what a key sees, kept by PostgreSQL (manual, "Row Security Policies"): a query of a limited key runs as the
// role wellhead_limited, and the policies of the tables let that role see the rows of patients of its zip codes alone.
// The tables' owner, as whom everything else runs, is not subject to policies.
//
// A patient is of a zip code if any load of that zip code has found it.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "library/storage/postgres/connection.h"
#include "library/webserver/http.h"
#include "service/resource/resource_table.h"

namespace wellhead::resource {

inline constexpr std::string_view kLimitedRole = "wellhead_limited";

// Puts the policies on the tables, makes the role where this user may, and lets it read. All or nothing; without
// anything to do it only reads. After ensure_tables(). Without the right to make roles only the role is left out.
void ensure_row_limits(storage::Connection& connection, std::span<const ResourceTable* const> tables);

// Error{database_refused} when queries of limited keys could not run; says what an administrator has to do.
void require_limited_role(storage::Connection& connection);

// What a query of the principal has to be run with; empty when it is not limited.
storage::LocalSettings row_limits(const webserver::Principal& principal);

storage::LocalSettings row_limits(const webserver::Request& request);

// The connection that a request reads through, as whoever it is from may.
class Reading {
 public:
  Reading(storage::AsyncConnections& connections, const webserver::Request& request);
  // On a connection in whose transaction the limits, if there are any, hold already.
  explicit Reading(storage::AsyncConnection& connection) : connection_(&connection) {}

  bool limited() const { return !limits_.empty(); }
  storage::AsyncConnection::Query query(const storage::Statement& statement,
                                        std::vector<storage::Value> parameters = {}) {
    return connection_->query(statement, std::move(parameters), limits_);
  }

 private:
  storage::AsyncConnection* connection_;
  storage::LocalSettings limits_;
};

}  // namespace wellhead::resource
