#include "library/converter/decimal.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace wellhead::converter {
namespace {

constexpr std::int64_t kMostDigitsBefore = 131072;
constexpr std::int64_t kMostDigitsAfter = 16383;
constexpr std::int64_t kHugeExponent = 1'000'000'000;

// value = ± 0.d1d2d3… × 10^scale; the digits run over whole and then fraction, leading zeros left out.
struct Decimal {
  bool negative = false;
  std::string_view whole;
  std::string_view fraction;
  std::int64_t exponent = 0;  // as written
  std::int64_t scale = 0;

  bool zero() const { return whole.empty() && fraction.empty(); }
  std::size_t digits() const { return whole.size() + fraction.size(); }
  char digit(std::size_t i) const {
    if (i < whole.size()) return whole[i];
    return i - whole.size() < fraction.size() ? fraction[i - whole.size()] : '0';
  }
};

Decimal split(std::string_view text) {
  Decimal decimal;
  decimal.negative = text.starts_with('-');
  if (decimal.negative) text.remove_prefix(1);
  if (const auto at = text.find_first_of("eE"); at != std::string_view::npos) {
    std::string_view exponent = text.substr(at + 1);
    if (exponent.starts_with('+')) exponent.remove_prefix(1);
    const auto [end, error] = std::from_chars(exponent.data(), exponent.data() + exponent.size(), decimal.exponent);
    if (error != std::errc{} || decimal.exponent > kHugeExponent || decimal.exponent < -kHugeExponent) {
      decimal.exponent = exponent.starts_with('-') ? -kHugeExponent : kHugeExponent;
    }
    text = text.substr(0, at);
  }
  const auto point = text.find('.');
  decimal.whole = text.substr(0, point);
  if (point != std::string_view::npos) decimal.fraction = text.substr(point + 1);
  decimal.whole.remove_prefix(std::min(decimal.whole.find_first_not_of('0'), decimal.whole.size()));
  decimal.scale = static_cast<std::int64_t>(decimal.whole.size()) + decimal.exponent;
  if (decimal.whole.empty()) {
    const std::size_t zeros = std::min(decimal.fraction.find_first_not_of('0'), decimal.fraction.size());
    decimal.fraction.remove_prefix(zeros);
    decimal.scale -= static_cast<std::int64_t>(zeros);
  }
  return decimal;
}

std::strong_ordering compare_magnitudes(const Decimal& a, const Decimal& b) {
  if (a.scale != b.scale) return a.scale <=> b.scale;
  const std::size_t digits = std::max(a.digits(), b.digits());
  for (std::size_t i = 0; i < digits; ++i) {
    if (a.digit(i) != b.digit(i)) return a.digit(i) <=> b.digit(i);
  }
  return std::strong_ordering::equal;
}

}  // namespace

std::strong_ordering compare_decimals(std::string_view a, std::string_view b) {
  const Decimal left = split(a);
  const Decimal right = split(b);
  const int left_sign = left.zero() ? 0 : left.negative ? -1 : 1;
  const int right_sign = right.zero() ? 0 : right.negative ? -1 : 1;
  if (left_sign != right_sign || left_sign == 0) return left_sign <=> right_sign;
  return left_sign > 0 ? compare_magnitudes(left, right) : compare_magnitudes(right, left);
}

std::uint64_t decimal_hash(std::string_view number) {
  const Decimal decimal = split(number);
  if (decimal.zero()) return 0;
  std::uint64_t hash = static_cast<std::uint64_t>(decimal.scale) * 2 + (decimal.negative ? 1 : 0);
  std::uint64_t zeros = 0;
  for (std::size_t i = 0; i < decimal.digits(); ++i) {
    if (decimal.digit(i) == '0') {
      ++zeros;
      continue;
    }
    hash = (hash + zeros * 31 + static_cast<std::uint64_t>(decimal.digit(i))) * 0x100000001B3U;
    zeros = 0;
  }
  return hash ^ (hash >> 31);
}

std::string normalized_decimal(std::string_view number) {
  const Decimal decimal = split(number);
  if (decimal.zero()) return "0";
  std::string digits = std::string(decimal.whole) + std::string(decimal.fraction);
  while (digits.ends_with('0')) digits.pop_back();
  std::string result = decimal.negative ? "-" : "";
  const auto size = static_cast<std::int64_t>(digits.size());
  if (decimal.scale > 0 && decimal.scale <= 40) {
    const auto whole = static_cast<std::size_t>(decimal.scale);
    if (size <= decimal.scale) return result + digits + std::string(whole - digits.size(), '0');
    return result + digits.substr(0, whole) + '.' + digits.substr(whole);
  }
  if (decimal.scale <= 0 && decimal.scale > -40) {
    return result + "0." + std::string(static_cast<std::size_t>(-decimal.scale), '0') + digits;
  }
  return result + "0." + digits + "e" + std::to_string(decimal.scale);
}

bool fits_numeric(std::string_view number) {
  if (number.size() < 1000 && number.find_first_of("eE") == std::string_view::npos) return true;
  const Decimal decimal = split(number);
  if (decimal.scale > kMostDigitsBefore || decimal.exponent > kMostDigitsBefore) return false;
  const auto point = number.find('.');
  const auto end = std::min(number.find_first_of("eE"), number.size());
  const auto after = point == std::string_view::npos ? 0 : static_cast<std::int64_t>(end - point - 1);
  return after - decimal.exponent <= kMostDigitsAfter;
}

bool fits_integer(std::string_view number, long long lowest, long long highest) {
  long long value = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), value);
  return error == std::errc{} && end == number.data() + number.size() && value >= lowest && value <= highest;
}

}  // namespace wellhead::converter
