#include "library/webserver/incoming_request.h"

#include <algorithm>
#include <boost/beast/http/error.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace wellhead::webserver {
namespace {

namespace http = boost::beast::http;

Method to_method(http::verb verb) {
  switch (verb) {
    case http::verb::get:
      return Method::get;
    case http::verb::head:
      return Method::head;
    case http::verb::post:
      return Method::post;
    case http::verb::put:
      return Method::put;
    case http::verb::patch:
      return Method::patch;
    case http::verb::delete_:
      return Method::del;
    case http::verb::options:
      return Method::options;
    default:
      return Method::other;
  }
}

// At least so much is still to come of a chunked body that has not ended: 0 CRLF CRLF (RFC 9112 §7.1).
constexpr std::size_t kLastChunk = 5;

// The client's request id is taken if it cannot hurt a log or a header.
bool good_request_id(std::string_view id) {
  return !id.empty() && id.size() <= 64 && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
           c == '.';
  });
}

// The target in origin-form or absolute-form (RFC 9112 §3.2).
void split_target(std::string_view target, Request& request) {
  if (!target.starts_with('/')) {
    const auto scheme = target.find("://");
    const auto slash = scheme == std::string_view::npos ? scheme : target.find('/', scheme + 3);
    if (slash != std::string_view::npos) target.remove_prefix(slash);
  }
  const auto question = std::min(target.find('?'), target.size());
  request.path = target.substr(0, question);
  request.query = target.substr(std::min(question + 1, target.size()));
}

}  // namespace

void set_limits(RequestParser& parser, const Limits& limits) {
  parser.header_limit(static_cast<std::uint32_t>(limits.header_bytes));
  parser.body_limit(limits.body_bytes);
  parser.eager(true);
}

void feed(RequestParser& parser, boost::beast::flat_buffer& came, boost::system::error_code& error) {
  // Beast asserts that it gets a last chunk it has seen the beginning of whole (basic_parser::parse_chunk_header).
  if (parser.is_header_done() && parser.chunked() && came.size() < kLastChunk) return;
  came.consume(parser.put(came.data(), error));
  if (error == http::error::need_more) error = {};
}

Problem problem_of(const boost::system::error_code& error, const Limits& limits) {
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return {431,
            "header_too_large",
            "The request's header is larger than " + std::to_string(limits.header_bytes) + " bytes",
            {}};
  }
  if (error == http::error::body_limit) {
    return {
        413, "body_too_large", "The request's body is larger than " + std::to_string(limits.body_bytes) + " bytes", {}};
  }
  if (error == http::error::bad_version) return {505, "http_version", "This server speaks HTTP/1.1", {}};
  return {400, "malformed_request", "This is no well-formed HTTP/1.1 request", {}};
}

ParsedRequest take_request(RequestParser& parser) {
  auto message = parser.release();
  ParsedRequest parsed;
  Request& request = parsed.request;
  request.method = to_method(message.method());
  parsed.chunks = message.version() >= 11;
  parsed.keep_alive = message.keep_alive();
  for (const auto& field : message) request.headers.emplace_back(field.name_string(), field.value());
  if (const auto id = request.header("X-Request-Id"); good_request_id(id)) request.id = id;
  split_target({message.target().data(), message.target().size()}, request);
  parsed.refused = message.version() == 11 && message.count(http::field::host) != 1;
  request.body = std::move(message.body());
  return parsed;
}

}  // namespace wellhead::webserver
