// The routes of runs: lists, one run, and what can be done with it.
#include <functional>
#include <utility>

#include "library/meta/error.h"
#include "service/zipcode/route_parts.h"

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

using Control = void (RunOperations::*)(meta::RunId);

Task<Response> list_runs(RouteStatePointer state, resource::RecordMembers members, Request request) {
  const auto zipcode = request.arguments.text("zipcode");
  const auto wanted = request.arguments.text("state");
  std::string filters;
  std::vector<Value> parameters;
  if (zipcode) {
    filters.append("zipcode=").append(*zipcode).append("&");
    parameters.emplace_back(*zipcode);
  }
  if (wanted) {
    filters.append("state=").append(*wanted).append("&");
    parameters.emplace_back(*wanted);
  }
  const std::string scope = "runs?" + filters;
  parameters.emplace_back(resource::record_position(request, scope).value_or("9223372036854775807"));
  parameters.emplace_back(request.arguments.integer("limit") + 1);
  const Statement& statement = state->statements.runs(zipcode.has_value(), wanted.has_value());
  auto query = state->reading(request).query(statement, std::move(parameters));
  const Result rows = co_await query;
  co_return resource::record_page(request, scope, filters, members, rows);
}

Task<Response> get_run(RouteStatePointer state, Request request) {
  auto telling = run_json(state, state->reading(request), request.worker, meta::RunId{request.arguments.integer("id")});
  std::string body = co_await telling;
  co_return Response::json(std::move(body));
}

// Error{not_found}: there is no such run, for who asks.
Task<void> require_run(RouteStatePointer state, resource::Reading reading, meta::RunId run) {
  std::vector<Value> number;
  number.emplace_back(run.value);
  auto visible = reading.query(state->statements.run, std::move(number));
  const Result found = co_await visible;
  if (found.empty()) throw meta::Error(meta::ErrorCode::not_found, "There is no run with this number");
}

Task<Response> get_run_steps(RouteStatePointer state, Request request) {
  if (state->operations == nullptr) co_return only_reads(request);
  const meta::RunId run{request.arguments.integer("id")};
  auto visible = require_run(state, state->reading(request), run);
  co_await visible;
  std::function<std::string()> work = [state, run] { return state->operations->steps(run); };
  auto asked = state->pool.run<std::string>(*request.worker, std::move(work));
  std::string steps = co_await asked;
  co_return Response::json(steps.insert(1, "\"run\":" + std::to_string(run.value) + ","));
}

Task<Response> control_run(RouteStatePointer state, Control control, Request request) {
  if (state->operations == nullptr) co_return only_reads(request);
  const meta::RunId run{request.arguments.integer("id")};
  if (auto reading = state->reading(request); reading.limited()) {
    auto visible = require_run(state, reading, run);
    co_await visible;
  }
  std::function<Nothing()> work = [state, control, run] {
    (state->operations->*control)(run);
    return Nothing{};
  };
  auto done = state->pool.run<Nothing>(*request.worker, std::move(work));
  co_await done;
  std::vector<Value> parameters;
  parameters.emplace_back(run.value);
  auto query = state->reading(request).query(state->statements.run, std::move(parameters));
  const Result rows = co_await query;
  if (rows.empty()) throw meta::Error(meta::ErrorCode::internal, "the run is not there any more");
  Response response = Response::json(std::string(rows.text(0, 1)), 202);
  response.headers.emplace_back("Location", "/runs/" + std::to_string(run.value));
  co_return response;
}

// --- documentation and validation ------------------------------------------------------------------------------------

Parameter run_parameter() {
  Parameter id;
  id.name = "id";
  id.in = ParameterIn::path;
  id.type = ParameterType::integer;
  id.description = "Number of the run.";
  id.example = "7";
  id.minimum = 1;
  return id;
}

Route list_runs_route(const RouteStatePointer& state, const RouteDocuments& documents) {
  Route route;
  route.path = "/runs";
  route.operation_id = "list_runs";
  route.tag = "Runs";
  route.summary = "Runs, the latest first";
  route.parameters.push_back(zipcode_parameter(ParameterIn::query, "Those of this zip code."));
  Parameter wanted;
  wanted.name = "state";
  wanted.type = ParameterType::choice;
  wanted.description = "Those in this state.";
  wanted.example = "complete";
  wanted.choices = {"queued", "running", "complete", "unverified", "incomplete", "failed", "cancelled"};
  route.parameters.push_back(std::move(wanted));
  resource::add_record_paging(route.parameters);
  route.responses = {documents.page("RunList", "Run")};
  route.problems = {503};
  route.limited = true;
  route.handler = [state, members = documents.members("Run")](Request request) {
    return list_runs(state, members, std::move(request));
  };
  return route;
}

