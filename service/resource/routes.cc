#include "service/resource/routes.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "library/meta/error.h"
#include "library/webserver/cursor.h"
#include "library/webserver/problem.h"
#include "service/resource/list_query.h"
#include "service/resource/row_json.h"
#include "service/resource/row_limits.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::FilterKind;
using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;
using webserver::ResponseSpec;
using webserver::Route;
using webserver::Task;

constexpr std::int64_t kDefaultLimit = 50;
constexpr std::int64_t kMaxLimit = 1000;
constexpr std::string_view kIdPattern = "^[A-Za-z0-9\\-.]{1,64}$";

// What the handlers of a resource share; never changes after it is made, but for the statements.
struct Resource {
  Resource(ResourceApi described, storage::AsyncConnections& all)
      : api(std::move(described)),
        connections(all),
        filters(list_filters(api)),
        statements(api),
        one(one_sql(api)),
        patient_exists("SELECT 1 FROM patient WHERE id = $1"),
        shown(shown_columns(api.table)),
        rows(shown) {
    const auto key = std::ranges::find(shown, key_column(api.table), &Column::name);
    if (key == shown.end()) {
      throw meta::Error(meta::ErrorCode::invalid_view, "the view " + api.table.name + " hides its key from the API");
    }
    key_index = static_cast<int>(key - shown.begin());
    const auto patient = std::ranges::find(shown, api.patient_column, &Column::name);
    if (patient == shown.end()) {
      throw meta::Error(meta::ErrorCode::invalid_view, "the view " + api.table.name +
                                                           " hides the patient's id from the API, which the audit "
                                                           "trail needs");
    }
    patient_index = static_cast<int>(patient - shown.begin());
    for (const EmbeddedTable& table : api.embedded) {
      embedded.push_back(
          {table.field, std::make_unique<Statement>(embedded_sql(table)), RowJson(shown_child_columns(table.table))});
    }
  }

  struct Embedded {
    std::string field;
    std::unique_ptr<Statement> statement;
    RowJson rows;
  };

  ResourceApi api;
  storage::AsyncConnections& connections;
  std::vector<ListFilter> filters;
  mutable ListStatements statements;
  Statement one;
  Statement patient_exists;
  std::vector<Column> shown;
  RowJson rows;
  int key_index = 0;
  int patient_index = 0;
  std::vector<Embedded> embedded;
};
using ResourcePointer = std::shared_ptr<const Resource>;

std::string noun_of(const ResourceApi& api) { return api.noun.empty() ? api.name : api.noun; }

// The rows of an embedded table, by parent.
struct Children {
  const RowJson* json = nullptr;
  std::string_view field;
  Result rows;
  std::unordered_map<std::string_view, std::pair<int, int>> by_parent;  // first row and the one after the last

  Children(const RowJson& columns, std::string_view name, Result result)
      : json(&columns), field(name), rows(std::move(result)) {
    for (int row = 0; row < rows.rows(); ++row) {
      by_parent.try_emplace(rows.text(row, 0), row, row).first->second.second = row + 1;
    }
  }
};

void append_children(const Children& children, std::string_view parent, std::string& out) {
  const auto found = children.by_parent.find(parent);
  if (found == children.by_parent.end()) return;
  out.push_back(',');
  append_json_string(children.field, out);
  out.append(":[");
  for (int row = found->second.first; row < found->second.second; ++row) {
    out.append(row == found->second.first ? "{" : ",{");
    children.json->write_members(children.rows, row, 1, out);
    out.push_back('}');
  }
  out.push_back(']');
}

void append_item(const Resource& resource, const Result& rows, int row, const std::vector<Children>& children,
                 std::string& out) {
  out.push_back('{');
  resource.rows.write_members(rows, row, 0, out);
  for (const Children& of : children) append_children(of, rows.text(row, resource.key_index), out);
  out.push_back('}');
}

// The array of the keys of the first `count` rows.
std::string key_array(const Resource& resource, const Result& rows, int count) {
  std::vector<std::string> keys;
  keys.reserve(static_cast<std::size_t>(count));
  for (int row = 0; row < count; ++row) keys.emplace_back(rows.text(row, resource.key_index));
  return storage::array_literal(keys);
}

Task<std::vector<Children>> read_children(ResourcePointer resource, Reading* connection, std::string keys) {
  std::vector<Children> children;
  for (const Resource::Embedded& table : resource->embedded) {
    std::vector<Value> parameters;
    parameters.emplace_back(keys);
    auto query = connection->query(*table.statement, std::move(parameters));
    Result rows = co_await query;
    children.emplace_back(table.rows, table.field, std::move(rows));
  }
  co_return children;
}

