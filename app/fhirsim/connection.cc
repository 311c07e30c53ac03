#include "app/fhirsim/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>

namespace wellhead::fhirsim {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

constexpr auto kTuple = asio::as_tuple(asio::use_awaitable);
constexpr std::uint32_t kHeaderLimit = 256 * 1024;
constexpr std::uint64_t kBodyLimit = std::uint64_t{4} << 30;
constexpr auto kTransferLimit = std::chrono::minutes(10);
constexpr std::int64_t kHoldPoll = 5;  // ms

// One connection: its buffers are reused from request to request.
class Connection {
 public:
  Connection(asio::ip::tcp::socket socket, Application* application, std::chrono::milliseconds idle_limit)
      : stream_(std::move(socket)), application_(application), idle_limit_(idle_limit) {}

  asio::awaitable<void> serve() {
    boost::system::error_code ignored;
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    while (co_await serve_request()) {
    }
    if (stream_.socket().is_open()) stream_.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
  }

 private:
  using Message = http::request<http::string_body>;

  // False when the connection is over.
  asio::awaitable<bool> serve_request() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderLimit);
    parser.body_limit(kBodyLimit);
    stream_.expires_after(idle_limit_);
    if (const auto [error, size] = co_await http::async_read_header(stream_, input_, parser, kTuple); error)
      co_return false;
    stream_.expires_after(kTransferLimit);
    if (beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";
      co_await asio::async_write(stream_, asio::buffer(go_on), kTuple);
    }
    if (const auto [error, size] = co_await http::async_read(stream_, input_, parser, kTuple); error) co_return false;

    const Message& message = parser.get();
    reply_.start_over();
    application_->handle(request_of(message), reply_);
    if (reply_.delay_ms > 0) co_await pause(reply_.delay_ms);
    while (application_->holds(reply_)) co_await pause(kHoldPoll);
    co_return co_await write(message.keep_alive());
  }

  static Request request_of(const Message& message) {
    const auto field = [&message](http::field name) -> std::string_view { return message[name]; };
    return {.method = message.method_string(),
            .target = message.target(),
            .host = field(http::field::host),
            .authorization = field(http::field::authorization),
            .prefer = field(http::field::prefer),
            .accept_encoding = field(http::field::accept_encoding),
            .cache_control = field(http::field::cache_control),
            .if_none_match = field(http::field::if_none_match),
            .content_type = field(http::field::content_type),
            .traceparent = message["traceparent"],
            .body = message.body()};
  }

  asio::awaitable<void> pause(std::int64_t milliseconds) {
    asio::steady_timer timer(stream_.get_executor(), std::chrono::milliseconds(milliseconds));
    co_await timer.async_wait(kTuple);
  }

  void write_head(bool keep_alive) {
    head_.clear();
    fmt::format_to(std::back_inserter(head_), "HTTP/1.1 {} {}\r\nX-Powered-By: fhirsim\r\n", reply_.status,
                   std::string_view(http::obsolete_reason(static_cast<http::status>(reply_.status))));
    if (reply_.status != 304) {
      fmt::format_to(std::back_inserter(head_), "Content-Type: {}\r\nContent-Length: {}\r\n", reply_.content_type,
                     reply_.body.size());
    }
    head_ += reply_.headers;
    head_ += keep_alive ? "\r\n" : "Connection: close\r\n\r\n";
  }

  // Writes the answer as its ending says; false when the connection is over.
  asio::awaitable<bool> write(bool keep_alive) {
    using Ending = Reply::Ending;
    if (reply_.ending == Ending::reset) co_return abort();
    write_head(keep_alive);
    auto body = reply_.body.view();
    if (reply_.ending == Ending::drip) co_return co_await drip(body) && keep_alive;
    const bool cut = reply_.ending == Ending::truncated || reply_.ending == Ending::reset_in_body;
    if (cut) body = body.substr(0, static_cast<std::size_t>(reply_.piece_bytes));
    const std::array<asio::const_buffer, 2> parts = {asio::buffer(head_), asio::buffer(body)};
    // Larger pieces than Asio's own 64 KiB: fewer system calls.
    const auto whole = [](boost::system::error_code error, std::size_t) -> std::size_t {
      return error ? 0 : std::size_t{1} << 22;
    };
    const auto [error, size] = co_await asio::async_write(stream_, parts, whole, kTuple);
    if (error) co_return false;
    if (reply_.ending == Ending::reset_in_body) co_return abort();
    co_return keep_alive && !cut;
  }

  asio::awaitable<bool> drip(std::string_view body) {
    const auto [head_error, head_size] = co_await asio::async_write(stream_, asio::buffer(head_), kTuple);
    if (head_error) co_return false;
    while (!body.empty()) {
      const auto piece = body.substr(0, static_cast<std::size_t>(reply_.piece_bytes));
      const auto [error, size] = co_await asio::async_write(stream_, asio::buffer(piece), kTuple);
      if (error) co_return false;
      body.remove_prefix(piece.size());
      co_await pause(reply_.piece_ms);
    }
    co_return true;
  }

  // Closes with RST instead of FIN (a linger time of zero does that).
  bool abort() {
    boost::system::error_code ignored;
    stream_.socket().set_option(asio::socket_base::linger(true, 0), ignored);
    stream_.socket().close(ignored);
    return false;
  }

  beast::tcp_stream stream_;
  Application* application_;
  std::chrono::milliseconds idle_limit_;
  beast::flat_buffer input_;
  Reply reply_;
  std::string head_;
};

}  // namespace

boost::asio::awaitable<void> serve_connection(asio::ip::tcp::socket socket, Application* application,
                                              std::chrono::milliseconds idle_limit) {
  Connection connection(std::move(socket), application, idle_limit);
  co_await connection.serve();
}

}  // namespace wellhead::fhirsim
