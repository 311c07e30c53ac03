#include "service/resource/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "service/resource/table_sql.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::KeyKind;
using converter::View;
using meta::Error;
using meta::ErrorCode;
using storage::Connection;

// What the version rule looks for (docs/design/loading.md).
constexpr std::string_view kLastUpdated = "last_updated";
constexpr std::string_view kVersion = "version_id";

const Column* find_key(const View& view, KeyKind kind) {
  const auto found = std::ranges::find(view.columns(), kind, &Column::key);
  return found == view.columns().end() ? nullptr : &*found;
}

std::string name_if_there(const View& view, std::string_view name, std::string_view sql_type) {
  const bool there = std::ranges::any_of(
      view.columns(), [&](const Column& column) { return column.name == name && column.sql_type == sql_type; });
  return there ? std::string(name) : std::string();
}

void check_names(const View& view) {
  for (const auto& column : view.columns()) {
    if (is_reserved(column.name)) {
      throw Error(ErrorCode::invalid_view,
                  fmt::format("view {}: Wellhead itself adds a column {}", view.name(), column.name),
                  "Give the view's column another name");
    }
  }
}

std::vector<std::string> column_names(const View& view) {
  std::vector<std::string> names;
  for (const auto& column : view.columns()) names.push_back(column.name);
  return names;
}

struct ExistingColumn {
  std::string name;
  std::string type;
};

struct ExistingTable {
  std::vector<ExistingColumn> columns;  // empty: there is no such table
  bool applied = false;                 // made by ensure_tables()
  bool current = false;                 // by just this view
};

ExistingTable read_table(Connection& connection, const View& view) {
  ExistingTable table;
  const auto applied =
      connection.query("SELECT view_digest = $2 AND columns = $3::jsonb FROM applied_view WHERE table_name = $1",
                       {view.name(), view.digest(), columns_json(view)});
  table.applied = !applied.empty();
  table.current = table.applied && applied.boolean(0, 0);
  const auto columns = connection.query(
      "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute "
      "WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
      {storage::quote_identifier(view.name())});
  for (int row = 0; row < columns.rows(); ++row) {
    table.columns.push_back({std::string(columns.text(row, 0)), std::string(columns.text(row, 1))});
  }
  table.current = table.current && !table.columns.empty();
  return table;
}

[[noreturn]] void refuse(const View& view, std::string_view why, std::string_view advice) {
  throw Error(ErrorCode::conflict, fmt::format("table {} cannot follow its view: {}", view.name(), why),
              std::string(advice));
}

// The type as PostgreSQL itself writes it (timestamptz is "timestamp with time zone").
std::string canonical_type(Connection& connection, const std::string& type) {
  return std::string(connection.query("SELECT format_type($1::regtype, NULL)", {type}).text(0, 0));
}

void check_not_lossy(Connection& connection, const View& view, const ExistingTable& table) {
  if (!table.applied) {
    refuse(view, "a table of that name is there and was not made by Wellhead",
           "Rename that table, or give Wellhead a database or schema of its own");
  }
  for (const auto& existing : table.columns) {
    if (is_reserved(existing.name)) continue;
    const auto wanted = std::ranges::find(view.columns(), existing.name, &Column::name);
    if (wanted == view.columns().end()) {
      refuse(view, fmt::format("column {} is not in it any more", existing.name),
             fmt::format("Put the column back into the view, or give up its data: ALTER TABLE {} DROP COLUMN {}",
                         storage::quote_identifier(view.name()), storage::quote_identifier(existing.name)));
    }
    const auto type = canonical_type(connection, wanted->sql_type);
    if (type != existing.type) {
      refuse(view, fmt::format("column {} is {} and the view makes it {}", existing.name, existing.type, type),
             "Give the column another name in the view, or drop the table and load again");
    }
  }
}

void check_key(Connection& connection, const View& view) {
  const auto keys = connection.query(
      "SELECT coalesce(string_agg(a.attname, ','), '') FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid "
      "AND "
      "a.attnum = ANY (i.indkey) WHERE i.indisprimary AND i.indrelid = $1::regclass",
      {storage::quote_identifier(view.name())});
  const auto* primary = find_key(view, KeyKind::primary);
  const std::string wanted = primary == nullptr ? "" : primary->name;
  if (keys.text(0, 0) != wanted) {
    refuse(view, fmt::format("its primary key is '{}' and the view makes it '{}'", keys.text(0, 0), wanted),
           "Drop the table and load again");
  }
}

TableChange apply(Connection& connection, const View& view, const ExistingTable& table) {
  TableChange change{.table = view.name()};
  if (table.columns.empty()) {
    connection.execute(create_table_sql(view));
    change.created = true;
  } else {
    check_not_lossy(connection, view, table);
    check_key(connection, view);
    for (const auto& column : view.columns()) {
      if (std::ranges::find(table.columns, column.name, &ExistingColumn::name) != table.columns.end()) continue;
      connection.execute(add_column_sql(view, column));
      change.added_columns.push_back(column.name);
    }
  }
  connection.execute(indexes_sql(view) + comments_sql(view));
  connection.query(
      "INSERT INTO applied_view (table_name, view_digest, columns) VALUES ($1, $2, $3::jsonb) ON CONFLICT (table_name) "
      "DO UPDATE SET view_digest = EXCLUDED.view_digest, columns = EXCLUDED.columns, applied_at = now()",
      {view.name(), view.digest(), columns_json(view)});
  return change;
}

}  // namespace

storage::TargetTable target_table(const View& view) {
  check_names(view);
  const auto* key = find_key(view, KeyKind::primary);
  if (key == nullptr) {
    throw Error(ErrorCode::invalid_view, fmt::format("view {} has no column tagged wellhead/key primary", view.name()));
  }
  return {.name = view.name(),
          .columns = column_names(view),
          .key = key->name,
          .last_updated = name_if_there(view, kLastUpdated, "timestamptz"),
          .version = name_if_there(view, kVersion, "text"),
          .parent_table = "",
          .parent_key = ""};
}

storage::TargetTable child_table(const View& view, const View& parent) {
  check_names(view);
  const auto* key = find_key(view, KeyKind::parent);
  if (key == nullptr) {
    throw Error(ErrorCode::invalid_view, fmt::format("view {} has no column tagged wellhead/key parent", view.name()));
  }
  return {.name = view.name(),
          .columns = column_names(view),
          .key = "",
          .last_updated = "",
          .version = "",
          .parent_table = parent.name(),
          .parent_key = key->name};
}

std::vector<TableChange> ensure_tables(Connection& connection, std::span<const View> views) {
  const auto current = [&](const View& view) { return read_table(connection, view).current; };
  if (std::ranges::all_of(views, current)) return {};
  const storage::SchemaLock lock(connection);
  storage::Transaction transaction(connection);
  std::vector<TableChange> changes;
  for (const auto& view : views) {
    check_names(view);
    const auto table = read_table(connection, view);
    if (!table.current) changes.push_back(apply(connection, view, table));
  }
  transaction.commit("tables");
  return changes;
}

}  // namespace wellhead::resource
