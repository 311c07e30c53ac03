// The numbered migrations that make Wellhead's own tables: migrations/NNNN_name.sql, built into the binary. (The
// resources' tables come from their views: service/resource/table.h.)
//
// All calls block. Errors: Error{database_version} for a server before PostgreSQL 15, a schema newer than this binary,
// or an applied migration whose text has changed since; Error{database_refused} when the user may not create tables.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

struct Migration {
  int version = 0;        // 1, 2, 3 … without a gap
  std::string_view name;  // 0001_load
  std::string_view sql;   // one transaction
};

// Those built into this binary, in order.
std::span<const Migration> known_migrations();

// Applies what is missing, each in its own transaction, and says which (empty: nothing was missing). Processes that
// migrate at once wait for each other. After an error the migrations before the one that failed are kept.
std::vector<Migration> migrate(Connection& connection, std::span<const Migration> migrations = known_migrations());

// What the schema needs, without changing it; throws what migrate() would for a server or schema that it refuses.
struct SchemaState {
  int version = 0;        // the newest applied migration; 0: none
  int known_version = 0;  // the newest in this binary
  bool current() const { return version == known_version; }
};
SchemaState schema_state(Connection& connection, std::span<const Migration> migrations = known_migrations());

// MERGE came with PostgreSQL 15. server_version as libpq gives it (150004); where: for the message.
void require_supported_server(int server_version, std::string_view where);

// Who changes the schema holds this lock; others wait. Not for use inside a transaction that may have failed.
class SchemaLock {
 public:
  explicit SchemaLock(Connection& connection);
  ~SchemaLock();
  SchemaLock(const SchemaLock&) = delete;
  SchemaLock& operator=(const SchemaLock&) = delete;

 private:
  Connection& connection_;
};

}  // namespace wellhead::storage
