#include "service/resource/table_sql.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "library/meta/describe.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::FilterKind;
using converter::KeyKind;
using converter::View;
using storage::quote_identifier;
using storage::quote_literal;

struct OwnColumn {
  std::string_view name;
  std::string_view type;
  std::string_view comment;
};

// Beside the view's columns, in every resource table. None may be indexed: last_seen_run and fetched_at change with
// every load, which is cheap only while no index has to follow (a heap-only tuple update).
constexpr auto kOwnColumns = std::to_array<OwnColumn>({
    {"digest", "uuid NOT NULL", "Digest of the row's values and of its view: equal digests mean equal rows."},
    {"raw_blob_id", "bigint", "The raw blob that holds the resource as received (table raw_blob)."},
    {"raw_frame", "integer", "The zstd frame of that blob, from 0."},
    {"raw_index", "integer", "The line of that frame, from 0."},
    {"run_id", "bigint NOT NULL", "The run that last wrote the row."},
    {"last_seen_run", "bigint NOT NULL", "The latest run that received the resource, changed or not."},
    {"fetched_at", "timestamptz NOT NULL", "When the resource was last received as the row has it."},
    {"loaded_at", "timestamptz NOT NULL DEFAULT now()", "When the row was last written."},
});

// Loading an unchanged zip code again raises last_seen_run of all its rows. Pages that are filled by half hold the new
// versions too: no index follows, the load takes a quarter of the time, and the table ends smaller than one filled
// tightly.
constexpr int kFillfactor = 50;

struct ColumnFacts {
  std::string name, type, description, filter, key;
  static constexpr auto kFields =
      meta::fields(meta::field("name", &ColumnFacts::name), meta::field("type", &ColumnFacts::type),
                   meta::field("description", &ColumnFacts::description), meta::field("filter", &ColumnFacts::filter),
                   meta::field("key", &ColumnFacts::key));
};

// FHIR's ids, codes and URIs are compared by bytes and never sorted for a reader.
constexpr auto kBytewiseTypes =
    std::to_array<std::string_view>({"id", "code", "uri", "url", "canonical", "oid", "uuid"});

bool compares_by_bytes(const Column& column) {
  return column.sql_type == "text" &&
         (column.key != KeyKind::none || std::ranges::find(kBytewiseTypes, column.fhir_type) != kBytewiseTypes.end());
}

std::string column_sql(const Column& column) {
  return fmt::format("{} {}{}", quote_identifier(column.name), column.sql_type,
                     compares_by_bytes(column) ? " COLLATE \"C\"" : "");
}

std::string index_sql(const View& view, const Column& column, std::string_view expression) {
  return fmt::format("CREATE INDEX IF NOT EXISTS {} ON {} ({});\n",
                     quote_identifier(view.name() + "_by_" + column.name), quote_identifier(view.name()), expression);
}

std::string_view to_string(FilterKind kind) {
  switch (kind) {
    case FilterKind::exact:
      return "exact";
    case FilterKind::prefix:
      return "prefix";
    case FilterKind::scan:
      return "scan";
    case FilterKind::none:
      break;
  }
  return "none";
}

std::string_view to_string(KeyKind kind) {
  return kind == KeyKind::primary ? "primary" : kind == KeyKind::parent ? "parent" : "none";
}

}  // namespace

bool is_reserved(std::string_view column) {
  return column == "batch" || std::ranges::find(kOwnColumns, column, &OwnColumn::name) != kOwnColumns.end();
}

std::string columns_json(const View& view) {
  std::vector<ColumnFacts> facts;
  for (const auto& column : view.columns()) {
    facts.push_back({column.name, column.sql_type, column.description, std::string(to_string(column.filter)),
                     std::string(to_string(column.key))});
  }
  return meta::to_json(facts);
}

std::string create_table_sql(const View& view) {
  std::string sql = fmt::format("CREATE TABLE {} (\n", quote_identifier(view.name()));
  for (const auto& column : view.columns()) {
    const bool primary = column.key == KeyKind::primary;
    sql += fmt::format("  {}{},\n", column_sql(column), primary ? " PRIMARY KEY" : column.required ? " NOT NULL" : "");
  }
  for (const auto& column : kOwnColumns) {
    sql += fmt::format("  {} {}{}\n", column.name, column.type, &column == &kOwnColumns.back() ? "" : ",");
  }
  return sql + fmt::format(") WITH (fillfactor = {});\n", kFillfactor);
}

std::string add_column_sql(const View& view, const Column& column) {
  return fmt::format("ALTER TABLE {} ADD COLUMN {};\n", quote_identifier(view.name()), column_sql(column));
}

std::string indexes_sql(const View& view) {
  std::string sql;
  for (const auto& column : view.columns()) {
    const auto name = quote_identifier(column.name);
    if (column.key == KeyKind::primary) continue;
    if (column.filter == FilterKind::prefix) {
      sql += index_sql(view, column, fmt::format("lower({}) text_pattern_ops", name));
    } else if (column.filter == FilterKind::exact || column.key == KeyKind::parent) {
      sql += index_sql(view, column, name);
    }
  }
  return sql;
}

std::string comments_sql(const View& view) {
  const auto table = quote_identifier(view.name());
  auto sql = fmt::format("COMMENT ON TABLE {} IS {};\n", table, quote_literal(view.description()));
  const auto comment = [&](std::string_view column, std::string_view text) {
    sql += fmt::format("COMMENT ON COLUMN {}.{} IS {};\n", table, quote_identifier(column), quote_literal(text));
  };
  for (const auto& column : view.columns()) comment(column.name, column.description);
  for (const auto& column : kOwnColumns) comment(column.name, column.comment);
  return sql;
}

}  // namespace wellhead::resource
