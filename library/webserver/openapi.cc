#include <simdjson.h>

#include <algorithm>
#include <map>
#include <ranges>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/webserver/problem.h"
#include "library/webserver/route.h"

namespace wellhead::webserver {
namespace {

using meta::JsonWriter;
using meta::write_text;

// Schemas and examples come as text; they must be JSON, or the whole document would not be.
void raw(JsonWriter& out, std::string_view json, std::string_view where) {
  simdjson::dom::parser parser;
  simdjson::dom::element document;
  const simdjson::padded_string padded(json);
  if (parser.parse(padded).get(document) != simdjson::SUCCESS) {
    throw meta::Error(meta::ErrorCode::internal, "the OpenAPI document has broken JSON in " + std::string(where));
  }
  const std::string text = simdjson::minify(document);
  out.RawValue(text.data(), text.size(), rapidjson::kObjectType);
}

void member(JsonWriter& out, std::string_view name, std::string_view value) {
  write_text(out, name);
  write_text(out, value);
}

void reference(JsonWriter& out, std::string_view target) {
  out.StartObject();
  member(out, "$ref", target);
  out.EndObject();
}

void write_integer_example(JsonWriter& out, const std::string& example) {
  write_text(out, "example");
  out.Int64(std::stoll(example));
}

void write_integer_schema(JsonWriter& out, const Parameter& parameter) {
  member(out, "type", "integer");
  member(out, "format", "int64");
  const auto bound = [&](std::string_view name, const std::optional<std::int64_t>& value) {
    if (!value) return;
    write_text(out, name);
    out.Int64(*value);
  };
  bound("minimum", parameter.minimum);
  bound("maximum", parameter.maximum);
  bound("default", parameter.fallback);
}

void write_zipcode_schema(JsonWriter& out, const Parameter& parameter) {
  if (parameter.in != ParameterIn::body) {
    member(out, "type", "string");
  } else {
    write_text(out, "type");
    out.StartArray();
    write_text(out, "string");
    write_text(out, "integer");
    out.EndArray();
    write_text(out, "minimum");
    out.Int(0);
    write_text(out, "maximum");
    out.Int(99999);
  }
  member(out, "pattern", "^[0-9]{5}$");
}

void write_text_schema(JsonWriter& out, const Parameter& parameter) {
  member(out, "type", "string");
  write_text(out, "minLength");
  out.Int(1);
  write_text(out, "maxLength");
  out.Uint64(parameter.max_length);
  // Control characters are refused in every URL.
  member(out, "pattern", parameter.pattern ? parameter.pattern->expression : R"(^[^\u0000-\u001f\u007f]*$)");
}

void write_clause_schema(JsonWriter& out, const Parameter& parameter) {
  member(out, "type", "string");
  member(out, "pattern", clause_pattern(parameter.operand));
}

void write_choices_schema(JsonWriter& out, const Parameter& parameter) {
  member(out, "type", "array");
  write_text(out, "minItems");
  out.Int(1);
  write_text(out, "items");
  out.StartObject();
  member(out, "type", "string");
  write_text(out, "enum");
  meta::write_json(out, parameter.choices);
  out.EndObject();
}

void write_choice_schema(JsonWriter& out, const Parameter& parameter) {
  member(out, "type", "string");
  write_text(out, "enum");
  meta::write_json(out, parameter.choices);
}

void write_schema(JsonWriter& out, const Parameter& parameter) {
  if (parameter.repeatable) {
    out.StartObject();
    member(out, "type", "array");
    write_text(out, "minItems");
    out.Int(1);
    write_text(out, "maxItems");
    out.Uint64(kMaxRepeats);
    write_text(out, "items");
  }
  out.StartObject();
  switch (parameter.type) {
    case ParameterType::integer:
      write_integer_schema(out, parameter);
      break;
    case ParameterType::boolean:
      member(out, "type", "boolean");
      break;
    case ParameterType::date:
      member(out, "type", "string");
      member(out, "format", "date");
      break;
    case ParameterType::date_time:
      member(out, "type", "string");
      member(out, "format", "date-time");
      break;
    case ParameterType::zipcode:
      write_zipcode_schema(out, parameter);
      break;
    case ParameterType::choice:
      write_choice_schema(out, parameter);
      break;
    case ParameterType::choices:
      write_choices_schema(out, parameter);
      break;
    case ParameterType::clause:
      write_clause_schema(out, parameter);
      break;
    case ParameterType::text:
      write_text_schema(out, parameter);
      break;
  }
  if (parameter.in == ParameterIn::body) member(out, "description", parameter.description);
  out.EndObject();
  if (parameter.repeatable) out.EndObject();
}

void write_example(JsonWriter& out, const Parameter& parameter) {
  if (parameter.example.empty()) return;
  if (parameter.repeatable || parameter.type == ParameterType::choices) {
    write_text(out, "example");
    out.StartArray();
    for (const auto part : std::views::split(parameter.example, parameter.repeatable ? '&' : ',')) {
      write_text(out, std::string_view(part.begin(), part.end()));
    }
    out.EndArray();
    return;
  }
  if (parameter.type == ParameterType::integer) return write_integer_example(out, parameter.example);
  if (parameter.type == ParameterType::boolean) {
    write_text(out, "example");
    out.Bool(parameter.example == "true");
    return;
  }
  member(out, "example", parameter.example);
}

std::string_view place_of(ParameterIn in) {
  if (in == ParameterIn::path) return "path";
  return in == ParameterIn::header ? "header" : "query";
}

void write_parameters(JsonWriter& out, const Route& route) {
  write_text(out, "parameters");
  out.StartArray();
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in == ParameterIn::body) continue;
    out.StartObject();
    member(out, "name", parameter.name);
    member(out, "in", place_of(parameter.in));
    write_text(out, "required");
    out.Bool(parameter.required);
    member(out, "description", parameter.description);
    if (parameter.repeatable || parameter.type == ParameterType::choices) {
      member(out, "style", "form");
      write_text(out, "explode");
      out.Bool(parameter.repeatable);
    }
    write_text(out, "schema");
    write_schema(out, parameter);
    write_example(out, parameter);
    out.EndObject();
  }
  out.EndArray();
}

