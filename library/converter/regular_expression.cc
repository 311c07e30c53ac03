#include "library/converter/regular_expression.h"

#include <re2/re2.h>

#include <algorithm>
#include <cstddef>

namespace wellhead::converter {
namespace {

constexpr std::size_t kUnicodeDigits = 4;

bool is_hexadecimal(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

// \uhhhh is \x{hhhh} in RE2.
std::string in_syntax_of_re2(std::string_view source) {
  std::string result;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\\' || i + 1 == source.size()) {
      result += source[i];
      continue;
    }
    const std::string_view digits = source.substr(i + 2, kUnicodeDigits);
    if (source[i + 1] == 'u' && digits.size() == kUnicodeDigits && std::ranges::all_of(digits, is_hexadecimal)) {
      result.append("\\x{").append(digits).append("}");
      i += 1 + kUnicodeDigits;
    } else {
      result.append(source.substr(i, 2));
      ++i;
    }
  }
  return result;
}

std::shared_ptr<const re2::RE2> compile(std::string_view source) {
  re2::RE2::Options options(re2::RE2::Quiet);
  options.set_dot_nl(true);
  return std::make_shared<re2::RE2>(in_syntax_of_re2(source), options);
}

}  // namespace

RegularExpression::RegularExpression(std::string_view source) : expression_(compile(source)) {}

const std::string& RegularExpression::error() const { return expression_->error(); }

bool RegularExpression::matches(std::string_view text, bool whole) const {
  const auto anchor = whole ? re2::RE2::ANCHOR_BOTH : re2::RE2::UNANCHORED;
  return expression_->Match({text.data(), text.size()}, 0, text.size(), anchor, nullptr, 0);
}

}  // namespace wellhead::converter
