// What a failed answer means and how it is told.
#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "library/webclient/http.h"
#include "library/webclient/text.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;

// A longer wait that a server asks for is taken for this.
constexpr std::int64_t kMaxSeconds = 366 * 24 * 3600;
constexpr std::size_t kMaxTitle = 80;
constexpr std::size_t kMaxPlainText = 200;

bool contains_ignoring_case(std::string_view text, std::string_view lower_case) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return !std::ranges::search(text, lower_case, same).empty();
}

std::string html_title(std::string_view html) {
  const auto same = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  const auto open = std::ranges::search(html, std::string_view("<title"), same);
  if (open.empty()) return {};
  const std::string_view rest(open.begin(), html.end());
  const auto begin = rest.find('>');
  if (begin == std::string_view::npos) return {};
  return one_line(rest.substr(begin + 1, rest.find('<', begin) - begin - 1), kMaxTitle);
}

std::string_view reason(int status) {
  switch (status) {
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 410:
      return "Gone";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 429:
      return "Too Many Requests";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

std::string_view advice_for(int status) {
  switch (status) {
    case 401:
      return "Check WELLHEAD_SOURCE_TOKEN, WELLHEAD_SOURCE_TOKEN_FILE or WELLHEAD_SOURCE_USER and its password";
    case 403:
      return "Ask for read access to this resource type for the account in use";
    case 404:
      return "Check that WELLHEAD_SOURCE_URL is the base URL of a FHIR server, often ending in /fhir or /r4";
    case 429:
    case 503:
      return "Try again later, or lower WELLHEAD_CONCURRENCY and WELLHEAD_REQUEST_RATE";
    default:
      return status >= 500 ? "The server's own log says more" : "";
  }
}

}  // namespace

ErrorCode status_code(int status) {
  if (status == 401 || status == 403) return ErrorCode::source_unauthorized;
  if (status == 408) return ErrorCode::source_timeout;
  if (status == 429 || status == 503) return ErrorCode::source_busy;
  return status >= 500 ? ErrorCode::source_failed : ErrorCode::source_refused;
}

std::string explain_body(const HttpResponse& response) {
  const std::string_view body = response.body;
  const auto head = body.substr(0, 16384);
  if (contains_ignoring_case(response.content_type, "html") || contains_ignoring_case(head.substr(0, 512), "<html")) {
    const auto title = html_title(head);
    return title.empty() ? "an HTML page" : fmt::format("an HTML page titled '{}'", title);
  }
  if (body.starts_with('<')) return "an XML document";
  return one_line(head, kMaxPlainText);
}

Error status_error(const HttpRequest& request, const HttpResponse& response) {
  const auto method = request.method == HttpRequest::Method::get ? "GET" : "POST";
  auto message = fmt::format("{} {} answered {}", method, meta::redacted_url(request.url), response.status);
  if (const auto words = reason(response.status); !words.empty()) message.append(" ").append(words);
  if (const auto said = request.explain(response); !said.empty()) message.append(": ").append(said);
  if (response.retry_after) {
    message +=
        fmt::format(" (asks to wait {} s)", std::chrono::ceil<std::chrono::seconds>(*response.retry_after).count());
  }
  Error error(status_code(response.status), std::move(message), std::string(advice_for(response.status)));
  if (response.status == 501 || response.status == 505) error.no_retry();
  if (response.retry_after) error.set_retry_after(*response.retry_after);
  return error;
}

std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view text, meta::Time now) {
  using std::chrono::milliseconds;
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  if (text.empty()) return std::nullopt;
  if (std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
    std::int64_t seconds = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (parsed.ec != std::errc()) seconds = kMaxSeconds;
    return milliseconds(1000 * std::min(seconds, kMaxSeconds));
  }
  // All three forms of an HTTP date begin with the name of a day; libcurl's parser takes much more.
  if (std::isalpha(static_cast<unsigned char>(text.front())) == 0) return std::nullopt;
  const auto seconds = curl_getdate(std::string(text).c_str(), nullptr);
  if (seconds < 0) return std::nullopt;
  const auto wait = std::chrono::sys_seconds(std::chrono::seconds(seconds)) - now;
  return std::max(milliseconds(0), std::chrono::ceil<milliseconds>(wait));
}

}  // namespace wellhead::webclient
