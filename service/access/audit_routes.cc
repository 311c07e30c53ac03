#include "service/access/audit_routes.h"

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "service/resource/record_page.h"

namespace wellhead::access {
namespace {

using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Parameter;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr std::string_view kLast = "9223372036854775807";

constexpr auto kFilters = std::to_array<std::string_view>({"patient_id", "actor", "action"});

constexpr const char* kSchema = R"json({
  "type": "object", "additionalProperties": false,
  "description": "Reads of one patient by one actor from one address by one operation within about a second; or a change of keys, or an erasure.",
  "required": ["id", "at", "until", "times", "actor", "action"],
  "properties": {
    "id": {"type": "integer"},
    "at": {"type": "string", "format": "date-time", "description": "The first of the reads."},
    "until": {"type": "string", "format": "date-time", "description": "The last of the reads."},
    "times": {"type": "integer", "description": "How many they were."},
    "actor": {"type": "string", "description": "The key's id; issuer and subject of a token; `local` where no key is needed; `command line`."},
    "client": {"type": "string", "description": "Address that the request came from."},
    "action": {"type": "string", "description": "Operation id of the route, or what was done."},
    "patient_id": {"type": "string"},
    "request_id": {"type": "string", "description": "X-Request-Id of the first read."},
    "detail": {"type": "string"}
  }
})json";
constexpr const char* kListSchema = R"json({
  "type": "object", "additionalProperties": false, "required": ["items", "next"],
  "properties": {
    "items": {"type": "array", "items": {"$ref": "#/components/schemas/AuditEntry"}},
    "next": {"type": ["string", "null"], "description": "URL of the next page, relative to this server; null on the last."}
  }
})json";
constexpr const char* kExample =
    R"json({"id": 7, "at": "2026-01-31T10:42:00.1Z", "until": "2026-01-31T10:42:00.9Z", "times": 3, "actor": "0f3a5c7e9b1d", "client": "192.0.2.7", "action": "get_patient", "patient_id": "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34", "request_id": "6f1c0a52-17"})json";

std::string moment(const std::string& column) { return "to_char(" + column + ", 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')"; }

std::string list_sql(unsigned shape) {
  std::string conditions;
  int next = 1;
  for (std::size_t i = 0; i < kFilters.size(); ++i) {
    if ((shape & (1U << i)) == 0) continue;
    conditions.append(kFilters[i]).append(" = $").append(std::to_string(next++)).append(" AND ");
  }
  return "SELECT audit_id, json_strip_nulls(json_build_object('id', audit_id, 'at', " + moment("at") + ", 'until', " +
         moment("until") +
         ", 'times', times, 'actor', actor, 'client', nullif(client, ''), 'action', action, 'patient_id', patient_id, "
         "'request_id', nullif(request_id, ''), 'detail', detail)) FROM audit WHERE " +
         conditions + "audit_id < $" + std::to_string(next) + "::bigint ORDER BY audit_id DESC LIMIT $" +
         std::to_string(next + 1) + "::bigint";
}

struct State {
  explicit State(storage::AsyncConnections& all) : connections(all) {
    for (unsigned shape = 0; shape < statements.size(); ++shape) {
      statements[shape] = std::make_unique<Statement>(list_sql(shape));
    }
  }
  storage::AsyncConnections& connections;
  const resource::RecordMembers members = resource::record_members(kSchema);
  std::array<std::unique_ptr<Statement>, 1U << kFilters.size()> statements;  // by which filters are given
};
using StatePointer = std::shared_ptr<const State>;

Task<Response> list_audit(StatePointer state, Request request) {
  unsigned shape = 0;
  std::string query;
  std::vector<Value> parameters;
  for (std::size_t i = 0; i < kFilters.size(); ++i) {
    const auto value = request.arguments.text(kFilters[i]);
    if (!value) continue;
    shape |= 1U << i;
    parameters.emplace_back(*value);
    query.append(kFilters[i]).append("=").append(webserver::encode_percent(*value)).append("&");
  }
  const std::string scope = "audit?" + query;
  parameters.emplace_back(resource::record_position(request, scope).value_or(std::string(kLast)));
  parameters.emplace_back(request.arguments.integer("limit") + 1);
  auto asked =
      state->connections.at(request.worker->index()).query(*state->statements.at(shape), std::move(parameters));
  const Result rows = co_await asked;
  co_return resource::record_page(request, scope, query, state->members, rows);
}

Parameter filter(std::string name, std::string description, std::string example) {
  Parameter parameter;
  parameter.name = std::move(name);
  parameter.description = std::move(description);
  parameter.example = std::move(example);
  return parameter;
}

std::vector<Parameter> list_parameters() {
  std::vector<Parameter> parameters = {
      filter("patient_id", "Those of this patient.", "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34"),
      filter("actor", "Those by this key or token.", "0f3a5c7e9b1d"),
      filter("action", "Those by this operation.", "get_patient")};
  resource::add_record_paging(parameters);
  return parameters;
}

}  // namespace

void add_audit_routes(storage::AsyncConnections& connections, webserver::RouteTable& table) {
  const auto state = std::make_shared<const State>(connections);
  table.add_schema({"AuditEntry", kSchema});
  table.add_schema({"AuditList", kListSchema});
  Route route;
  route.path = "/audit";
  route.operation_id = "list_audit";
  route.tag = "Audit";
  route.summary = "Who was given something of which patient, the latest first";
  route.description =
      "Reads are written within about a second. What changes keys and what erases stands here, too. Rows are only "
      "added.";
  route.parameters = list_parameters();
  route.responses = {{.description = "A page of the list.",
                      .schema = "AuditList",
                      .example = R"({"items":[)" + std::string(kExample) + R"(],"next":null})",
                      .headers = {{"Link", "The next page, with rel=\"next\"; absent on the last."}},
                      .others = resource::record_forms(state->members, kExample)}};
  route.problems = {503};
  route.access = webserver::Access::administer;
  route.handler = [state](Request request) { return list_audit(state, std::move(request)); };
  table.add(std::move(route));
}

}  // namespace wellhead::access