// A list as a request asks for it.
struct ListRequest {
  ListShape shape;
  std::vector<Value> parameters;
  std::int64_t limit = kDefaultLimit;
  std::string scope;  // of its cursors
  std::string query;  // of its next page, without the cursor
};

void add_to_query(std::string_view name, std::string_view value, std::string& query) {
  query.append(query.empty() ? "" : "&").append(name).append("=").append(webserver::encode_percent(value));
}

[[noreturn]] void bad_cursor() {
  throw webserver::InvalidArgument({"cursor", "is no cursor of this list with these filters; begin again without it"});
}

// What a filter is given: by its parameter or, below a patient, by the path.
std::optional<std::string_view> filter_value(const Resource& resource, const ListFilter& filter, const Request& request,
                                             bool below_patient) {
  if (below_patient && filter.column == resource.api.patient_column) return request.arguments.text("id");
  return request.arguments.text(filter.parameter);
}

ListRequest read_list_request(const Resource& resource, const Request& request, bool below_patient) {
  ListRequest list;
  list.scope = request.path;
  for (const ListFilter& filter : resource.filters) {
    const auto value = filter_value(resource, filter, request, below_patient);
    list.shape.filters.push_back(value.has_value());
    if (!value) continue;
    list.parameters.emplace_back(*value);
    if (request.arguments.has(filter.parameter)) add_to_query(filter.parameter, *value, list.query);
  }
  const auto zipcode = resource.api.filter_by_zipcode ? request.arguments.text("zipcode") : std::nullopt;
  list.shape.zipcode = zipcode.has_value();
  if (zipcode) add_to_query("zipcode", *zipcode, list.query);
  list.shape.no_longer_found = request.arguments.has("include");
  if (list.shape.no_longer_found) add_to_query("include", *request.arguments.text("include"), list.query);
  list.scope += "?" + list.query;
  list.limit = request.arguments.integer("limit");
  add_to_query("limit", std::to_string(list.limit), list.query);

  std::optional<std::vector<std::string>> position;
  if (const auto cursor = request.arguments.text("cursor")) {
    position = webserver::decode_cursor(list.scope, *cursor);
    if (!position || position->size() != (zipcode ? 2 : 1)) bad_cursor();
  }
  if (zipcode) {
    list.parameters.emplace_back(*zipcode);
    position ? list.parameters.emplace_back(position->at(1)) : list.parameters.emplace_back(nullptr);
  }
  list.shape.cursor = position.has_value();
  if (position) list.parameters.emplace_back(position->at(0));
  list.parameters.emplace_back(list.limit + 1);
  return list;
}

std::string next_page(const Resource& resource, const Request& request, const ListRequest& list, const Result& rows,
                      int last) {
  std::vector<std::string> position = {std::string(rows.text(last, resource.key_index))};
  if (list.shape.zipcode) position.emplace_back(rows.text(last, static_cast<int>(resource.shown.size())));
  return request.path + "?" + list.query + "&cursor=" + webserver::encode_cursor(list.scope, position);
}

// For the audit trail. Rows of one patient mostly follow each other.
void add_patients(const Resource& resource, const Result& rows, int count, std::vector<std::string>& patients) {
  for (int row = 0; row < count; ++row) {
    const std::string_view patient = rows.text(row, resource.patient_index);
    if (!patient.empty() && (patients.empty() || patients.back() != patient)) patients.emplace_back(patient);
  }
}

Response list_response(const Resource& resource, const Request& request, const ListRequest& list, const Result& rows,
                       const std::vector<Children>& children) {
  const int count = static_cast<int>(std::min<std::int64_t>(rows.rows(), list.limit));
  std::string body;
  body.reserve(static_cast<std::size_t>(count) * 1024 + 64);
  body.append("{\"items\":[");
  for (int row = 0; row < count; ++row) {
    if (row > 0) body.push_back(',');
    append_item(resource, rows, row, children, body);
  }
  body.append("],\"next\":");
  std::string next;
  if (rows.rows() > list.limit) next = next_page(resource, request, list, rows, count - 1);
  next.empty() ? static_cast<void>(body.append("null")) : append_json_string(next, body);
  if (list.shape.zipcode && count > 0) {
    const std::string_view as_of = rows.text(0, static_cast<int>(resource.shown.size()));
    if (as_of != "0") body.append(",\"as_of_run\":").append(as_of);
  }
  body.push_back('}');
  Response response = Response::json(std::move(body));
  add_patients(resource, rows, count, response.patients);
  if (!next.empty()) response.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  return response;
}

