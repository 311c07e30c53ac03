#include "service/resource/list_query.h"

#include <algorithm>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::FilterKind;
using converter::KeyKind;
using storage::quote_identifier;

std::string column(std::string_view name) { return "t." + quote_identifier(name); }

std::string parameter(int number) { return "$" + std::to_string(number); }

std::string select_list(const std::vector<Column>& columns) {
  std::string out;
  for (const Column& shown : columns) out.append(out.empty() ? "" : ", ").append(column(shown.name));
  return out;
}

const std::string& key_of_kind(const ApiTable& table, KeyKind kind) {
  const auto found = std::ranges::find(table.columns, kind, &Column::key);
  if (found == table.columns.end()) {
    throw meta::Error(meta::ErrorCode::invalid_view, "the view " + table.name + " has no key column for the API");
  }
  return found->name;
}

// Between the prefix and the last text that begins with it. Compares bytes, as the index (text_pattern_ops) does, and
// unlike LIKE needs no value to be planned. chr(1114111) is the last code point.
std::string prefix_condition(std::string_view name, const std::string& value) {
  const std::string lowered = "lower(" + column(name) + ")";
  return lowered + " ~>=~ lower(" + value + ") AND " + lowered + " ~<~ (lower(" + value + ") || chr(1114111))";
}

// The run that the latest complete load of one of the patient's zip codes had, if it found the patient: what that run
// did not see is no longer found. 0 if none of those zip codes was loaded completely, NULL if the patient itself is
// gone.
std::string visible_from(const std::string& patient) {
  return "(SELECT max(coalesce(z.last_complete_run, 0)) FROM zipcode_patient zp LEFT JOIN zipcode z ON z.zipcode = "
         "zp.zipcode WHERE zp.patient_id = " +
         patient +
         " AND (z.last_complete_run IS NULL OR z.last_complete_run BETWEEN zp.first_seen_run AND zp.last_seen_run))";
}

std::string zipcode_conditions(bool no_longer_found) {
  // 0 stands for: no run was complete yet, everything seen so far counts.
  const std::string as_of = "(SELECT run FROM as_of)";
  return "(" + as_of + " = 0 OR (zp.first_seen_run <= " + as_of +
         (no_longer_found ? "))" : " AND zp.last_seen_run >= " + as_of + "))");
}

Column provenance(std::string name, std::string sql_type, std::string description) {
  Column shown;
  shown.name = std::move(name);
  shown.sql_type = std::move(sql_type);
  shown.description = std::move(description);
  shown.required = true;
  return shown;
}

}  // namespace

const std::string& key_column(const ApiTable& table) { return key_of_kind(table, KeyKind::primary); }

const std::string& parent_column(const ApiTable& table) { return key_of_kind(table, KeyKind::parent); }

std::vector<Column> shown_columns(const ApiTable& table) {
  std::vector<Column> shown;
  std::ranges::copy_if(table.columns, std::back_inserter(shown), [](const Column& c) { return !c.hidden_in_api; });
  shown.push_back(provenance("run_id", "bigint", "The run that last wrote this row."));
  shown.push_back(provenance("last_seen_run", "bigint", "The latest run that received this resource."));
  shown.push_back(provenance("loaded_at", "timestamptz", "When this row was last written."));
  return shown;
}

std::vector<Column> shown_child_columns(const ApiTable& table) {
  std::vector<Column> shown;
  std::ranges::copy_if(table.columns, std::back_inserter(shown),
                       [](const Column& c) { return !c.hidden_in_api && c.key != KeyKind::parent; });
  return shown;
}

std::vector<ListFilter> list_filters(const ResourceApi& api) {
  std::vector<ListFilter> filters;
  for (const Column& filtered : api.table.columns) {
    if (filtered.filter == FilterKind::none || filtered.key == KeyKind::primary) continue;
    const auto note = std::ranges::find(api.filter_notes, filtered.name, &FilterNote::column);
    const bool renamed = note != api.filter_notes.end() && !note->parameter.empty();
    filters.push_back({renamed ? note->parameter : filtered.name, filtered.name, filtered.filter});
  }
  return filters;
}

std::string list_sql(const ResourceApi& api, const std::vector<ListFilter>& filters, const ListShape& shape) {
  int next = 1;
  std::vector<std::string> conditions;
  std::string patient = column(api.patient_column);
  for (std::size_t i = 0; i < filters.size(); ++i) {
    if (!shape.filters.at(i)) continue;
    const std::string value = parameter(next++);
    if (filters[i].kind == FilterKind::prefix) {
      conditions.push_back(prefix_condition(filters[i].column, value));
    } else {
      conditions.push_back(column(filters[i].column) + " = " + value);
      // Known beforehand: what is visible of this patient is then asked once, not for each row.
      if (filters[i].column == api.patient_column) patient = value + "::text";
    }
  }
  const std::string key = column(key_column(api.table));
  std::string order = key;
  std::string sql;
  std::string from = quote_identifier(api.table.name) + " t";
  std::string select = select_list(shown_columns(api.table));
  if (shape.zipcode) {
    const std::string zipcode = parameter(next++);
    sql = "WITH as_of AS MATERIALIZED (SELECT coalesce(" + parameter(next++) +
          "::bigint, (SELECT last_complete_run FROM zipcode WHERE zipcode = " + zipcode + "), 0) AS run) ";
    from = "zipcode_patient zp JOIN " + from + " ON " + column(api.patient_column) + " = zp.patient_id";
    select += ", (SELECT run FROM as_of) AS as_of";
    conditions.push_back("zp.zipcode = " + zipcode);
    conditions.push_back(zipcode_conditions(shape.no_longer_found));
    // The same order, by the index that the zip code is found with.
    if (api.patient_column == key_column(api.table)) order = "zp.patient_id";
  } else if (!shape.no_longer_found) {
    conditions.push_back("t.last_seen_run >= " + visible_from(patient));
  }
  if (shape.cursor) conditions.push_back(order + " > " + parameter(next++));
  sql += "SELECT " + select + " FROM " + from;
  for (std::size_t i = 0; i < conditions.size(); ++i) sql += (i == 0 ? " WHERE " : " AND ") + conditions[i];
  return sql + " ORDER BY " + order + " LIMIT " + parameter(next) + "::bigint";
}

std::string one_sql(const ResourceApi& api) {
  return "SELECT " + select_list(shown_columns(api.table)) + " FROM " + quote_identifier(api.table.name) + " t WHERE " +
         column(key_column(api.table)) + " = $1";
}

std::string embedded_sql(const EmbeddedTable& embedded) {
  const std::string parent = column(parent_column(embedded.table));
  std::string sql = "SELECT " + parent + ", " + select_list(shown_child_columns(embedded.table)) + " FROM " +
                    quote_identifier(embedded.table.name) + " t WHERE " + parent + " = ANY($1::text[]) ORDER BY " +
                    parent;
  for (const std::string& by : embedded.order_by) sql += ", " + column(by);
  return sql;
}

const storage::Statement& ListStatements::get(const ListShape& shape) {
  const std::scoped_lock lock(mutex_);
  auto& statement = statements_[shape];
  if (!statement) statement = std::make_unique<storage::Statement>(list_sql(api_, filters_, shape));
  return *statement;
}

}  // namespace wellhead::resource
