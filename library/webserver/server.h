// An HTTP/1.1 server: keep-alive and pipelined connections, bounded in size, time and number, on one event loop a core.
//
//   Server server(table, {.listen = "127.0.0.1:0"});
//   database.open(server.context(0)) …        // things that live on the event loops are made before start()
//   server.start();
//   server.stop();
//
// The route table must outlive the server. Every thread-safe promise is made here; a handler runs on the thread of its
// request's worker only.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/webserver/route.h"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Asio's name
}

namespace wellhead::webserver {

struct Limits {
  std::size_t header_bytes = 16 * 1024;           // 431
  std::size_t body_bytes = 1024 * 1024;           // 413
  std::size_t connections = 1024;                 // 503
  std::chrono::milliseconds header_time{10'000};  // from the first byte of a request to the end of its header: 408
  std::chrono::milliseconds body_time{30'000};    // 408
  std::chrono::milliseconds idle_time{75'000};    // between requests; closed without a word
  std::chrono::milliseconds write_time{60'000};   // for an answer to be taken
  // Of one client, which is a key or else an address; 0: any number. This machine's own addresses are not counted.
  std::size_t client_rate = 0;         // requests a second, and as many at once: 429
  std::size_t client_connections = 0;  // of one address: 503
  bool count_loopback = false;         // count them
};

// PEM files: the certificate with those above it, and its private key. Both are read again when they change.
struct TlsOptions {
  std::filesystem::path certificate, key;
  // Told when they were read again: empty, or why those before stay in use. On a worker's thread.
  std::function<void(const std::string& problem)> on_change;
};

// What is known of an answered request: for logs and metrics. Has no path and no values, which may name patients.
struct RequestRecord {
  Method method;
  std::string_view route;  // the pattern, e.g. /patients/{id}; empty when none matched
  int status;
  std::chrono::microseconds duration;  // from the complete request to the answer being handed to the socket
  std::size_t response_bytes;
  std::string_view request_id;
  std::string_view traceparent;  // the header, as it was sent
  std::string_view error;        // what a handler threw; may name hosts and paths, never a patient
};

// An answer that tells something of patients, on its way to who asked.
struct Disclosure {
  std::size_t worker;
  const Principal* principal;  // null: nobody needs a credential here
  std::string_view client;
  std::string_view operation;  // the route's operation id
  std::string_view request_id;
  const std::vector<std::string>& patients;
};

struct ServerOptions {
  std::string listen = "127.0.0.1:8080";  // host:port or [v6]:port; port 0 takes a free one
  unsigned threads = 0;                   // 0: one a core
  Limits limits;
  std::chrono::milliseconds stop_limit{5'000};
  // Called on the worker's thread after each answer; must be thread-safe and quick.
  std::function<void(const RequestRecord&)> on_request;
  // Outlives the server. null: nobody needs a credential.
  Gatekeeper* gatekeeper = nullptr;
  // Outlives the server: what the cursors of lists are sealed with. null: no handler makes any.
  const CursorKey* cursors = nullptr;
  std::optional<TlsOptions> tls;  // TLS 1.2 or later, and nothing else
  // Origins (https://charts.example.org, or * for all) whose pages may read answers (CORS), without cookies.
  std::vector<std::string> cors_origins;
  // Called on the worker's thread before an answer that names patients (Response::patients) is sent; quick. false: it
  // is not given, 503 is.
  std::function<bool(const Disclosure&)> on_disclosure;
};

// Whether an address to listen on is this machine's alone. Error{invalid_setting} as by Server::start().
bool is_loopback(const std::string& listen);

class Server {
 public:
  Server(const RouteTable& table, ServerOptions options);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  std::size_t workers() const;
  boost::asio::io_context& context(std::size_t worker);

  // Listens, then returns. Throws Error{invalid_setting} when the address is malformed, not of this machine or taken,
  // or the certificate is of no use.
  void start();
  std::uint16_t port() const;

  // No new connections; idle ones are closed, requests in flight are finished within the stop limit and then cut off.
  // before_join is called on each worker's thread once its connections are gone, to close what else lives on its loop.
  void stop(const std::function<void(std::size_t worker)>& before_join = {});

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::webserver
