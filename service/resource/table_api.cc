#include "service/resource/table_api.h"

#include <algorithm>

#include "service/resource/row_json.h"

namespace wellhead::resource {
namespace {

using converter::Column;

std::string camel_case(std::string_view name) {
  std::string out;
  bool capital = true;
  for (const char c : name) {
    if (c != '_') out.push_back(capital && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c);
    capital = c == '_';
  }
  return out;
}

// A value of the column's type, as RowJson writes it.
std::string example_of(const Column& column) {
  const std::string_view type = column.sql_type;
  if (type == "boolean") return "true";
  if (type == "integer" || type == "bigint" || type == "smallint") return "7";
  if (type == "numeric") return "7.40";
  if (type == "date") return "\"2026-01-30\"";
  if (type == "timestamptz") return "\"2026-01-30T08:15:00Z\"";
  if (type == "time") return "\"08:15:00\"";
  if (type == "jsonb") return "[\"text\"]";
  return column.key != converter::KeyKind::none || column.name.ends_with("id")
             ? "\"0b1f6f0e-5a52-4f0c-8b6f-0a8f4f6f7a11\""
             : "\"text\"";
}

std::string example_of(const ResourceTable& table) {
  std::string out = "{";
  for (const auto& column : table.view.columns()) {
    if (column.hidden_in_api) continue;
    append_json_string(column.name, out);
    out += ":" + example_of(column) + ",";
  }
  return out + R"("run_id":7,"last_seen_run":9,"loaded_at":"2026-01-31T10:42:05.123456Z"})";
}

}  // namespace

ResourceApi table_api(const ResourceTable& table) {
  ResourceApi api;
  api.table = ApiTable::of(table.view);
  api.name = table.name();
  api.path = "/" + table.name();
  api.tag = "Tables";
  api.patient_column = table.patient_column;
  if (table.built_in()) {
    api.schema = table.resource();
    api.nouns = plural_of_type(table.resource());
    api.noun = api.nouns.substr(0, api.nouns.size() - 1);
    if (api.nouns.ends_with("ies")) api.noun = api.nouns.substr(0, api.nouns.size() - 3) + "y";
  } else {
    // No name of another schema ends like this.
    api.schema = camel_case(table.name()) + "Row";
    api.noun = "row of " + table.name();
    api.nouns = "rows of " + table.name();
    if (api.table.description.empty()) api.table.description = "Rows of the view " + table.name() + ".";
  }
  if (table.resource() != "Patient") api.path_below_patient = "/patients/{id}/" + table.name();
  for (const auto& part : table.parts) api.embedded.push_back({ApiTable::of(part.view), part.view.name(), {}});
  api.example = example_of(table);
  return api;
}

void add_users_parts(const ResourceTable& table, ResourceApi& api) {
  for (const auto& part : table.parts) {
    if (!part.file.empty()) api.embedded.push_back({ApiTable::of(part.view), part.view.name(), {}});
  }
}

}  // namespace wellhead::resource