Route get_run_route(const RouteStatePointer& state, const RouteDocuments& documents) {
  Route route;
  route.path = "/runs/{id}";
  route.operation_id = "get_run";
  route.tag = "Runs";
  route.summary = "One run";
  route.description =
      "With its progress so far, as the run itself tells it in whatever process it runs, its steps in short and, once "
      "it has ended, its receipts.";
  route.parameters.push_back(run_parameter());
  route.responses = {{.description = "The run.", .schema = "RunDetail", .example = documents.example("RunDetail")}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [state](Request request) { return get_run(state, std::move(request)); };
  return route;
}

Route run_steps_route(const RouteStatePointer& state, const RouteDocuments& documents) {
  Route route;
  route.path = "/runs/{id}/steps";
  route.operation_id = "get_run_steps";
  route.tag = "Runs";
  route.summary = "Every step of a run, with its attempts";
  route.description =
      "As the run itself tells it in whatever process it runs; empty before it has begun. Steps that failed in an "
      "execution that was retried are there too.";
  route.parameters.push_back(run_parameter());
  route.responses = {{.description = "The steps.", .schema = "RunSteps", .example = documents.example("RunSteps")}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [state](Request request) { return get_run_steps(state, std::move(request)); };
  return route;
}

Route run_events_route(const RouteStatePointer& state) {
  Route route;
  route.path = "/runs/{id}/events";
  route.operation_id = "watch_run";
  route.tag = "Runs";
  route.summary = "A run's progress as it goes, as server-sent events";
  route.description =
      "An event `progress` whenever something has changed, with the run as GET /runs/{id} gives it, and an event `end` "
      "with the same once the run has ended. A client that comes back with Last-Event-ID gets what has changed since.";
  route.parameters.push_back(run_parameter());
  Parameter last;
  last.name = "Last-Event-ID";
  last.in = ParameterIn::header;
  last.description = "The id of the last event that was received.";
  route.parameters.push_back(std::move(last));
  route.responses = {{.description = "The events.",
                      .schema = "Events",
                      .example = R"("id: 5d0c\nevent: progress\ndata: {\"run\":7}\n\n")",
                      .content_type = "text/event-stream"}};
  route.problems = {404, 503};
  route.limited = true;
  route.handler = [state](Request request) { return run_events(state, std::move(request)); };
  return route;
}

struct ControlDescription {
  Control control;
  std::string name;
  std::string summary;
  std::string description;
  std::string answer;
  std::string example;
};

std::vector<ControlDescription> controls() {
  return {
      {&RunOperations::retry, "retry", "Go on with a failed run",
       "Goes on with a run that failed or was cancelled from the step that did it; what was finished is kept. 409 "
       "when it has not, or when its zip code is loading in another run.",
       "The run goes on.", "OpenRun"},
      {&RunOperations::pause, "pause", "Pause a run",
       "No further step of the run begins until it is resumed; those that run end. Pausing twice is no error. 409 "
       "when it has ended.",
       "The run is paused.", "PausedRun"},
      {&RunOperations::resume, "resume", "Resume a run",
       "Lets a paused run go on. Resuming twice is no error. 409 when it has ended.", "The run goes on.", "OpenRun"},
      {&RunOperations::cancel, "cancel", "Cancel a run",
       "Asks the run to end as cancelled; the process that runs it does so. What it has loaded stays. 409 when it "
       "has ended.",
       "The run is asked to end.", "OpenRun"}};
}

Route control_route(const RouteStatePointer& state, const RouteDocuments& documents,
                    const ControlDescription& control) {
  Route route;
  route.method = webserver::Method::post;
  route.path = "/runs/{id}/" + control.name;
  route.operation_id = control.name + "_run";
  route.tag = "Runs";
  route.summary = control.summary;
  route.description = control.description;
  route.parameters.push_back(run_parameter());
  route.responses = {{.status = 202,
                      .description = control.answer,
                      .schema = "Run",
                      .example = documents.example(control.example),
                      .headers = {{"Location", "The run: /runs/{id}"}}}};
  route.problems = {404, 409, 503};
  route.limited = true;
  route.handler = [state, call = control.control](Request request) {
    return control_run(state, call, std::move(request));
  };
  webserver::make_idempotent(state->keys, state->pool, route);
  return route;
}

}  // namespace

void add_run_routes(const RouteStatePointer& state, const RouteDocuments& documents, webserver::RouteTable& table) {
  table.add(list_runs_route(state, documents));
  table.add(get_run_route(state, documents));
  table.add(run_steps_route(state, documents));
  table.add_schema({"Events", R"json({"type": "string", "description": "Server-sent events."})json"});
  table.add(run_events_route(state));
  for (const auto& control : controls()) table.add(control_route(state, documents, control));
}

}  // namespace wellhead::zipcode