void write_body_example(JsonWriter& out, const Route& route) {
  write_text(out, "example");
  out.StartObject();
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in != ParameterIn::body || parameter.example.empty()) continue;
    if (parameter.type == ParameterType::choices) continue;
    write_text(out, parameter.name);
    const bool literal = parameter.type == ParameterType::integer || parameter.type == ParameterType::boolean;
    literal ? raw(out, parameter.example, route.path) : write_text(out, parameter.example);
  }
  out.EndObject();
}

void write_body(JsonWriter& out, const Route& route) {
  write_text(out, "requestBody");
  out.StartObject();
  write_text(out, "required");
  out.Bool(true);
  write_text(out, "content");
  out.StartObject();
  write_text(out, "application/json");
  out.StartObject();
  write_text(out, "schema");
  out.StartObject();
  member(out, "type", "object");
  write_text(out, "additionalProperties");
  out.Bool(false);
  write_text(out, "properties");
  out.StartObject();
  std::vector<std::string> required;
  for (const Parameter& parameter : route.parameters) {
    if (parameter.in != ParameterIn::body) continue;
    if (parameter.required) required.push_back(parameter.name);
    write_text(out, parameter.name);
    write_schema(out, parameter);
  }
  out.EndObject();
  write_text(out, "required");
  meta::write_json(out, required);
  out.EndObject();
  write_body_example(out, route);
  out.EndObject();
  out.EndObject();
  out.EndObject();
}

void write_response_headers(JsonWriter& out, const ResponseSpec& response) {
  if (response.headers.empty()) return;
  write_text(out, "headers");
  out.StartObject();
  for (const auto& [name, description] : response.headers) {
    write_text(out, name);
    out.StartObject();
    member(out, "description", description);
    write_text(out, "schema");
    out.StartObject();
    member(out, "type", "string");
    out.EndObject();
    out.EndObject();
  }
  out.EndObject();
}

void write_response(JsonWriter& out, const ResponseSpec& response, std::string_view where) {
  out.StartObject();
  member(out, "description", response.description);
  write_response_headers(out, response);
  write_text(out, "content");
  out.StartObject();
  write_text(out, response.content_type);
  out.StartObject();
  if (!response.schema.empty()) {
    write_text(out, "schema");
    reference(out, "#/components/schemas/" + response.schema);
  }
  if (!response.example.empty()) {
    write_text(out, "example");
    raw(out, response.example, where);
  }
  out.EndObject();
  for (const OtherContent& other : response.others) {
    write_text(out, other.content_type);
    out.StartObject();
    write_text(out, "schema");
    raw(out, other.schema, where);
    write_text(out, "example");
    raw(out, other.example, where);
    out.EndObject();
  }
  out.EndObject();
  out.EndObject();
}

// The problems that follow from the route's shape, and those it names.
std::vector<int> problems_of(const Route& route) {
  std::vector<int> statuses = route.problems;
  statuses.insert(statuses.end(), {400, 406, 429});
  if (access_of(route) != Access::anyone) statuses.insert(statuses.end(), {401, 403});
  if (route.has_body()) statuses.insert(statuses.end(), {413, 415});
  std::ranges::sort(statuses);
  statuses.erase(std::ranges::unique(statuses).begin(), statuses.end());
  return statuses;
}

void write_responses(JsonWriter& out, const Route& route) {
  write_text(out, "responses");
  out.StartObject();
  for (const ResponseSpec& response : route.responses) {
    write_text(out, std::to_string(response.status));
    write_response(out, response, route.path);
  }
  for (const int status : problems_of(route)) {
    const auto same = [&](const ResponseSpec& r) { return r.status == status; };
    if (std::ranges::any_of(route.responses, same)) continue;
    write_text(out, std::to_string(status));
    reference(out, "#/components/responses/Problem" + std::to_string(status));
  }
  out.EndObject();
}

