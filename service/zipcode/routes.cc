#include "service/zipcode/routes.h"

#include <simdjson.h>

#include <memory>
#include <optional>
#include <utility>

#include "library/meta/error.h"
#include "library/webserver/cursor.h"
#include "library/webserver/problem.h"
#include "service/zipcode/route_queries.h"

// NOLINTBEGIN(readability-identifier-naming): the names that wellhead_embed() gives
extern "C" {
extern const char wellhead_zipcode_openapi[];
extern const char wellhead_zipcode_openapi_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace wellhead::zipcode {
namespace {

using storage::Result;
using storage::Statement;
using storage::Value;
using webserver::Parameter;
using webserver::ParameterIn;
using webserver::ParameterType;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr std::int64_t kDefaultLimit = 50;
constexpr std::int64_t kMaxLimit = 1000;

struct Shared {
  Shared(StartLoad start, storage::AsyncConnections& all, webserver::BlockingPool& threads)
      : start_load(std::move(start)), connections(all), pool(threads) {}

  storage::AsyncConnection& connection(const Request& request) const { return connections.at(request.worker->index()); }

  StartLoad start_load;
  storage::AsyncConnections& connections;
  webserver::BlockingPool& pool;
  RouteStatements statements;
};
using SharedPointer = std::shared_ptr<const Shared>;

// Rows of (key, JSON), one more than asked for if there is a next page.
Response list_response(const Request& request, const std::string& scope, const std::string& query, const Result& rows) {
  const auto limit = static_cast<int>(request.arguments.integer("limit"));
  std::string next;
  std::string body = "{\"items\":[";
  for (int row = 0; row < rows.rows() && row < limit; ++row) {
    if (row > 0) body.push_back(',');
    body.append(rows.text(row, 1));
  }
  if (rows.rows() > limit) {
    next = request.path + "?" + query + "limit=" + std::to_string(limit) +
           "&cursor=" + webserver::encode_cursor(scope, {std::string(rows.text(limit - 1, 0))});
  }
  // Nothing in a URL of ours needs escaping in JSON.
  body.append("],\"next\":").append(next.empty() ? "null" : "\"" + next + "\"").append("}");
  Response response = Response::json(std::move(body));
  if (!next.empty()) response.headers.emplace_back("Link", "<" + next + ">; rel=\"next\"");
  return response;
}

// The key after which the list goes on.
std::optional<std::string> position(const Request& request, const std::string& scope) {
  const auto cursor = request.arguments.text("cursor");
  if (!cursor) return std::nullopt;
  const auto parts = webserver::decode_cursor(scope, *cursor);
  if (!parts || parts->size() != 1) {
    throw webserver::InvalidArgument(
        {"cursor", "is no cursor of this list with these filters; begin again without it"});
  }
  return parts->front();
}

Task<Response> list_zipcodes(SharedPointer shared, Request request) {
  const std::string scope = "zipcodes";
  std::vector<Value> parameters;
  parameters.emplace_back(position(request, scope).value_or(""));
  parameters.emplace_back(request.arguments.integer("limit") + 1);
  auto query = shared->connection(request).query(shared->statements.zipcodes, std::move(parameters));
  const Result rows = co_await query;
  co_return list_response(request, scope, "", rows);
}

Task<Response> get_zipcode(SharedPointer shared, Request request) {
  std::vector<Value> parameters;
  parameters.emplace_back(*request.arguments.text("zipcode"));
  auto query = shared->connection(request).query(shared->statements.zipcode, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty()) {
    throw meta::Error(meta::ErrorCode::not_found, "This zip code was never loaded", "POST it to /zipcodes");
  }
  co_return Response::json(std::string(rows.text(0, 1)));
}

Task<Response> list_runs(SharedPointer shared, Request request) {
  const auto zipcode = request.arguments.text("zipcode");
  const auto state = request.arguments.text("state");
  std::string filters;
  std::vector<Value> parameters;
  if (zipcode) {
    filters.append("zipcode=").append(*zipcode).append("&");
    parameters.emplace_back(*zipcode);
  }
  if (state) {
    filters.append("state=").append(*state).append("&");
    parameters.emplace_back(*state);
  }
  const std::string scope = "runs?" + filters;
  parameters.emplace_back(position(request, scope).value_or("9223372036854775807"));
  parameters.emplace_back(request.arguments.integer("limit") + 1);
  const Statement& statement = shared->statements.runs(zipcode.has_value(), state.has_value());
  auto query = shared->connection(request).query(statement, std::move(parameters));
  const Result rows = co_await query;
  co_return list_response(request, scope, filters, rows);
}

Task<Response> get_run(SharedPointer shared, Request request) {
  std::vector<Value> parameters;
  parameters.emplace_back(request.arguments.integer("id"));
  auto query = shared->connection(request).query(shared->statements.run_detail, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no run with this number");
  co_return Response::json(std::string(rows.text(0, 1)));
}

Task<Response> start_load(SharedPointer shared, Request request) {
  if (!shared->start_load) {
    co_return to_response(
        webserver::Problem{
            503, "read_only", "This server only reads: send this to one that loads, or run wellhead load", {}},
        request.id);
  }
  const meta::Zipcode zipcode = meta::Zipcode::parse(*request.arguments.text("zipcode"));
  std::function<RequestedRun()> work = [shared, zipcode] { return shared->start_load(zipcode); };
  auto started = shared->pool.run<RequestedRun>(*request.worker, std::move(work));
  const RequestedRun requested = co_await started;
  std::vector<Value> parameters;
  parameters.emplace_back(requested.run.value);
  auto query = shared->connection(request).query(shared->statements.run, std::move(parameters));
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

// routes.openapi.json: schemas and examples by name.
class Documents {
 public:
  Documents() {
    const std::string_view text(wellhead_zipcode_openapi, wellhead_zipcode_openapi_end);
    document_ = parser_.parse(simdjson::padded_string(text));
  }
  void add_schemas(webserver::RouteTable& table) const {
    for (const auto schema : document_["schemas"].get_object()) {
      table.add_schema({std::string(schema.key), simdjson::minify(schema.value)});
    }
  }
  std::string example(std::string_view name) const { return simdjson::minify(document_["examples"][name].value()); }

 private:
  simdjson::dom::parser parser_;
  simdjson::dom::element document_;
};

Parameter zipcode_parameter(ParameterIn in, std::string description) {
  Parameter parameter;
  parameter.name = "zipcode";
  parameter.in = in;
  parameter.type = ParameterType::zipcode;
  parameter.description = std::move(description);
  parameter.example = "02139";
  return parameter;
}

void add_paging(std::vector<Parameter>& parameters) {
  Parameter limit;
  limit.name = "limit";
  limit.type = ParameterType::integer;
  limit.description = "How many at most.";
  limit.example = "50";
  limit.minimum = 1;
  limit.maximum = kMaxLimit;
  limit.fallback = kDefaultLimit;
  Parameter cursor;
  cursor.name = "cursor";
  cursor.description = "Where to go on: take the URL in `next` of the page before, as it is.";
  cursor.max_length = 1000;
  parameters.push_back(std::move(limit));
  parameters.push_back(std::move(cursor));
}

const std::vector<std::pair<std::string, std::string>> kPageHeaders = {
    {"Link", "The next page, with rel=\"next\"; absent on the last."}};

Route start_load_route(const SharedPointer& shared, const Documents& documents) {
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
  route.responses = {{.status = 202,
                      .description = "The run is queued.",
                      .schema = "StartedLoad",
                      .example = documents.example("StartedLoad"),
                      .headers = {{"Location", "The run: /runs/{id}"}}}};
  route.problems = {503};
  route.handler = [shared](Request request) { return start_load(shared, std::move(request)); };
  return route;
}

Route list_zipcodes_route(const SharedPointer& shared, const Documents& documents) {
  Route route;
  route.path = "/zipcodes";
  route.operation_id = "list_zipcodes";
  route.tag = "Zip codes";
  route.summary = "Zip codes, page by page";
  route.description = "What was loaded, how much of it there is, and how old it is.";
  add_paging(route.parameters);
  route.responses = {{.description = "A page of the list.",
                      .schema = "ZipcodeList",
                      .example = documents.example("ZipcodeList"),
                      .headers = kPageHeaders}};
  route.problems = {503};
  route.handler = [shared](Request request) { return list_zipcodes(shared, std::move(request)); };
  return route;
}

Route get_zipcode_route(const SharedPointer& shared, const Documents& documents) {
  Route route;
  route.path = "/zipcodes/{zipcode}";
  route.operation_id = "get_zipcode";
  route.tag = "Zip codes";
  route.summary = "One zip code";
  route.parameters.push_back(zipcode_parameter(ParameterIn::path, "The zip code."));
  route.responses = {{.description = "The zip code.", .schema = "Zipcode", .example = documents.example("Zipcode")}};
  route.problems = {404, 503};
  route.handler = [shared](Request request) { return get_zipcode(shared, std::move(request)); };
  return route;
}

Route list_runs_route(const SharedPointer& shared, const Documents& documents) {
  Route route;
  route.path = "/runs";
  route.operation_id = "list_runs";
  route.tag = "Runs";
  route.summary = "Runs, the latest first";
  route.parameters.push_back(zipcode_parameter(ParameterIn::query, "Those of this zip code."));
  Parameter state;
  state.name = "state";
  state.type = ParameterType::choice;
  state.description = "Those in this state.";
  state.example = "complete";
  state.choices = {"queued", "running", "complete", "unverified", "incomplete", "failed", "cancelled"};
  route.parameters.push_back(std::move(state));
  add_paging(route.parameters);
  route.responses = {{.description = "A page of the list.",
                      .schema = "RunList",
                      .example = documents.example("RunList"),
                      .headers = kPageHeaders}};
  route.problems = {503};
  route.handler = [shared](Request request) { return list_runs(shared, std::move(request)); };
  return route;
}

Route get_run_route(const SharedPointer& shared, const Documents& documents) {
  Route route;
  route.path = "/runs/{id}";
  route.operation_id = "get_run";
  route.tag = "Runs";
  route.summary = "One run";
  route.description = "With its progress so far and, once it has ended, its receipts.";
  Parameter id;
  id.name = "id";
  id.in = ParameterIn::path;
  id.type = ParameterType::integer;
  id.description = "Number of the run.";
  id.example = "7";
  id.minimum = 1;
  route.parameters.push_back(std::move(id));
  route.responses = {{.description = "The run.", .schema = "RunDetail", .example = documents.example("RunDetail")}};
  route.problems = {404, 503};
  route.handler = [shared](Request request) { return get_run(shared, std::move(request)); };
  return route;
}

}  // namespace

void add_routes(StartLoad start_load, storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                webserver::RouteTable& table) {
  const auto shared = std::make_shared<const Shared>(std::move(start_load), connections, pool);
  const Documents documents;
  documents.add_schemas(table);
  table.add(start_load_route(shared, documents));
  table.add(list_zipcodes_route(shared, documents));
  table.add(get_zipcode_route(shared, documents));
  table.add(list_runs_route(shared, documents));
  table.add(get_run_route(shared, documents));
}

}  // namespace wellhead::zipcode
