#include "library/webserver/http.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace wellhead::webserver {
namespace {

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// Takes the text up to the separator away from the front.
std::string_view take_until(std::string_view& text, char separator) {
  const auto end = std::min(text.find(separator), text.size());
  const std::string_view part = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return trim(part);
}

// How closely a media range names the type: 0 not at all, 1 by */*, 2 by type/*, 3 exactly.
int closeness(std::string_view range, std::string_view type) {
  if (same_name(range, type)) return 3;
  const auto slash = type.find('/');
  if (range.size() == slash + 2 && range.ends_with("/*") && same_name(range.substr(0, slash), type.substr(0, slash)))
    return 2;
  return range == "*/*" ? 1 : 0;
}

// A weight in thousandths (RFC 9110 §12.4.2): 1, 0.5, 0.25.
int thousandths(std::string_view weight) {
  if (weight.empty()) return 1000;
  int number = weight.front() == '0' ? 0 : 1000;
  int place = 100;
  for (const char c : weight.substr(std::min<std::size_t>(2, weight.size()))) {
    if (c < '0' || c > '9') break;
    number += (c - '0') * place;
    place /= 10;
  }
  return std::min(number, 1000);
}

// 0: refused, or not named.
int weight_of(std::string_view accept, std::string_view content_type) {
  if (trim(accept).empty()) return 1000;
  const std::string_view type = trim(content_type.substr(0, content_type.find(';')));
  int best = 0;
  int weight = 0;
  while (!accept.empty()) {
    std::string_view range = take_until(accept, ',');
    const int close = closeness(take_until(range, ';'), type);
    if (close == 0 || close < best) continue;
    best = close;
    weight = 1000;
    while (!range.empty()) {
      std::string_view parameter = take_until(range, ';');
      if (same_name(take_until(parameter, '='), "q")) weight = thousandths(parameter);
    }
  }
  return weight;
}

}  // namespace

std::string_view to_string(Method method) {
  constexpr std::array<std::string_view, 8> names = {"GET",   "HEAD",   "POST",    "PUT",
                                                     "PATCH", "DELETE", "OPTIONS", "OTHER"};
  return names[static_cast<std::size_t>(method)];
}

bool same_name(std::string_view left, std::string_view right) {
  return left.size() == right.size() &&
         std::equal(left.begin(), left.end(), right.begin(), [](char a, char b) { return lower(a) == lower(b); });
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (same_name(key, name)) return value;
  }
  return {};
}

Response Response::json(std::string body, int status) {
  Response response;
  response.status = status;
  response.body = std::move(body);
  return response;
}

bool accepts(std::string_view accept, std::string_view content_type) { return weight_of(accept, content_type) > 0; }

std::optional<std::size_t> best_type(std::string_view accept, std::span<const std::string_view> content_types) {
  std::optional<std::size_t> best;
  int weight = 0;
  for (std::size_t i = 0; i < content_types.size(); ++i) {
    const int other = weight_of(accept, content_types[i]);
    if (other <= weight) continue;
    weight = other;
    best = i;
  }
  return best;
}

}  // namespace wellhead::webserver
