#include "service/api/server.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "library/storage/postgres/async_connection.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/server.h"
#include "service/api/routes.h"

namespace wellhead::api {
namespace {

constexpr std::size_t kBlockingThreads = 4;  // asking a run in another process takes a while
constexpr std::size_t kBlockingLimit = 64;

// The access log: the route's pattern, never the path or the query, which may name a patient.
void log_request(const webserver::RequestRecord& record) {
  const std::string_view route = record.route.empty() ? "(no route)" : record.route;
  // That the database is lost is said once, not for each request.
  if (record.status >= 500 && record.status != 503) {
    spdlog::warn("{} {} {} in {} µs, request {}: {}", to_string(record.method), route, record.status,
                 record.duration.count(), record.request_id, record.error);
  } else {
    spdlog::debug("{} {} {} in {} µs, {} bytes, request {}", to_string(record.method), route, record.status,
                  record.duration.count(), record.response_bytes, record.request_id);
  }
}

void note_request(const webserver::RequestRecord& record) {
  count_request(record);
  log_request(record);
}

void log_database(const std::string& problem) {
  if (problem.empty()) {
    spdlog::info("the API reaches its database again");
  } else {
    spdlog::warn("the API does not reach its database, and answers 503 until it does: {}", problem);
  }
}

webserver::ServerOptions http_options(const ServerOptions& options) {
  webserver::ServerOptions http;
  http.listen = options.listen;
  http.threads = options.threads;
  http.limits.connections = options.max_connections;
  http.stop_limit = options.stop_limit;
  http.on_request = note_request;
  return http;
}

}  // namespace

struct Server::State {
  explicit State(ServerOptions given) : options(std::move(given)), pool(kBlockingThreads, kBlockingLimit) {
    routes = options.monitoring_only ? make_monitoring_routes(connections)
                                     : make_routes({options.runs, connections, pool, options.tables});
    http = std::make_unique<webserver::Server>(*routes, http_options(options));
    const storage::AsyncConnectionOptions database{
        .url = options.database_url, .statement_timeout = options.statement_timeout, .on_change = log_database};
    for (std::size_t i = 0; i < http->workers(); ++i) connections.add(http->context(i), database);
  }

  ServerOptions options;
  webserver::BlockingPool pool;
  std::unique_ptr<webserver::RouteTable> routes;
  std::unique_ptr<webserver::Server> http;
  storage::AsyncConnections connections;  // on the event loops of http: destroyed before it
};

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Server::~Server() { stop(); }

void Server::start() { state_->http->start(); }

std::uint16_t Server::port() const { return state_->http->port(); }

std::string Server::url() const {
  std::string host = state_->options.listen.substr(0, state_->options.listen.rfind(':'));
  if (host.empty() || host == "*" || host == "0.0.0.0" || host == "[::]") host = "localhost";
  return "http://" + host + ":" + std::to_string(port());
}

void Server::stop() {
  state_->http->stop([this](std::size_t worker) { state_->connections.at(worker).close(); });
  state_->pool.stop();
}

std::string openapi_document() {
  webserver::BlockingPool pool(0, 0);
  storage::AsyncConnections connections;
  return webserver::openapi_document(*make_routes({nullptr, connections, pool}));
}

}  // namespace wellhead::api
