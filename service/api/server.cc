#include "service/api/server.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/logging.h"
#include "library/storage/postgres/async_connection.h"
#include "library/storage/postgres/connection.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/cursor.h"
#include "library/webserver/server.h"
#include "service/access/audit.h"
#include "service/access/idempotency_table.h"
#include "service/access/key_gate.h"
#include "service/access/keys.h"
#include "service/api/routes.h"
#include "service/api/shared_secrets.h"

namespace wellhead::api {
namespace {

constexpr std::size_t kBlockingThreads = 4;  // asking a run in another process takes a while
constexpr std::size_t kBlockingLimit = 64;
constexpr std::size_t kExports = 4;  // at a time, on each event loop
constexpr std::chrono::minutes kExportTimeout{10};

// The access log: the route's pattern, never the path or the query, which may name a patient.
void log_request(const webserver::RequestRecord& record) {
  // That the database is lost is said once, not for each request.
  const bool failed = record.status >= 500 && record.status != 503;
  if (!failed && !spdlog::should_log(spdlog::level::debug)) return;
  const std::string_view route = record.route.empty() ? "(no route)" : record.route;
  meta::LogFields fields;
  fields.request = record.request_id;
  fields.trace = meta::TraceContext::parse(record.traceparent);
  const meta::LogScope scope(std::move(fields));
  if (failed) {
    spdlog::warn("{} {} {} in {} µs: {}", to_string(record.method), route, record.status, record.duration.count(),
                 record.error);
  } else {
    spdlog::debug("{} {} {} in {} µs, {} bytes", to_string(record.method), route, record.status,
                  record.duration.count(), record.response_bytes);
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

void log_certificate(const std::string& problem) {
  if (problem.empty()) {
    spdlog::info("the API has a new certificate");
  } else {
    spdlog::error("the API keeps its old certificate: {}", problem);
  }
}

webserver::ServerOptions http_options(const ServerOptions& options) {
  webserver::ServerOptions http;
  http.listen = options.listen;
  http.threads = options.threads;
  http.limits = options.limits;
  http.limits.connections = options.max_connections;
  http.tls = options.tls;
  if (http.tls) http.tls->on_change = log_certificate;
  http.cors_origins = options.cors_origins;
  http.stop_limit = options.stop_limit;
  http.on_request = note_request;
  return http;
}

// A database that does not answer cannot tell: then nobody is let in before it does.
void require_key(const ServerOptions& options) {
  try {
    storage::Connection connection(options.database_url);
    if (access::has_usable_key(connection)) return;
  } catch (const meta::Error& error) {
    if (error.code() != meta::ErrorCode::database_unreachable) throw;
    return;
  }
  throw meta::Error(meta::ErrorCode::invalid_setting,
                    "the API is not served on " + options.listen + ": other machines reach it, and there is no key",
                    "Make one with `wellhead keys create --role admin`, or listen on 127.0.0.1");
}

}  // namespace

struct Server::State {
  explicit State(ServerOptions given)
      : options(std::move(given)),
        idempotency({.database_url = options.database_url}),
        pool(kBlockingThreads, kBlockingLimit),
        exports(kExports) {
    routes = options.monitoring_only
                 ? make_monitoring_routes(connections, pool, options.look_for_problem)
                 : make_routes({options.runs, connections, exports, pool, options.blobs, options.tables, options.eraser,
                                options.only, &pseudonyms, options.small_counts, &idempotency});
    auto http_settings = http_options(options);
    http_settings.cursors = &cursors;
    if (!options.monitoring_only)
      secrets.emplace(options.database_url, [this](const auto& name, const auto& key) { take(name, key); });
    if (options.guarded) guard(http_settings);
    http = std::make_unique<webserver::Server>(*routes, std::move(http_settings));
    const storage::AsyncConnectionOptions database{
        .url = options.database_url, .statement_timeout = options.statement_timeout, .on_change = log_database};
    auto limited = database;
    limited.application_name = "wellhead api limited";
    limited.lazy = true;
    limited.on_change = {};
    storage::AsyncConnectionOptions long_answers = database;
    long_answers.application_name = "wellhead api exports";
    long_answers.statement_timeout = kExportTimeout;
    long_answers.on_change = {};
    for (std::size_t i = 0; i < http->workers(); ++i) {
      connections.add(http->context(i), database);
      connections.add_limited(http->context(i), limited);
      exports.add(http->context(i), long_answers);
    }
  }

  void guard(webserver::ServerOptions& http_settings) {
    loopback = webserver::is_loopback(options.listen);
    gate = std::make_unique<access::KeyGate>(
        access::KeyGateOptions{.database_url = options.database_url, .open_without_keys = loopback && !options.tokens});
    if (options.tokens) token_gate = std::make_unique<access::TokenGate>(*options.tokens, *gate);
    if (http_settings.threads == 0) http_settings.threads = std::max(1U, std::thread::hardware_concurrency());
    audit = std::make_unique<access::AuditTrail>(access::AuditOptions{
        .database_url = options.database_url, .spill = options.audit_spill, .workers = http_settings.threads});
    http_settings.gatekeeper = token_gate ? static_cast<webserver::Gatekeeper*>(token_gate.get()) : gate.get();
    http_settings.on_disclosure = [this](const webserver::Disclosure& disclosure) { return audit->note(disclosure); };
  }

  void take(const std::string& name, const std::string& key) {
    if (name == "cursors") cursors.set(key);
    if (name == "pseudonyms") pseudonyms.set(key);
  }

  ServerOptions options;
  webserver::CursorKey cursors;
  resource::Pseudonyms pseudonyms;
  std::optional<SharedSecrets> secrets;
  bool loopback = true;
  std::unique_ptr<access::KeyGate> gate;
  std::unique_ptr<access::TokenGate> token_gate;
  std::unique_ptr<access::AuditTrail> audit;
  access::IdempotencyTable idempotency;
  webserver::BlockingPool pool;
  std::unique_ptr<webserver::RouteTable> routes;
  std::unique_ptr<webserver::Server> http;
  // On the event loops of http: destroyed before it.
  storage::AsyncConnections connections;
  storage::ExportConnections exports;
};

Server::Server(ServerOptions options) : state_(std::make_unique<State>(std::move(options))) {}

Server::~Server() { stop(); }

void Server::start() {
  if (!state_->loopback && !state_->token_gate) require_key(state_->options);
  if (state_->secrets) state_->secrets->start();
  if (state_->token_gate) state_->token_gate->start();
  if (state_->gate) state_->gate->start();
  if (state_->audit) state_->audit->start();
  state_->http->start();
}

std::uint16_t Server::port() const { return state_->http->port(); }

std::string Server::url() const {
  std::string host = state_->options.listen.substr(0, state_->options.listen.rfind(':'));
  if (host.empty() || host == "*" || host == "0.0.0.0" || host == "[::]") host = "localhost";
  return (state_->options.tls ? "https://" : "http://") + host + ":" + std::to_string(port());
}

void Server::stop() {
  state_->http->stop([this](std::size_t worker) {
    state_->connections.close(worker);
    state_->exports.close(worker);
  });
  state_->pool.stop();
  if (state_->audit) state_->audit->stop();
  if (state_->token_gate) state_->token_gate->stop();
  if (state_->gate) state_->gate->stop();
  if (state_->secrets) state_->secrets->stop();
}

std::string openapi_document() {
  webserver::BlockingPool pool(0, 0);
  storage::AsyncConnections connections;
  storage::ExportConnections exports(0);
  return webserver::openapi_document(*make_routes({nullptr, connections, exports, pool}));
}

}  // namespace wellhead::api
