#include "service/zipcode/routes.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/logging.h"
#include "service/zipcode/route_parts.h"

namespace wellhead::zipcode {
namespace {

using storage::Result;
using storage::Value;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

Task<Response> list_zipcodes(RouteStatePointer state, resource::RecordMembers members, Request request) {
  const std::string scope = "zipcodes";
  std::vector<Value> parameters;
  parameters.emplace_back(resource::record_position(request, scope).value_or(""));
  parameters.emplace_back(request.arguments.integer("limit") + 1);
  auto query = state->reading(request).query(state->statements.zipcodes, std::move(parameters));
  const Result rows = co_await query;
  co_return resource::record_page(request, scope, "", members, rows);
}

Task<Response> get_zipcode(RouteStatePointer state, Request request) {
  std::vector<Value> parameters;
  parameters.emplace_back(*request.arguments.text("zipcode"));
  auto query = state->reading(request).query(state->statements.zipcode, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty()) {
    throw meta::Error(meta::ErrorCode::not_found, "This zip code was never loaded", "POST it to /zipcodes");
  }
  co_return Response::json(std::string(rows.text(0, 1)));
}

std::optional<std::vector<std::string>> chosen_resources(const Request& request) {
  const auto text = request.arguments.text("resources");
  if (!text) return std::nullopt;
  std::vector<std::string> names;
  for (std::string_view rest = *text; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    names.emplace_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

Task<Response> start_load(RouteStatePointer state, Request request) {
  if (state->operations == nullptr) co_return only_reads(request);
  const meta::Zipcode zipcode = meta::Zipcode::parse(*request.arguments.text("zipcode"));
  if (!may_see(request, zipcode)) co_return not_its_zipcode(request);
  meta::LogFields fields;
  fields.request = request.id;
  fields.trace = meta::TraceContext::parse(request.header("traceparent"));
  std::function<RequestedRun()> work = [state, zipcode, fields, resources = chosen_resources(request)] {
    const meta::LogScope scope(fields);
    return state->operations->load(zipcode, resources);
  };
  auto started = state->pool.run<RequestedRun>(*request.worker, std::move(work));
  const RequestedRun requested = co_await started;
  std::vector<Value> parameters;
  parameters.emplace_back(requested.run.value);
  auto query = state->reading(request).query(state->statements.run, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty()) throw meta::Error(meta::ErrorCode::internal, "the run that was queued is not there");
  std::string body(rows.text(0, 1));
  body.pop_back();
  body.append(",\"joined\":").append(requested.joined ? "true}" : "false}");
  Response response = Response::json(std::move(body), 202);
  response.headers.emplace_back("Location", "/runs/" + std::to_string(requested.run.value));
  co_return response;
}

// --- documentation and validation ------------------------------------------------------------------------------------

Route start_load_route(const RouteStatePointer& state, const RouteDocuments& documents,
                       std::vector<std::string> loadable) {
  Route route;
  route.method = webserver::Method::post;
  route.path = "/zipcodes";
  route.operation_id = "start_load";
  route.tag = "Zip codes";
  route.summary = "Load a zip code";
  route.description =
      "Queues a run that loads the zip code's patients and their observations. If it is loading already, the answer is "
      "that run.";
  Parameter zipcode = zipcode_parameter(ParameterIn::body, "Five digits; of a number the leading zeros are put back.");
  zipcode.required = true;
  route.parameters.push_back(std::move(zipcode));
  Parameter resources;
  resources.name = "resources";
  resources.in = ParameterIn::body;
  resources.type = webserver::ParameterType::choices;
  resources.description = "What to load, instead of what the server is set to load; patients always.";
  resources.choices = std::move(loadable);
  route.parameters.push_back(std::move(resources));
  route.responses = {{.status = 202,
                      .description = "The run is queued.",
                      .schema = "StartedLoad",
                      .example = documents.example("StartedLoad"),
                      .headers = {{"Location", "The run: /runs/{id}"}}}};
  route.problems = {503};
  route.limited = true;
  route.handler = [state](Request request) { return start_load(state, std::move(request)); };
  webserver::make_idempotent(state->keys, state->pool, route);
  return route;
}

Route list_zipcodes_route(const RouteStatePointer& state, const RouteDocuments& documents) {
  Route route;
  route.path = "/zipcodes";
  route.operation_id = "list_zipcodes";
  route.tag = "Zip codes";
  route.summary = "Zip codes, page by page";
  route.description = "What was loaded, how much of it there is, and how old it is.";
  resource::add_record_paging(route.parameters);
  route.responses = {documents.page("ZipcodeList", "Zipcode")};
  route.problems = {503};
  route.limited = true;
  route.handler = [state, members = documents.members("Zipcode")](Request request) {
    return list_zipcodes(state, members, std::move(request));
  };
  return route;
}

Route get_zipcode_route(const RouteStatePointer& state, const RouteDocuments& documents) {
  Route route;
  route.path = "/zipcodes/{zipcode}";
  route.operation_id = "get_zipcode";
  route.tag = "Zip codes";
  route.summary = "One zip code";
  route.parameters.push_back(zipcode_parameter(ParameterIn::path, "The zip code."));
  route.responses = {{.description = "The zip code.", .schema = "Zipcode", .example = documents.example("Zipcode")}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [state](Request request) { return get_zipcode(state, std::move(request)); };
  return route;
}

}  // namespace

void add_routes(RunOperations* operations, storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                webserver::IdempotencyKeys* keys, std::vector<std::string> resources, webserver::RouteTable& table) {
  const auto state = std::make_shared<const RouteState>(operations, connections, pool, keys);
  const RouteDocuments documents;
  documents.add_schemas(table);
  table.add(start_load_route(state, documents, std::move(resources)));
  table.add(list_zipcodes_route(state, documents));
  table.add(get_zipcode_route(state, documents));
  add_run_routes(state, documents, table);
  add_record_routes(state, documents, table);
}

}  // namespace wellhead::zipcode
