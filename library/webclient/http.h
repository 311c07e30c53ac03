// A blocking HTTP client over libcurl, for activities: one HttpClient a thread, connections kept alive and reused,
// HTTP/2 where the server offers it over TLS. Clients may share DNS answers and TLS sessions through an HttpShare.
//
// send() makes the request until it has an answer worth having: a lost connection, 408, 429 and 5xx are repeated with
// exponential backoff and full jitter, Retry-After is honoured, an idle connection that the server had closed is
// replaced at once. Everything sent through this client must therefore be safe to repeat. Redirects are followed by
// hand: credentials never go to another origin, https never becomes http.
//
// Errors: source_unreachable, source_timeout, source_tls, source_busy, source_failed (after the last attempt, or at
// once while the source's circuit is open, see rate_limiter.h), source_limit (answer too large, too many redirects),
// source_refused (a redirect that is not followed), invalid_setting (token file), cancelled. Messages name method, URL
// without values, status, and what the server said.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/error.h"
#include "library/webclient/rate_limiter.h"

namespace wellhead::webclient {

// requests: answers and failures on the wire, retries and redirects included. bytes: of bodies, as they came
// (compressed).
struct Traffic {
  std::uint64_t requests = 0;
  std::uint64_t retries = 0;
  std::uint64_t bytes = 0;
  Traffic operator-(const Traffic& other) const;
};

// At most one of token, token_file and user is set.
struct Credentials {
  std::string token;                 // Authorization: Bearer
  std::filesystem::path token_file;  // holds the token; read again once when the server answers 401
  std::string user, password;        // Authorization: Basic
};

struct RetryPolicy {
  int attempts = 6;                               // the first included; 1: never repeat
  std::chrono::milliseconds delay{250};           // mean of the first wait is half of it; doubles each time
  std::chrono::milliseconds max_delay{20'000};    // of one wait; a longer Retry-After ends the request
  std::chrono::milliseconds time_limit{120'000};  // no attempt begins later than this after the first
};

// automatic: not from this machine, where inflating costs more than it saves (http_bench.cc: 0.48 ms of CPU against
// 0.18 ms for a page of 1 MB, and the server's deflating comes on top).
enum class Compression { automatic, always, never };

struct HttpSettings {
  // Its origin is the only one that gets the credentials. User info in it counts as user and password.
  std::string source_url;
  Credentials credentials;
  std::string user_agent = "wellhead";
  std::string ca_file;  // PEM; beside nothing: replaces the system's certificates
  // What the server shows may be for any name. Only for who names its very certificate in ca_file.
  bool any_server_name = false;
  Compression compression = Compression::automatic;
  std::chrono::milliseconds connect_timeout{10'000};
  std::chrono::milliseconds read_timeout{60'000};          // longest silence
  std::chrono::milliseconds request_timeout{600'000};      // of one attempt in all
  std::size_t max_response_bytes = std::size_t{64} << 20;  // of a body, decompressed
  int max_redirects = 5;
  RetryPolicy retry;
};

struct HttpResponse {
  int status = 0;
  std::string url;           // after redirects
  std::string content_type;  // as sent
  std::string body;          // capacity is at least kPadding above its size
  std::string location;
  std::optional<std::chrono::milliseconds> retry_after;
  bool delimited = true;  // false: the body ended with the connection, so a truncated one looks whole

  static constexpr std::size_t kPadding = 64;
};

// What a server said in the body of an error, in one short line; empty if nothing of use.
using Explain = std::string (*)(const HttpResponse&);
// Says that HTML came, with its title; the beginning of plain text.
std::string explain_body(const HttpResponse& response);

struct HttpRequest {
  enum class Method { get, post };
  Method method = Method::get;
  std::string url;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;                  // of a POST
  std::string content_type;          // of a POST
  Explain explain = explain_body;
};

// What a status that is no success means: source_unauthorized, source_timeout, source_busy, source_failed or
// source_refused.
meta::ErrorCode status_code(int status);
// The same as an Error that says what the server said.
meta::Error status_error(const HttpRequest& request, const HttpResponse& response);

// RFC 9110 §10.2.3: seconds or an HTTP date (any of §5.6.7's three forms); nullopt for anything else. Never negative.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, meta::Time now);

// DNS answers and TLS sessions of several clients. Thread-safe; outlives them.
class HttpShare {
 public:
  HttpShare();
  ~HttpShare();
  HttpShare(const HttpShare&) = delete;
  HttpShare& operator=(const HttpShare&) = delete;
  void* native() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

class HttpClient {
 public:
  // share and limiter may be null; they outlive the client. Error{invalid_setting}.
  explicit HttpClient(HttpSettings settings, HttpShare* share = nullptr, RateLimiter* limiter = nullptr);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  // Any final answer that is not repeated: 2xx, 3xx without Location, 4xx. Blocks; Error{cancelled} within about 100 ms
  // of a stop.
  HttpResponse send(const HttpRequest& request, const std::stop_token& stop = {});

  const Traffic& traffic() const;  // since construction
  const HttpSettings& settings() const;

 private:
  class Session;
  std::unique_ptr<Session> session_;
};

}  // namespace wellhead::webclient
