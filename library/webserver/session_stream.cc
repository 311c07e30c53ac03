// Bodies that are made while they are sent.
#include <array>
#include <boost/asio/buffer.hpp>
#include <charconv>
#include <exception>
#include <utility>

#include "library/webserver/session_write.h"
#include "library/webserver/socket_operation.h"
#include "library/webserver/worker_loop.h"

namespace wellhead::webserver {
namespace {

// RFC 9112 §7.1
std::string chunk_head(std::size_t bytes) {
  std::array<char, 20> digits{};
  const auto written = std::to_chars(digits.data(), digits.data() + digits.size(), bytes, 16);
  return std::string(digits.data(), written.ptr) + "\r\n";
}

}  // namespace

// false: the connection is of no more use. Without chunks the end of the connection is the end of the body.
Task<bool> Session::write_stream(std::shared_ptr<BodyStream> stream, const Route* route, const Incoming* incoming,
                                 std::string* error) {
  namespace asio = boost::asio;
  const bool chunks = incoming->chunks;
  for (bool ended = false; !ended;) {
    enter(Phase::answering, std::chrono::milliseconds::max());
    std::optional<std::string> piece;
    try {
      piece = co_await stream->next();
    } catch (const std::exception& failed) {
      *error = failed.what();
    }
    if (error->empty() && !disclose(stream->take_patients(), route, *incoming)) {
      *error = "the audit trail cannot be written";
    }
    // What was sent is no whole answer: the connection breaks off, without the chunk that says the end.
    if (!error->empty()) {
      cut();
      co_return false;
    }
    ended = !piece.has_value();
    if (piece && piece->empty()) continue;
    enter(Phase::writing, worker_.shared().options.limits.write_time);
    const std::string head = ended ? "0\r\n" : chunk_head(piece->size());
    const std::string body = std::move(piece).value_or(std::string());
    const std::array<asio::const_buffer, 3> buffers = {chunks ? asio::buffer(head) : asio::const_buffer(),
                                                       asio::buffer(body),
                                                       asio::buffer(std::string_view(chunks ? "\r\n" : ""))};
    Operation operation([&](auto handler) { start_write(buffers, std::move(handler)); });
    const auto [failed, bytes] = co_await operation;
    if (failed) co_return false;
    streamed_bytes_ += body.size();
  }
  co_return true;
}

}  // namespace wellhead::webserver
