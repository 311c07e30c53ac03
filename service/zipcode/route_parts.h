// What the files of the routes share: their state, lists page by page, the embedded document, common parameters.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/webserver/idempotency.h"
#include "library/webserver/problem.h"
#include "service/resource/record_page.h"
#include "service/resource/row_limits.h"
#include "service/zipcode/route_queries.h"
#include "service/zipcode/routes.h"

namespace wellhead::zipcode {

struct RouteState {
  RouteState(RunOperations* given, storage::AsyncConnections& all, webserver::BlockingPool& threads,
             webserver::IdempotencyKeys* idempotency)
      : operations(given), connections(all), pool(threads), keys(idempotency) {}

  resource::Reading reading(const webserver::Request& request) const { return {connections, request}; }

  RunOperations* operations;
  storage::AsyncConnections& connections;
  webserver::BlockingPool& pool;
  webserver::IdempotencyKeys* keys;
  RouteStatements statements;
};
using RouteStatePointer = std::shared_ptr<const RouteState>;

// 503: this server has no RunOperations.
webserver::Response only_reads(const webserver::Request& request);
// Whether the request's key is for this zip code, and the 403 if it is not.
bool may_see(const webserver::Request& request, const meta::Zipcode& zipcode);
webserver::Response not_its_zipcode(const webserver::Request& request);

// routes.openapi.json and records.openapi.json: schemas and examples by name.
class RouteDocuments {
 public:
  RouteDocuments();
  void add_schemas(webserver::RouteTable& table) const;
  std::string example(std::string_view name) const;
  // Of a list's items, whose schema has this name.
  resource::RecordMembers members(std::string_view schema) const;
  // A page of such a list, in all its forms.
  webserver::ResponseSpec page(const std::string& list, std::string_view item) const;

 private:
  std::vector<std::pair<std::string, std::string>> schemas_;
  std::map<std::string, std::string, std::less<>> examples_;
};

webserver::Parameter zipcode_parameter(webserver::ParameterIn in, std::string description);
std::vector<std::pair<std::string, std::string>> page_headers();

// run_routes.cc
void add_run_routes(const RouteStatePointer& state, const RouteDocuments& documents, webserver::RouteTable& table);
// record_routes.cc
void add_record_routes(const RouteStatePointer& state, const RouteDocuments& documents, webserver::RouteTable& table);
// run_events.cc: progress as server-sent events
webserver::Task<webserver::Response> run_events(RouteStatePointer state, webserver::Request request);

// A run with its progress and, where a server can ask, its steps. Error{not_found}.
webserver::Task<std::string> run_json(RouteStatePointer state, resource::Reading connection, webserver::Worker* worker,
                                      meta::RunId run);

}  // namespace wellhead::zipcode
