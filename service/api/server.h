// The REST API as one object: puts the routes of all resources together, serves them, and documents them.
//
//   api::Server server({.listen = "127.0.0.1:8080", .database_url = url, .runs = &runs});
//   server.start();            // returns at once; throws when it cannot listen
//   … server.port() …
//   server.stop();             // no new connections, finish what is in flight, join
//
// Owns its threads (one a core) and one pipelined database connection a thread. The database need not be reachable when
// it starts: until it is, routes that need it answer 503 with Retry-After, and /health/ready says so. Stateless: any
// number of processes may serve one database.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/webserver/server.h"
#include "service/access/token_gate.h"
#include "service/erasure/erasure_routes.h"
#include "service/resource/resource_table.h"
#include "service/zipcode/run_operations.h"

namespace wellhead::api {

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port, [v6]:port; port 0 takes a free one
  std::string database_url;
  // Tables besides those of patients and observations, whose parts are given with them; outlive the server.
  std::vector<const resource::ResourceTable*> tables;
  // Let requests in by their keys, and keep the audit trail of what they read. Without it everybody may do everything:
  // for tests, and for health and metrics alone.
  bool guarded = false;
  std::filesystem::path audit_spill;               // see access::AuditOptions
  std::optional<access::TokenGateOptions> tokens;  // that are taken beside keys
  webserver::Limits limits;                        // but for the connections
  std::optional<webserver::TlsOptions> tls;        // its on_change is not called: the log says it
  std::vector<std::string> cors_origins;           // see webserver::ServerOptions
  std::int64_t small_counts = 0;                   // /stats leaves out groups of fewer patients; 0: none
  bool monitoring_only = false;                    // /health and /metrics, and nothing else
  // With monitoring_only: what else /health/ready looks at beside the database; empty when that is there, or a
  // sentence. Called on the small pool, may block for some seconds.
  std::function<std::string()> look_for_problem = {};
  std::vector<std::string> only;  // parts of the API (routes.h); empty: all
  // Outlives the server: where the resources lie as they were received. null: what needs them answers 503.
  storage::BlobStore* blobs = nullptr;
  // Outlives the server; called on a small pool of threads of its own. null: an API that only reads, where what would
  // change a run answers 503.
  zipcode::RunOperations* runs = nullptr;
  // Likewise: without it DELETE answers 503.
  erasure::ErasureOperations* eraser = nullptr;
  unsigned threads = 0;                // 0: one a core
  std::size_t max_connections = 1024;  // more get 503 and are closed
  std::chrono::milliseconds statement_timeout{10'000};
  std::chrono::milliseconds stop_limit{5'000};  // after that what is still in flight is cut off
};

class Server {
 public:
  explicit Server(ServerOptions options);
  ~Server();  // stops
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // Throws Error{invalid_setting} when the address is malformed or taken, or when a guarded server would listen beyond
  // loopback and there is no key that anybody could use, or the certificate is of no use.
  void start();
  // The port that start() took.
  std::uint16_t port() const;
  // http://host:port or https://host:port as a browser on this machine reaches it.
  std::string url() const;
  // Blocks until all is joined; safe to call twice and from any thread but the server's own.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The OpenAPI 3.1 document of all routes, as served under /openapi.json. Needs no database.
std::string openapi_document();

}  // namespace wellhead::api
