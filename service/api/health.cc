#include <memory>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "library/webserver/problem.h"
#include "service/api/routes.h"

namespace wellhead::api {
namespace {

using storage::Result;
using storage::Statement;
using webserver::Request;
using webserver::Response;
using webserver::Route;
using webserver::Task;

constexpr const char* kHealthSchema = R"json({
  "type": "object", "additionalProperties": false, "required": ["status"],
  "properties": {"status": {"type": "string", "enum": ["live", "ready"]}}
})json";

Response not_ready(const std::string& detail, const std::string& request_id) {
  return to_response(webserver::Problem{503, "not_ready", detail, {}}, request_id);
}

Task<Response> live(Request) { co_return Response::json(R"({"status":"live"})"); }

// What a process needs to be ready.
struct Needs {
  storage::AsyncConnections& connections;
  webserver::BlockingPool& pool;
  LookForProblem look_for_problem;
};

Task<Response> ready(std::shared_ptr<const Needs> needs, const Statement* version, Request request) {
  std::string problem;
  int found = 0;
  try {
    auto query = needs->connections.at(request.worker->index()).query(*version);
    const Result rows = co_await query;
    found = rows.is_null(0, 0) ? 0 : static_cast<int>(rows.integer(0, 0));
  } catch (const meta::Error& error) {
    problem = error.code() == meta::ErrorCode::database_version
                  ? "The database has no tables of Wellhead yet: run wellhead migrate"
                  : "The database does not answer";
  }
  const int known = storage::known_migrations().back().version;
  if (problem.empty() && found < known)
    problem = "The database's schema is older than this program: run wellhead migrate";
  if (problem.empty() && found > known) problem = "The database's schema is newer than this program: update it";
  if (problem.empty() && needs->look_for_problem) {
    auto looking = needs->pool.run<std::string>(*request.worker, needs->look_for_problem);
    problem = co_await looking;
  }
  if (!problem.empty()) co_return not_ready(problem, request.id);
  co_return Response::json(R"({"status":"ready"})");
}

}  // namespace

void add_health_routes(storage::AsyncConnections& connections, webserver::BlockingPool& pool,
                       LookForProblem look_for_problem, webserver::RouteTable& table) {
  static const Statement version("SELECT max(version) FROM schema_migration");
  table.add_schema({"Health", kHealthSchema});
  Route route;
  route.path = "/health/live";
  route.operation_id = "get_live";
  route.tag = "Health";
  route.summary = "Whether this server runs";
  route.responses = {{.description = "It does.", .schema = "Health", .example = R"({"status":"live"})"}};
  route.access = webserver::Access::anyone;
  route.handler = live;
  table.add(route);
  route.path = "/health/ready";
  route.operation_id = "get_ready";
  route.summary = "Whether this server can answer: it reaches its database, whose schema is current";
  route.responses = {{.description = "It can.", .schema = "Health", .example = R"({"status":"ready"})"}};
  route.problems = {503};
  const auto needs = std::make_shared<const Needs>(Needs{connections, pool, std::move(look_for_problem)});
  route.handler = [needs](Request request) { return ready(needs, &version, std::move(request)); };
  table.add(std::move(route));
}

}  // namespace wellhead::api
