#include "service/resource/served_resource.h"

#include <algorithm>

#include "library/meta/error.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Task;

void append_children(const Children& children, std::string_view parent, std::string& out) {
  const auto found = children.by_parent.find(parent);
  if (found == children.by_parent.end()) return;
  if (out.back() != '{') out.push_back(',');
  append_json_string(children.field, out);
  out.append(":[");
  for (int row = found->second.first; row < found->second.second; ++row) {
    out.append(row == found->second.first ? "{" : ",{");
    children.json->write_members(children.rows, row, 1, out);
    out.push_back('}');
  }
  out.push_back(']');
}

}  // namespace

ServedResource::ServedResource(ResourceApi described, const ResourceServices& given)
    : api(std::move(described)),
      services(given),
      filters(list_filters(api)),
      statements(api),
      one(one_sql(api)),
      raw(raw_sql(api)),
      patient_exists("SELECT 1 FROM patient WHERE id = $1"),
      shown(shown_columns(api.table)),
      rows(shown, services.pseudonyms) {
  const auto key = std::ranges::find(shown, key_column(api.table), &Column::name);
  if (key == shown.end()) {
    throw meta::Error(meta::ErrorCode::invalid_view, "the view " + api.table.name + " hides its key from the API");
  }
  key_index = static_cast<int>(key - shown.begin());
  const auto patient = std::ranges::find(shown, api.patient_column, &Column::name);
  if (patient == shown.end()) {
    throw meta::Error(meta::ErrorCode::invalid_view, "the view " + api.table.name +
                                                         " hides the patient's id from the API, which the audit trail "
                                                         "needs");
  }
  patient_index = static_cast<int>(patient - shown.begin());
  for (const EmbeddedTable& table : api.embedded) {
    embedded.push_back({table.field, std::make_unique<Statement>(embedded_sql(table)),
                        RowJson(shown_child_columns(table.table), services.pseudonyms)});
  }
}

Children::Children(const RowJson& columns, std::string_view name, Result result)
    : json(&columns), field(name), rows(std::move(result)) {
  for (int row = 0; row < rows.rows(); ++row) {
    by_parent.try_emplace(rows.text(row, 0), row, row).first->second.second = row + 1;
  }
}

Task<std::vector<Children>> read_children(ServedResourcePointer resource, Reading* connection, std::string keys,
                                          FieldMask fields) {
  std::vector<Children> children;
  for (std::size_t i = 0; i < resource->embedded.size(); ++i) {
    if (!fields.empty() && !fields.at(resource->shown.size() + i)) continue;
    const ServedResource::Embedded& table = resource->embedded[i];
    std::vector<Value> parameters;
    parameters.emplace_back(keys);
    auto query = connection->query(*table.statement, std::move(parameters));
    Result rows = co_await query;
    children.emplace_back(table.rows, table.field, std::move(rows));
  }
  co_return children;
}

void add_patients(const ServedResource& resource, const Result& rows, int count, std::vector<std::string>& patients) {
  for (int row = 0; row < count; ++row) {
    const std::string_view patient = rows.text(row, resource.patient_index);
    if (!patient.empty() && (patients.empty() || patients.back() != patient)) patients.emplace_back(patient);
  }
}

std::string key_array(const ServedResource& resource, const Result& rows, int count) {
  std::vector<std::string> keys;
  keys.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) keys.emplace_back(rows.text(row, resource.key_index));
  return storage::array_literal(keys);
}

void append_item(const ServedResource& resource, const Result& rows, int row, const std::vector<Children>& children,
                 const FieldMask& fields, std::string& out) {
  out.push_back('{');
  resource.rows.write_members(rows, row, 0, out, fields);
  for (const Children& of : children) append_children(of, rows.text(row, resource.key_index), out);
  out.push_back('}');
}

std::string noun_of(const ResourceApi& api) { return api.noun.empty() ? api.name : api.noun; }

std::string nouns_of(const ResourceApi& api) { return api.nouns.empty() ? api.name + "s" : api.nouns; }

}  // namespace wellhead::resource
