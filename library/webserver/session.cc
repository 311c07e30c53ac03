#include "library/webserver/session.h"

#include <array>
#include <boost/asio/buffer.hpp>
#include <utility>

#include "library/meta/error.h"
#include "library/webserver/answer_form.h"
#include "library/webserver/answer_head.h"
#include "library/webserver/incoming_request.h"
#include "library/webserver/session_write.h"
#include "library/webserver/socket_operation.h"
#include "library/webserver/worker_loop.h"

namespace wellhead::webserver {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using std::chrono::milliseconds;

constexpr milliseconds kDrainTime{1'000};
constexpr std::size_t kDrainBytes = 256 * 1024;
constexpr std::size_t kReadBytes = 8 * 1024;

Response too_many_requests(const Request& request) {
  Response response =
      to_response(Problem{429, "too_many_requests", "This key or address makes more requests a second than it may", {}},
                  request.id);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

Session::Session(WorkerLoop& worker, Socket socket, std::string counted)
    : worker_(worker), socket_(std::move(socket)), counted_(std::move(counted)) {
  boost::system::error_code gone;
  const auto other_end = socket_.remote_endpoint(gone);
  if (!gone) client_ = other_end.address().to_string();
  if (worker_.shared().certificate) {
    tls_context_ = worker_.shared().certificate->current();
    tls_ = std::make_unique<asio::ssl::stream<Socket&>>(socket_, *tls_context_);
  }
  worker_.add(*this);
}

Session::~Session() {
  if (!counted_.empty()) worker_.shared().clients->close(counted_);
  worker_.remove(*this);
}

Detached Session::serve(std::unique_ptr<Session> session) {
  try {
    co_await session->run();
  } catch (...) {
    // Out of memory: the connection ends.
    session.reset();
  }
}

void Session::check_deadline(SteadyTime now) {
  if (now < deadline_) return;
  timed_out_ = true;
  deadline_ = SteadyTime::max();
  boost::system::error_code ignored;
  // A read that is given up may still be answered; a client that takes no answer may not.
  phase_ == Phase::writing || phase_ == Phase::draining ? static_cast<void>(socket_.close(ignored))
                                                        : static_cast<void>(socket_.cancel(ignored));
}

void Session::finish() {
  finishing_ = true;
  boost::system::error_code ignored;
  if (phase_ == Phase::idle) socket_.cancel(ignored);
}

void Session::cut() {
  finishing_ = true;
  boost::system::error_code ignored;
  socket_.close(ignored);
}

void Session::enter(Phase phase, milliseconds limit) {
  phase_ = phase;
  deadline_ = limit == milliseconds::max() ? SteadyTime::max() : std::chrono::steady_clock::now() + limit;
}

Session::Read Session::refuse(Incoming& incoming, Problem problem) const {
  incoming.problem = std::move(problem);
  return Read::refused;
}

// false: this is no client that speaks TLS as it should, or it takes too long.
Task<bool> Session::shake_hands() {
  enter(Phase::header, worker_.shared().options.limits.header_time);
  Operation operation([this](auto handler) {
    tls_->async_handshake(
        asio::ssl::stream_base::server,
        [handler = std::move(handler)](const boost::system::error_code& error) mutable { handler(error, 0); });
  });
  const auto [error, bytes] = co_await operation;
  co_return !error && !timed_out_;
}

Task<void> Session::run() {
  if (tls_) {
    const bool shaken = co_await shake_hands();
    if (!shaken) co_return;
  }
  for (;;) {
    Incoming incoming;
    const Read read = co_await read_request(incoming);
    if (read == Read::closed) break;
    const SteadyTime started = std::chrono::steady_clock::now();
    enter(Phase::answering, milliseconds::max());
    if (incoming.request.id.empty()) incoming.request.id = worker_.next_request_id();
    incoming.id = incoming.request.id;
    incoming.traceparent = incoming.request.header("traceparent");
    incoming.method = incoming.request.method;
    const Route* route = nullptr;
    std::string error;
    Response response;
    if (read == Read::refused) {
      response = to_response(incoming.problem, incoming.id);
    } else {
      response = co_await answer(incoming, route, error);
    }
    incoming.keep_alive = incoming.keep_alive && !finishing_;
    streamed_bytes_ = 0;
    RequestRecord record{
        incoming.method,
        route ? std::string_view(route->path) : std::string_view(),
        response.status,
        std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - started),
        response.body.size(),
        incoming.id,
        incoming.traceparent,
        error};
    const bool written = co_await write(incoming, route, std::move(response), error);
    record.response_bytes += streamed_bytes_;
    record.error = error;
    if (worker_.shared().options.on_request) worker_.shared().options.on_request(record);
    if (!written || !incoming.keep_alive) break;
  }
  co_await drain();
}

Task<bool> Session::read_some() {
  Operation operation([this](auto handler) {
    const auto space = buffer_.prepare(kReadBytes);
    if (tls_) {
      tls_->async_read_some(space, std::move(handler));
    } else {
      socket_.async_read_some(space, std::move(handler));
    }
  });
  const auto [error, bytes] = co_await operation;
  buffer_.commit(bytes);
  co_return !error && !timed_out_;
}

Task<Session::Read> Session::read_request(Incoming& incoming) {
  const Limits& limits = worker_.shared().options.limits;
  if (buffer_.size() == 0) {
    if (finishing_) co_return Read::closed;
    enter(Phase::idle, limits.idle_time);
    const bool more = co_await read_some();
    if (!more) co_return Read::closed;
  }
  RequestParser parser;
  set_limits(parser, limits);
  const Read read = co_await read_message(parser, incoming);
  co_return read;
}

Task<Session::Read> Session::read_message(RequestParser& parser, Incoming& incoming) {
  const Limits& limits = worker_.shared().options.limits;
  enter(Phase::header, limits.header_time);
  bool invited = false;
  while (!parser.is_done()) {
    boost::system::error_code error;
    feed(parser, buffer_, error);
    if (error) co_return refuse(incoming, problem_of(error, limits));
    if (parser.is_done()) break;
    if (parser.is_header_done() && phase_ == Phase::header) enter(Phase::body, limits.body_time);
    if (parser.is_header_done() && !std::exchange(invited, true)) {
      const bool welcome = co_await invite_body(parser);
      if (!welcome) co_return refuse(incoming, {417, "expectation", "Only Expect: 100-continue is understood", {}});
    }
    const bool more = co_await read_some();
    if (more) continue;
    if (!timed_out_) co_return Read::closed;
    co_return refuse(incoming, {408, "request_timeout", "The request did not come within the time limit", {}});
  }
  ParsedRequest parsed = take_request(parser);
  incoming.request = std::move(parsed.request);
  incoming.chunks = parsed.chunks;
  incoming.keep_alive = parsed.keep_alive;
  incoming.request.client = client_;
  incoming.request.worker = &worker_;
  incoming.request.cursors = worker_.shared().options.cursors;
  if (parsed.refused) {
    incoming.keep_alive = false;
    co_return refuse(incoming, {400, "malformed_request", "An HTTP/1.1 request has exactly one Host header", {}});
  }
  co_return Read::complete;
}

// RFC 9110 §10.1.1. false: something else is expected.
Task<bool> Session::invite_body(RequestParser& parser) {
  const auto expected = parser.get()[http::field::expect];
  if (expected.empty()) co_return true;
  if (!same_name({expected.data(), expected.size()}, "100-continue")) co_return false;
  Operation operation([this](auto handler) {
    start_write(asio::buffer(std::string_view("HTTP/1.1 100 Continue\r\n\r\n")), std::move(handler));
  });
  co_await operation;
  co_return true;
}

Task<Response> Session::answer(Incoming& incoming, const Route*& route, std::string& error) {
  std::exception_ptr failed;
  try {
    const AnswerForm form = AnswerForm::of(incoming.request);
    Response response = co_await let_in(incoming, route);
    if (!disclose(response.patients, route, incoming)) {
      throw meta::Error(meta::ErrorCode::database_unreachable, "the audit trail cannot be written");
    }
    form.apply(response);
    if (route && !route->deprecation.empty()) response.headers.emplace_back("Deprecation", route->deprecation);
    if (route && !route->sunset.empty()) response.headers.emplace_back("Sunset", route->sunset);
    co_return response;
  } catch (const std::exception& known) {
    failed = std::current_exception();
    error = known.what();
  } catch (...) {
    failed = std::current_exception();
    error = "an unknown exception";
  }
  co_return to_response(failed, incoming.id);
}

// Finds the route, asks who calls, checks the request, and calls the handler.
Task<Response> Session::let_in(Incoming& incoming, const Route*& route) {
  Request& request = incoming.request;
  const ServerOptions& options = worker_.shared().options;
  Admission admission = find_route(*worker_.shared().table, request);
  route = admission.route;
  if (!options.cors_origins.empty()) allow_origin(options.cors_origins, request, admission, incoming.origin);
  const bool guarded = options.gatekeeper && route && access_of(*route) != Access::anyone;
  std::optional<Verdict> verdict;
  if (guarded) verdict = options.gatekeeper->known(credential_of(request));
  if (too_often(verdict ? &*verdict : nullptr)) co_return too_many_requests(request);
  if (admission.response) co_return std::move(*admission.response);
  if (guarded) {
    if (!verdict) {
      Verdict looked_into = co_await options.gatekeeper->check(std::string(credential_of(request)), worker_);
      verdict = std::move(looked_into);
    }
    std::optional<Response> refused = refuse_access(*route, *verdict, request);
    if (refused) co_return std::move(*refused);
    incoming.principal = request.principal;
  }
  std::optional<Response> refused = check_request(admission, request);
  if (refused) co_return std::move(*refused);
  Response response = co_await route->handler(std::move(request));
  co_return response;
}

// Counted by the key, wherever it is used; by the address, of whoever has none that is known.
bool Session::too_often(const Verdict* verdict) const {
  ClientLimits* clients = worker_.shared().clients.get();
  if (clients == nullptr) return false;
  const bool known = verdict != nullptr && verdict->kind == Verdict::Kind::granted && verdict->principal;
  const std::string& client = known ? verdict->principal->id : counted_;
  return !client.empty() && !clients->take(client, std::chrono::steady_clock::now());
}

bool Session::disclose(const std::vector<std::string>& patients, const Route* route, const Incoming& incoming) const {
  const ServerOptions& options = worker_.shared().options;
  if (patients.empty() || !options.on_disclosure) return true;
  return options.on_disclosure({worker_.index(), incoming.principal.get(), client_,
                                route ? std::string_view(route->operation_id) : std::string_view(), incoming.id,
                                patients});
}

Task<bool> Session::write(Incoming& incoming, const Route* route, Response response, std::string& error) {
  enter(Phase::writing, worker_.shared().options.limits.write_time);
  if (response.stream && !incoming.chunks) incoming.keep_alive = false;
  const std::string head = head_of(response, {.request_id = incoming.id,
                                              .keep_alive = incoming.keep_alive,
                                              .chunks = incoming.chunks,
                                              .tls = tls_ != nullptr,
                                              .cors = !worker_.shared().options.cors_origins.empty(),
                                              .origin = incoming.origin});
  const bool with_body = incoming.method != Method::head && response.status != 204 && response.status != 304;
  const std::array<asio::const_buffer, 2> buffers = {asio::buffer(head),
                                                     with_body ? asio::buffer(response.body) : asio::const_buffer()};
  Operation operation([&](auto handler) { start_write(buffers, std::move(handler)); });
  const auto [failed, bytes] = co_await operation;
  if (failed || !response.stream || !with_body) co_return !failed;
  const bool whole = co_await write_stream(std::move(response.stream), route, &incoming, &error);
  co_return whole;
}

// Closing while the client still sends would reset the connection and lose the answer on its way.
Task<void> Session::drain() {
  if (tls_) {
    // Says that nothing more comes (RFC 8446 §6.1), and waits for the client to say so.
    enter(Phase::draining, kDrainTime);
    Operation operation([this](auto handler) {
      tls_->async_shutdown(
          [handler = std::move(handler)](const boost::system::error_code& failed) mutable { handler(failed, 0); });
    });
    co_await operation;
    co_return;
  }
  boost::system::error_code error;
  socket_.shutdown(Socket::shutdown_send, error);
  if (error) co_return;
  enter(Phase::draining, kDrainTime);
  std::size_t drained = 0;
  while (drained < kDrainBytes) {
    buffer_.clear();
    const bool more = co_await read_some();
    if (!more) co_return;
    drained += buffer_.size();
  }
}

}  // namespace wellhead::webserver
