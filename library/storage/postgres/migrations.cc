#include "library/storage/postgres/migrations.h"

#include <fmt/format.h>

#include <algorithm>

#include "library/meta/digest.h"
#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr int kOldestServer = 150000;
// "well" and "schm": an advisory lock's number has no meaning but must be ours alone.
constexpr std::int64_t kSchemaLock = 0x77656c6c7363686d;

constexpr std::string_view kMakeList = R"(
CREATE TABLE IF NOT EXISTS schema_migration (
  version     integer PRIMARY KEY,
  name        text NOT NULL,
  digest      text NOT NULL,
  applied_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schema_migration IS 'The migrations that made Wellhead''s own tables, with the SHA-256 of each.')";

struct Applied {
  int version = 0;
  std::string name;
  std::string digest;
};

std::vector<Applied> applied_migrations(Connection& connection) {
  if (connection.query("SELECT to_regclass('schema_migration')").is_null(0, 0)) return {};
  const auto rows = connection.query("SELECT version, name, digest FROM schema_migration ORDER BY version");
  std::vector<Applied> applied;
  for (int row = 0; row < rows.rows(); ++row) {
    applied.push_back(
        {static_cast<int>(rows.integer(row, 0)), std::string(rows.text(row, 1)), std::string(rows.text(row, 2))});
  }
  return applied;
}

void check_applied(const Connection& connection, std::span<const Applied> applied,
                   std::span<const Migration> migrations) {
  for (const auto& found : applied) {
    const auto known = std::ranges::find(migrations, found.version, &Migration::version);
    if (known == migrations.end()) {
      throw Error(ErrorCode::database_version,
                  fmt::format("{} has schema version {}, this wellhead knows only up to {}", connection.where(),
                              applied.back().version, migrations.empty() ? 0 : migrations.back().version),
                  "Use the newer wellhead that made it, or another database");
    }
    if (meta::sha256_hex(known->sql) != found.digest) {
      throw Error(
          ErrorCode::database_version,
          fmt::format("migration {} of {} is not the one this wellhead has", found.name, connection.where()),
          "Use the wellhead that made the schema, or another database; an applied migration must not be edited");
    }
  }
}

void require_create_permission(Connection& connection) {
  const auto facts = connection.query(
      "SELECT current_schema(), current_user, current_database(), "
      "coalesce(has_schema_privilege(current_schema(), 'CREATE'), false)");
  if (facts.boolean(0, 3)) return;
  const auto user = quote_identifier(facts.text(0, 1));
  if (facts.is_null(0, 0)) {
    throw Error(ErrorCode::database_refused,
                fmt::format("{}: no schema that user {} may use is in the search path", connection.where(), user),
                fmt::format("As an administrator run: GRANT USAGE, CREATE ON SCHEMA public TO {}", user));
  }
  throw Error(ErrorCode::database_refused,
              fmt::format("{}: user {} may not create tables in schema {}", connection.where(), user, facts.text(0, 0)),
              fmt::format("As an administrator run: GRANT CREATE ON SCHEMA {} TO {}",
                          quote_identifier(facts.text(0, 0)), user));
}

void apply(Connection& connection, const Migration& migration) {
  Transaction transaction(connection);
  connection.execute(migration.sql);
  connection.query("INSERT INTO schema_migration (version, name, digest) VALUES ($1, $2, $3)",
                   {migration.version, migration.name, meta::sha256_hex(migration.sql)});
  transaction.commit("migration");
}

}  // namespace

void require_supported_server(int server_version, std::string_view where) {
  if (server_version >= kOldestServer) return;
  throw Error(ErrorCode::database_version,
              fmt::format("{} is PostgreSQL {}, and Wellhead needs {} or later", where, server_version / 10000,
                          kOldestServer / 10000),
              "Upgrade the server, or unset WELLHEAD_DATABASE_URL to use a cluster of Wellhead's own");
}

std::vector<Migration> migrate(Connection& connection, std::span<const Migration> migrations) {
  require_supported_server(connection.server_version(), connection.where());
  const SchemaLock lock(connection);
  const auto applied = applied_migrations(connection);
  check_applied(connection, applied, migrations);
  std::vector<Migration> done;
  for (const auto& migration : migrations) {
    if (std::ranges::find(applied, migration.version, &Applied::version) != applied.end()) continue;
    if (done.empty()) {
      require_create_permission(connection);
      connection.execute(kMakeList);
    }
    apply(connection, migration);
    done.push_back(migration);
  }
  return done;
}

SchemaState schema_state(Connection& connection, std::span<const Migration> migrations) {
  require_supported_server(connection.server_version(), connection.where());
  const auto applied = applied_migrations(connection);
  check_applied(connection, applied, migrations);
  return {.version = applied.empty() ? 0 : applied.back().version,
          .known_version = migrations.empty() ? 0 : migrations.back().version};
}

SchemaLock::SchemaLock(Connection& connection) : connection_(connection) {
  connection_.query("SELECT pg_advisory_lock($1)", {kSchemaLock});
}

SchemaLock::~SchemaLock() {
  try {
    connection_.query("SELECT pg_advisory_unlock($1)", {kSchemaLock});
  } catch (const Error&) {  // the connection is gone, and its lock with it
  }
}

}  // namespace wellhead::storage
