#include "service/resource/row_limits.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "service/resource/table.h"

namespace wellhead::resource {
namespace {

using storage::Connection;
using storage::quote_identifier;

constexpr std::string_view kPrefixes = "wellhead.zip_prefixes";

// The setting is read once a query. It is an error where it is not set: nothing is shown by mistake.
constexpr std::string_view kOwnZipcode =
    "zipcode ^@ ANY ((SELECT current_setting('wellhead.zip_prefixes')::text[])::text[])";
// What the other table's own policy lets the role see.
constexpr std::string_view kOwnRun = "EXISTS (SELECT FROM run r WHERE r.run_id = {0}.run_id)";
constexpr std::string_view kOwnPatient = "EXISTS (SELECT FROM zipcode_patient zp WHERE zp.patient_id = {0}.{1})";
constexpr std::string_view kOwnParent = "EXISTS (SELECT FROM {2} p WHERE p.{3} = {0}.{1})";

// {0}: table, {1}: what the limited role sees.
constexpr std::string_view kPolicy = R"(
ALTER TABLE {0} ENABLE ROW LEVEL SECURITY;
DROP POLICY IF EXISTS wellhead_limits ON {0};
CREATE POLICY wellhead_limits ON {0} USING (current_user <> 'wellhead_limited' OR {1});
)";

// Another database of the server may be at it, too.
constexpr std::string_view kMakeRole = R"(
DO $$ BEGIN
  CREATE ROLE wellhead_limited NOLOGIN;
EXCEPTION WHEN duplicate_object OR unique_violation OR insufficient_privilege THEN NULL;
END $$)";
// A superuser is a member of every role.
constexpr std::string_view kJoinRole = R"(
DO $$ BEGIN
  IF NOT pg_has_role(current_user, 'wellhead_limited', 'MEMBER') THEN GRANT wellhead_limited TO CURRENT_USER; END IF;
EXCEPTION WHEN insufficient_privilege THEN NULL;
END $$)";

constexpr std::string_view kMissing = R"(
SELECT wanted.name FROM unnest($1::text[]) AS wanted (name) JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name))
 WHERE NOT c.relrowsecurity
    OR NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'wellhead_limits'))";
constexpr std::string_view kNotGranted = R"(
SELECT 1 FROM unnest($1::text[]) AS wanted (name) JOIN pg_class c ON c.oid = to_regclass(quote_ident(wanted.name))
  JOIN pg_roles r ON r.rolname = 'wellhead_limited'
 WHERE NOT has_table_privilege(r.oid, c.oid, 'SELECT') LIMIT 1)";
constexpr std::string_view kRole =
    "SELECT coalesce((SELECT pg_has_role(current_user, oid, 'MEMBER') FROM pg_roles WHERE rolname = "
    "'wellhead_limited'), false), current_user";

struct Policy {
  std::string table;
  std::string condition;
};

std::vector<Policy> own_policies() {
  std::vector<Policy> policies;
  for (const auto* table : {"zipcode", "zipcode_patient", "run"}) policies.push_back({table, std::string(kOwnZipcode)});
  for (const auto* table : {"receipt", "staged_batch", "load_ledger", "reject"}) {
    policies.push_back({table, fmt::format(fmt::runtime(kOwnRun), table)});
  }
  return policies;
}

std::vector<Policy> policies_of(std::span<const ResourceTable* const> tables) {
  std::vector<Policy> policies = own_policies();
  for (const ResourceTable* table : tables) {
    const auto name = quote_identifier(table->name());
    policies.push_back(
        {table->name(), fmt::format(fmt::runtime(kOwnPatient), name, quote_identifier(table->patient_column))});
    const auto targets = table->targets();
    for (const auto& part : targets) {
      if (part.parent_key.empty()) continue;
      policies.push_back(
          {part.name, fmt::format(fmt::runtime(kOwnParent), quote_identifier(part.name),
                                  quote_identifier(part.parent_key), name, quote_identifier(targets.front().key))});
    }
  }
  return policies;
}

void apply(Connection& connection, const std::vector<Policy>& policies) {
  const auto schema = quote_identifier(connection.query("SELECT current_schema()").text(0, 0));
  connection.execute(kMakeRole);
  for (const auto& [table, condition] : policies) {
    connection.execute(fmt::format(fmt::runtime(kPolicy), quote_identifier(table), condition));
  }
  if (connection.query("SELECT 1 FROM pg_roles WHERE rolname = $1", {kLimitedRole}).empty()) return;
  connection.execute(kJoinRole);
  connection.execute(fmt::format("GRANT USAGE ON SCHEMA {} TO {}", schema, kLimitedRole));
  for (const auto& policy : policies) {
    connection.execute(fmt::format("GRANT SELECT ON {} TO {}", quote_identifier(policy.table), kLimitedRole));
  }
}

storage::AsyncConnection& connection_of(storage::AsyncConnections& connections, const webserver::Request& request) {
  const std::size_t worker = request.worker->index();
  // What de-identifies takes longer: nobody else waits for it.
  const bool limited =
      request.principal && (request.principal->limited() || request.principal->role == webserver::Role::deidentified);
  return limited ? connections.limited_at(worker) : connections.at(worker);
}

}  // namespace

void ensure_row_limits(Connection& connection, std::span<const ResourceTable* const> tables) {
  const auto policies = policies_of(tables);
  std::vector<std::string> names;
  names.reserve(policies.size());
  for (const auto& policy : policies) names.push_back(policy.table);
  const auto list = storage::array_literal(names);
  const auto current = [&] {
    return connection.query(kMissing, {list}).empty() && connection.query(kNotGranted, {list}).empty();
  };
  if (current()) return;
  const storage::SchemaLock lock(connection);
  if (current()) return;
  storage::Transaction transaction(connection);
  apply(connection, policies);
  transaction.commit("row_limits");
}

void require_limited_role(Connection& connection) {
  const auto role = connection.query(kRole);
  if (role.boolean(0, 0)) return;
  throw meta::Error(meta::ErrorCode::database_refused,
                    fmt::format("{}: the role {}, as which queries of limited keys run, is not there for user {}",
                                connection.where(), kLimitedRole, role.text(0, 1)),
                    fmt::format("As an administrator run: CREATE ROLE {0} NOLOGIN; GRANT {0} TO {1}; then `wellhead "
                                "migrate`",
                                kLimitedRole, quote_identifier(role.text(0, 1))));
}

storage::LocalSettings row_limits(const webserver::Principal& principal) {
  if (!principal.limited()) return {};
  return {{"role", std::string(kLimitedRole)},
          {std::string(kPrefixes), storage::array_literal(principal.zip_prefixes)}};
}

storage::LocalSettings row_limits(const webserver::Request& request) {
  return request.principal ? row_limits(*request.principal) : storage::LocalSettings();
}

Reading::Reading(storage::AsyncConnections& connections, const webserver::Request& request)
    : connection_(&connection_of(connections, request)), limits_(row_limits(request)) {}

}  // namespace wellhead::resource