// OpenAPI 3.1, "Security Requirement Object": for these schemes the array may name the roles that are needed. The
// empty one at the end: a server on loopback without keys asks nothing.
void write_security(JsonWriter& out, const Route& route) {
  const Access access = access_of(route);
  if (access == Access::anyone) return;
  std::vector<std::string> roles;
  if (access == Access::administer) roles = {"admin"};
  if (access == Access::operate) roles = {"operator"};
  if (access == Access::read) roles = {route.deidentified ? "deidentified" : "reader"};
  write_text(out, "security");
  out.StartArray();
  for (const std::string_view scheme : {"bearer", "api_key"}) {
    out.StartObject();
    write_text(out, scheme);
    meta::write_json(out, roles);
    out.EndObject();
  }
  out.StartObject();
  out.EndObject();
  out.EndArray();
}

void write_security_schemes(JsonWriter& out) {
  write_text(out, "securitySchemes");
  raw(out, R"json({
    "bearer": {"type": "http", "scheme": "bearer", "description": "A key of `wellhead keys create`, or a JWT."},
    "api_key": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same key."}
  })json",
      "the security schemes");
}

void write_operation(JsonWriter& out, const Route& route) {
  out.StartObject();
  member(out, "operationId", route.operation_id);
  write_text(out, "tags");
  meta::write_json(out, std::vector<std::string>{route.tag});
  member(out, "summary", route.summary);
  if (!route.description.empty()) member(out, "description", route.description);
  write_security(out, route);
  if (!route.deprecation.empty()) {
    write_text(out, "deprecated");
    out.Bool(true);
  }
  write_parameters(out, route);
  if (route.has_body()) write_body(out, route);
  write_responses(out, route);
  out.EndObject();
}

void write_paths(JsonWriter& out, const RouteTable& table) {
  std::map<std::string_view, std::vector<const Route*>> by_path;
  for (const auto& route : table.routes()) {
    if (route->documented) by_path[route->path].push_back(route.get());
  }
  write_text(out, "paths");
  out.StartObject();
  for (const auto& [path, routes] : by_path) {
    write_text(out, path);
    out.StartObject();
    for (const Route* route : routes) {
      std::string method(to_string(route->method));
      std::ranges::transform(method, method.begin(), [](char c) { return static_cast<char>(c - 'A' + 'a'); });
      write_text(out, method);
      write_operation(out, *route);
    }
    out.EndObject();
  }
  out.EndObject();
}

void write_problem_response(JsonWriter& out, int status) {
  out.StartObject();
  member(out, "description", status_text(status));
  write_text(out, "content");
  out.StartObject();
  write_text(out, "application/problem+json");
  out.StartObject();
  write_text(out, "schema");
  reference(out, "#/components/schemas/Problem");
  write_text(out, "example");
  std::vector<FieldError> errors;
  if (status == 400) errors.push_back({"limit", "is more than 1000"});
  const Problem problem{status, status == 400 ? "invalid_input" : "example", std::string(status_text(status)), errors};
  raw(out, to_response(problem, "6f1c0a52-17").body, "a problem");
  out.EndObject();
  out.EndObject();
  out.EndObject();
}

void write_components(JsonWriter& out, const RouteTable& table) {
  std::vector<int> statuses;
  for (const auto& route : table.routes()) {
    if (!route->documented) continue;
    const std::vector<int> more = problems_of(*route);
    statuses.insert(statuses.end(), more.begin(), more.end());
  }
  std::ranges::sort(statuses);
  statuses.erase(std::ranges::unique(statuses).begin(), statuses.end());

  write_text(out, "components");
  out.StartObject();
  write_text(out, "schemas");
  out.StartObject();
  for (const Schema& schema : table.schemas()) {
    write_text(out, schema.name);
    raw(out, schema.json, schema.name);
  }
  write_text(out, "Problem");
  raw(out, problem_schema(), "Problem");
  out.EndObject();
  write_security_schemes(out);
  write_text(out, "responses");
  out.StartObject();
  for (const int status : statuses) {
    write_text(out, "Problem" + std::to_string(status));
    write_problem_response(out, status);
  }
  out.EndObject();
  out.EndObject();
}

void write_info(JsonWriter& out, const ApiDescription& description) {
  write_text(out, "info");
  out.StartObject();
  member(out, "title", description.title);
  member(out, "version", description.version);
  member(out, "description", description.description);
  out.EndObject();
  if (!description.version_path.empty()) {
    write_text(out, "servers");
    out.StartArray();
    for (const auto& [url, text] :
         {std::pair<std::string_view, std::string_view>{description.version_path, "This version."},
          {"/", "The same without a version: always the newest."}}) {
      out.StartObject();
      member(out, "url", url);
      member(out, "description", text);
      out.EndObject();
    }
    out.EndArray();
  }
  write_text(out, "tags");
  out.StartArray();
  for (const auto& [name, text] : description.tags) {
    out.StartObject();
    member(out, "name", name);
    member(out, "description", text);
    out.EndObject();
  }
  out.EndArray();
}

}  // namespace

std::string openapi_document(const RouteTable& table) {
  rapidjson::StringBuffer buffer;
  JsonWriter out(buffer);
  out.StartObject();
  member(out, "openapi", "3.1.0");
  write_info(out, table.description());
  write_paths(out, table);
  write_components(out, table);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace wellhead::webserver