Task<Response> list(ResourcePointer resource, Request request, bool below_patient) {
  Reading connection(resource->connections, request);
  ListRequest wanted = read_list_request(*resource, request, below_patient);
  auto query = connection.query(resource->statements.get(wanted.shape), std::move(wanted.parameters));
  const Result rows = co_await query;
  const int count = static_cast<int>(std::min<std::int64_t>(rows.rows(), wanted.limit));
  std::vector<Children> children;
  if (count > 0) {
    children = co_await read_children(resource, &connection, key_array(*resource, rows, count));
  } else if (below_patient) {
    std::vector<Value> parameters;
    parameters.emplace_back(request.arguments.text("id").value_or(""));
    auto exists = connection.query(resource->patient_exists, std::move(parameters));
    const Result found = co_await exists;
    if (found.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no patient with this id");
  }
  co_return list_response(*resource, request, wanted, rows, children);
}

Task<Response> one(ResourcePointer resource, Request request) {
  Reading connection(resource->connections, request);
  std::vector<Value> parameters;
  parameters.emplace_back(request.arguments.text("id").value_or(""));
  auto query = connection.query(resource->one, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty())
    throw meta::Error(meta::ErrorCode::not_found, "There is no " + noun_of(resource->api) + " with this id");
  std::vector<Children> children;
  if (!resource->embedded.empty()) {
    children = co_await read_children(resource, &connection, key_array(*resource, rows, 1));
  }
  std::string body;
  body.reserve(2048);
  append_item(*resource, rows, 0, children, body);
  Response response = Response::json(std::move(body));
  add_patients(*resource, rows, 1, response.patients);
  co_return response;
}

// --- documentation and validation ------------------------------------------------------------------------------------

std::optional<ParameterType> parameter_type(std::string_view sql_type) {
  if (sql_type == "text") return ParameterType::text;
  if (sql_type == "date") return ParameterType::date;
  if (sql_type == "timestamptz" || sql_type == "timestamp with time zone") return ParameterType::date_time;
  if (sql_type == "boolean") return ParameterType::boolean;
  if (sql_type == "integer" || sql_type == "bigint") return ParameterType::integer;
  return std::nullopt;
}

std::string filter_description(const Column& column, const FilterNote* note) {
  std::string text = note && !note->description.empty() ? note->description : column.description + ".";
  return text +
         (column.filter == FilterKind::prefix ? " Matches the beginning, upper or lower case." : " Matches exactly.");
}

Parameter filter_parameter(const ResourceApi& api, const ListFilter& filter) {
  const Column& column = *std::ranges::find(api.table.columns, filter.column, &Column::name);
  const auto noted = std::ranges::find(api.filter_notes, filter.column, &FilterNote::column);
  const FilterNote* note = noted == api.filter_notes.end() ? nullptr : &*noted;
  if (filter.column == api.patient_column) {
    return id_parameter(ParameterIn::query, filter.parameter, filter_description(column, note));
  }
  const auto type = parameter_type(column.sql_type);
  if (!type) {
    throw meta::Error(meta::ErrorCode::invalid_view,
                      "column " + column.name + " of the view " + api.table.name + " has a type that is no filter");
  }
  Parameter parameter;
  parameter.name = filter.parameter;
  parameter.type = *type;
  parameter.description = filter_description(column, note);
  if (note) parameter.example = note->example;
  if (*type == ParameterType::integer && column.sql_type == "integer") {
    parameter.minimum = -2147483648;
    parameter.maximum = 2147483647;
  }
  return parameter;
}

std::vector<Parameter> list_parameters(const ResourceApi& api, bool below_patient) {
  std::vector<Parameter> parameters;
  if (below_patient) parameters.push_back(id_parameter(ParameterIn::path, "id", "Logical id of the patient."));
  for (const ListFilter& filter : list_filters(api)) {
    if (below_patient && filter.column == api.patient_column) continue;
    parameters.push_back(filter_parameter(api, filter));
  }
  if (api.filter_by_zipcode) {
    parameters.push_back(
        {.name = "zipcode",
         .type = ParameterType::zipcode,
         .description = "Those of this zip code, as of its last complete run (as_of_run in the answer).",
         .example = "02139"});
  }
  parameters.push_back({.name = "include",
                        .type = ParameterType::choice,
                        .description = "no_longer_found: those, too, that the last complete run did not find any more.",
                        .example = "no_longer_found",
                        .choices = {"no_longer_found"}});
  parameters.push_back({.name = "limit",
                        .type = ParameterType::integer,
                        .description = "How many at most.",
                        .example = "50",
                        .minimum = 1,
                        .maximum = kMaxLimit,
                        .fallback = kDefaultLimit});
  parameters.push_back({.name = "cursor",
                        .description = "Where to go on: take the URL in `next` of the page before, as it is.",
                        .max_length = 1000});
  return parameters;
}

std::string capitalized(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  return text;
}

std::string properties(const std::vector<Column>& columns) {
  std::string out;
  for (const Column& column : columns) {
    if (!out.empty()) out.push_back(',');
    append_json_string(column.name, out);
    out.append(":").append(column_schema(column));
  }
  return out;
}

std::string required(const std::vector<Column>& columns) {
  std::string out;
  for (const Column& column : columns) {
    if (!column.required) continue;
    if (!out.empty()) out.push_back(',');
    append_json_string(column.name, out);
  }
  return out;
}

std::string schema_name(const ResourceApi& api) { return api.schema.empty() ? capitalized(api.name) : api.schema; }
std::string nouns_of(const ResourceApi& api) { return api.nouns.empty() ? api.name + "s" : api.nouns; }

std::string object_schema(std::string_view description, const std::vector<Column>& columns, const std::string& more) {
  std::string out = R"({"type":"object","description":)";
  append_json_string(description, out);
  return out + R"(,"additionalProperties":false,"required":[)" + required(columns) + R"(],"properties":{)" +
         properties(columns) + more + "}}";
}

void add_schemas(const ResourceApi& api, webserver::RouteTable& table) {
  const std::string name = schema_name(api);
  std::string more;
  for (const EmbeddedTable& embedded : api.embedded) {
    const std::string child = name + capitalized(embedded.field);
    table.add_schema({child, object_schema(embedded.table.description, shown_child_columns(embedded.table), "")});
    more += ",\"" + embedded.field + R"(":{"type":"array","items":{"$ref":"#/components/schemas/)" + child + "\"}}";
  }
  table.add_schema({name, object_schema(api.table.description, shown_columns(api.table), more)});
  table.add_schema(
      {name + "List",
       R"({"type":"object","additionalProperties":false,"required":["items","next"],"properties":{
    "items":{"type":"array","items":{"$ref":"#/components/schemas/)" +
           name + R"("}},
    "next":{"type":["string","null"],"description":"URL of the next page, relative to this server; null on the last."})" +
           (api.filter_by_zipcode
                ? R"(,"as_of_run":{"type":"integer","description":"The complete run that the zip code's list is as of."})"
                : "") +
           "}}"});
}

ResponseSpec list_answer(const ResourceApi& api) {
  const std::string item = api.example.empty() ? "" : api.example;
  return {.status = 200,
          .description = "A page of the list.",
          .schema = schema_name(api) + "List",
          .example = R"({"items":[)" + item + R"(],"next":null})",
          .headers = {{"Link", "The next page, with rel=\"next\"; absent on the last."}}};
}

Route list_route(const ResourcePointer& resource, std::string path, bool below_patient) {
  const ResourceApi& api = resource->api;
  Route route;
  route.path = std::move(path);
  route.operation_id = (below_patient ? "list_patient_" : "list_") + api.name + "s";
  route.tag = api.tag;
  route.summary = below_patient ? "A patient's " + nouns_of(api) : capitalized(nouns_of(api)) + ", page by page";
  route.description = "In the order of the id. " + api.table.description;
  route.parameters = list_parameters(api, below_patient);
  route.responses = {list_answer(api)};
  route.problems = {503};
  route.limited = true;
  if (below_patient) route.problems.push_back(404);
  route.handler = [resource, below_patient](Request request) {
    return list(resource, std::move(request), below_patient);
  };
  return route;
}

Route one_route(const ResourcePointer& resource) {
  const ResourceApi& api = resource->api;
  Route route;
  route.path = api.path + "/{id}";
  route.operation_id = "get_" + api.name;
  route.tag = api.tag;
  route.summary = "One " + noun_of(api);
  route.description = "Also when it is no longer found on its server: compare last_seen_run.";
  route.parameters = {id_parameter(ParameterIn::path, "id", "Logical id of the " + noun_of(api) + ".")};
  route.responses = {{.description = "The " + noun_of(api) + ".", .schema = schema_name(api), .example = api.example}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [resource](Request request) { return one(resource, std::move(request)); };
  return route;
}

}  // namespace

ApiTable ApiTable::of(const converter::View& view) { return {view.name(), view.description(), view.columns()}; }

bool is_fhir_id(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

Parameter id_parameter(ParameterIn in, std::string name, std::string description) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.in = in;
  parameter.description = std::move(description);
  parameter.example = "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34";
  parameter.pattern = webserver::Pattern{kIdPattern, is_fhir_id};
  parameter.max_length = 64;
  return parameter;
}

void add_routes(const ResourceApi& api, storage::AsyncConnections& connections, webserver::RouteTable& table) {
  const auto resource = std::make_shared<const Resource>(api, connections);
  add_schemas(api, table);
  table.add(list_route(resource, api.path, false));
  table.add(one_route(resource));
  if (!api.path_below_patient.empty()) table.add(list_route(resource, api.path_below_patient, true));
}

}  // namespace wellhead::resource
