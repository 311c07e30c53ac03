#include "library/meta/ids.h"

#include <fmt/format.h>

#include <algorithm>

#include "library/meta/error.h"

namespace wellhead::meta {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

constexpr std::string_view kPostalBlanks = " \t\r\n";

}  // namespace

Zipcode Zipcode::parse(std::string_view text) {
  if (text.size() != 5 || !std::ranges::all_of(text, is_digit)) {
    throw Error(ErrorCode::invalid_input, fmt::format("'{}' is not a zip code", text.substr(0, 40)),
                "Give five digits, for example 02139");
  }
  Zipcode zipcode;
  zipcode.text_ = text;
  return zipcode;
}

Zipcode Zipcode::from_number(std::int64_t number) {
  if (number < 0 || number > 99999) return parse(std::to_string(number));
  return parse(fmt::format("{:05}", number));
}

bool Zipcode::matches(std::string_view postal_code) const {
  const auto first = postal_code.find_first_not_of(kPostalBlanks);
  if (first == std::string_view::npos || text_.empty()) return false;
  const auto trimmed = postal_code.substr(first, postal_code.find_last_not_of(kPostalBlanks) - first + 1);
  if (!trimmed.starts_with(text_)) return false;
  const auto rest = trimmed.substr(5);
  return rest.empty() || rest == "-" ||
         (rest.size() == 5 && rest[0] == '-' && std::ranges::all_of(rest.substr(1), is_digit));
}

}  // namespace wellhead::meta
