#include "library/webserver/preferences.h"

#include <algorithm>

#include "library/webserver/http.h"

namespace wellhead::webserver {
namespace {

std::string_view trim(std::string_view text, std::string_view marks) {
  const auto begin = text.find_first_not_of(marks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(marks) - begin + 1);
}

}  // namespace

std::string_view preference(std::string_view prefer, std::string_view name) {
  while (!prefer.empty()) {
    const auto end = std::min(prefer.find(','), prefer.size());
    const std::string_view one = prefer.substr(0, std::min(end, prefer.find(';')));
    prefer.remove_prefix(std::min(end + 1, prefer.size()));
    const auto equals = one.find('=');
    if (equals == std::string_view::npos || !same_name(trim(one.substr(0, equals), " \t"), name)) continue;
    return trim(one.substr(equals + 1), " \t\"");
  }
  return {};
}

}  // namespace wellhead::webserver
