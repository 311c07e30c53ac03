#include "library/webserver/answer_head.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <utility>

#include "library/webserver/problem.h"

namespace wellhead::webserver {
namespace {

using Header = std::pair<std::string_view, std::string_view>;

constexpr std::string_view kNoPage = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
constexpr std::string_view kPage =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// A handler's own word goes before these.
constexpr auto kUnlessSaid = std::to_array<Header>({{"Content-Security-Policy", kNoPage},
                                                    {"Referrer-Policy", "no-referrer"},
                                                    {"Cache-Control", "no-store"},
                                                    {"Cross-Origin-Resource-Policy", "same-origin"}});
constexpr std::string_view kAYear = "max-age=31536000";
// What a page of another origin may read beside the body.
constexpr std::string_view kExposed =
    "Content-Encoding, Deprecation, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, Retry-After, "
    "Sunset, "
    "X-Request-Id";

std::string_view http_date() {
  thread_local std::time_t last = 0;
  thread_local std::array<char, 40> text{};
  thread_local std::size_t length = 0;
  const std::time_t now = std::time(nullptr);
  if (now != last) {
    std::tm utc{};
    gmtime_r(&now, &utc);
    length = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
    last = now;
  }
  return {text.data(), length};
}

void add(std::string& out, std::string_view name, std::string_view value) {
  out.append(name).append(": ").append(value).append("\r\n");
}

void add_security(std::string& out, const Response& response, bool tls) {
  add(out, "X-Content-Type-Options", "nosniff");
  if (tls) add(out, "Strict-Transport-Security", kAYear);
  for (const auto& [name, value] : kUnlessSaid) {
    const bool said =
        std::ranges::any_of(response.headers, [&](const auto& own) { return same_name(own.first, name); });
    if (said) continue;
    add(out, name, value == kNoPage && response.content_type.starts_with("text/html") ? kPage : value);
  }
}

}  // namespace

std::string head_of(const Response& response, const AnswerHead& head) {
  std::string out;
  out.reserve(1024);
  out.append("HTTP/1.1 ").append(std::to_string(response.status)).append(" ");
  out.append(status_text(response.status)).append("\r\n");
  add(out, "Date", http_date());
  if (!response.content_type.empty()) add(out, "Content-Type", response.content_type);
  if (response.stream) {
    if (head.chunks) add(out, "Transfer-Encoding", "chunked");
  } else if (response.status != 204 && response.status != 304) {
    add(out, "Content-Length", std::to_string(response.body.size()));
  }
  add(out, "X-Request-Id", head.request_id);
  for (const auto& [name, value] : response.headers) add(out, name, value);
  add_security(out, response, head.tls);
  // Caches have to know it of answers to other origins, too.
  if (head.cors) add(out, "Vary", "Origin");
  if (!head.origin.empty()) {
    add(out, "Access-Control-Allow-Origin", head.origin);
    add(out, "Access-Control-Expose-Headers", kExposed);
  }
  add(out, "Connection", head.keep_alive ? "keep-alive" : "close");
  out.append("\r\n");
  return out;
}

}  // namespace wellhead::webserver
