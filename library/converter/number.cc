#include "library/converter/number.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace wellhead::converter {

std::optional<Number> Number::parse(std::string_view text) {
  Number number;
  number.negative_ = text.starts_with('-');
  if (number.negative_) text.remove_prefix(1);
  int exponent = 0;
  if (const auto at = text.find_first_of("eE"); at != std::string_view::npos) {
    std::string_view digits = text.substr(at + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
    if (exponent > kMaxDigits || exponent < -kMaxDigits) return std::nullopt;
    text = text.substr(0, at);
  }
  if (text.empty() || text.front() == '.' || text.back() == '.') return std::nullopt;
  if (text.size() > 2 * static_cast<std::size_t>(kMaxDigits)) return std::nullopt;
  bool point = false;
  for (const char c : text) {
    if (c == '.') {
      if (std::exchange(point, true)) return std::nullopt;
      continue;
    }
    if (c < '0' || c > '9') return std::nullopt;
    number.multiply_small(10, static_cast<std::uint32_t>(c - '0'));
    if (point) ++number.scale_;
  }
  number.scale_ -= exponent;
  if (number.scale_ < 0) {
    number.shift(-number.scale_);
    number.scale_ = 0;
  }
  if (number.zero()) number.negative_ = false;
  return number.checked();
}

std::optional<Number> Number::checked() const {
  if (digits() > kMaxDigits || scale_ > kMaxDigits) return std::nullopt;
  return *this;
}

int Number::digits() const {
  if (size_ == 0) return 0;
  int count = static_cast<int>(size_ - 1) * kBaseDigits;
  for (std::uint32_t top = limbs_[size_ - 1]; top > 0; top /= 10) ++count;
  return count;
}

// The capacity is kept by the callers: what they multiply has at most kMaxDigits digits and a few more.
void Number::multiply_small(std::uint32_t factor, std::uint32_t carry) {
  std::uint64_t rest = carry;
  for (std::size_t i = 0; i < size_; ++i) {
    rest += static_cast<std::uint64_t>(limbs_[i]) * factor;
    limbs_[i] = static_cast<std::uint32_t>(rest % kBase);
    rest /= kBase;
  }
  if (rest > 0 && size_ < kLimbs) limbs_[size_++] = static_cast<std::uint32_t>(rest);
}

std::uint32_t Number::divide_small(std::uint32_t divisor) {
  std::uint64_t rest = 0;
  for (std::size_t i = size_; i-- > 0;) {
    rest = rest * kBase + limbs_[i];
    limbs_[i] = static_cast<std::uint32_t>(rest / divisor);
    rest %= divisor;
  }
  trim();
  return static_cast<std::uint32_t>(rest);
}

void Number::shift(int digits) {
  for (; digits >= kBaseDigits; digits -= kBaseDigits) multiply_small(kBase);
  std::uint32_t factor = 1;
  for (; digits > 0; --digits) factor *= 10;
  if (factor > 1) multiply_small(factor);
}

void Number::trim() {
  while (size_ > 0 && limbs_[size_ - 1] == 0) --size_;
}

void Number::align(Number& a, Number& b) {
  Number& shorter = a.scale_ < b.scale_ ? a : b;
  const int scale = std::max(a.scale_, b.scale_);
  shorter.shift(scale - shorter.scale_);
  shorter.scale_ = scale;
}

int Number::compare_magnitudes(const Number& a, const Number& b) {
  if (a.size_ != b.size_) return a.size_ < b.size_ ? -1 : 1;
  for (std::size_t i = a.size_; i-- > 0;) {
    if (a.limbs_[i] != b.limbs_[i]) return a.limbs_[i] < b.limbs_[i] ? -1 : 1;
  }
  return 0;
}

Number Number::add_magnitudes(const Number& a, const Number& b) {
  Number sum = a;
  sum.size_ = std::max(a.size_, b.size_);
  std::uint32_t carry = 0;
  for (std::size_t i = 0; i < sum.size_; ++i) {
    const std::uint32_t limb = (i < a.size_ ? a.limbs_[i] : 0) + (i < b.size_ ? b.limbs_[i] : 0) + carry;
    carry = limb >= kBase ? 1 : 0;
    sum.limbs_[i] = limb - carry * kBase;
  }
  if (carry > 0 && sum.size_ < kLimbs) sum.limbs_[sum.size_++] = carry;
  return sum;
}

Number Number::subtract_magnitudes(const Number& a, const Number& b) {
  Number difference = a;
  std::uint32_t borrow = 0;
  for (std::size_t i = 0; i < a.size_; ++i) {
    const std::uint32_t taken = (i < b.size_ ? b.limbs_[i] : 0) + borrow;
    borrow = a.limbs_[i] < taken ? 1 : 0;
    difference.limbs_[i] = a.limbs_[i] + borrow * kBase - taken;
  }
  difference.trim();
  return difference;
}

std::optional<Number> Number::add(const Number& a, const Number& b) {
  Number left = a;
  Number right = b;
  align(left, right);
  if (left.negative_ == right.negative_) return add_magnitudes(left, right).checked();
  const bool larger = compare_magnitudes(left, right) >= 0;
  Number result = larger ? subtract_magnitudes(left, right) : subtract_magnitudes(right, left);
  if (result.zero()) result.negative_ = false;
  return result.checked();
}

std::optional<Number> Number::subtract(const Number& a, const Number& b) { return add(a, b.negated()); }

std::optional<Number> Number::multiply(const Number& a, const Number& b) {
  Number product;
  product.scale_ = a.scale_ + b.scale_;
  product.size_ = std::min(a.size_ + b.size_, kLimbs);
  for (std::size_t i = 0; i < a.size_; ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; i + j < product.size_; ++j) {
      carry += product.limbs_[i + j] + static_cast<std::uint64_t>(a.limbs_[i]) * (j < b.size_ ? b.limbs_[j] : 0);
      product.limbs_[i + j] = static_cast<std::uint32_t>(carry % kBase);
      carry /= kBase;
    }
  }
  product.trim();
  product.negative_ = !product.zero() && a.negative_ != b.negative_;
  return product.checked();
}

// Long division limb by limb; each limb of the quotient is searched for by halves.
Number Number::quotient(const Number& a, const Number& b, Number& rest) {
  Number result;
  rest = {};
  for (std::size_t i = a.size_; i-- > 0;) {
    std::copy_backward(rest.limbs_.begin(), rest.limbs_.begin() + static_cast<std::ptrdiff_t>(rest.size_),
                       rest.limbs_.begin() + static_cast<std::ptrdiff_t>(rest.size_) + 1);
    rest.limbs_[0] = a.limbs_[i];
    ++rest.size_;
    rest.trim();
    std::uint32_t low = 0;
    std::uint32_t high = kBase - 1;
    while (low < high) {
      const std::uint32_t middle = low + (high - low + 1) / 2;
      Number product = b;
      product.multiply_small(middle);
      if (compare_magnitudes(product, rest) <= 0) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    Number product = b;
    product.multiply_small(low);
    product.trim();
    rest = subtract_magnitudes(rest, product);
    result.limbs_[i] = low;
  }
  result.size_ = a.size_;
  result.trim();
  return result;
}

std::optional<Number> Number::divide(const Number& a, const Number& b) {
  if (b.zero()) return std::nullopt;
  Number dividend = a;
  Number divisor = b;
  const int wanted = kQuotientScale + 1 + b.scale_ - a.scale_;
  (wanted >= 0 ? dividend : divisor).shift(wanted >= 0 ? wanted : -wanted);
  Number rest;
  Number result = quotient(dividend, divisor, rest);
  result.scale_ = kQuotientScale + 1;
  result.negative_ = !result.zero() && a.negative_ != b.negative_;
  const auto rounded = result.rounded(kQuotientScale, Rounding::half_away);
  if (!rounded) return std::nullopt;
  return rounded->trimmed();
}

std::optional<Number> Number::divide_whole(const Number& a, const Number& b) {
  if (b.zero()) return std::nullopt;
  Number left = a;
  Number right = b;
  align(left, right);
  Number rest;
  Number result = quotient(left, right, rest);
  result.negative_ = !result.zero() && a.negative_ != b.negative_;
  return result.checked();
}

std::optional<Number> Number::remainder(const Number& a, const Number& b) {
  if (b.zero()) return std::nullopt;
  Number left = a;
  Number right = b;
  align(left, right);
  Number rest;
  quotient(left, right, rest);
  rest.scale_ = left.scale_;
  rest.negative_ = !rest.zero() && a.negative_;
  return rest.checked();
}

Number Number::negated() const {
  Number result = *this;
  result.negative_ = !zero() && !negative_;
  return result;
}

std::optional<Number> Number::rounded(int scale, Rounding rounding) const {
  Number result = *this;
  if (scale >= scale_) {
    result.shift(scale - scale_);
    result.scale_ = scale;
    return result.checked();
  }
  bool inexact = false;
  std::uint32_t last = 0;  // the highest digit that is cut off
  for (int i = scale_; i > scale; --i) {
    inexact = inexact || last > 0;
    last = result.divide_small(10);
  }
  inexact = inexact || last > 0;
  result.scale_ = scale;
  const bool away = rounding == Rounding::half_away ? last >= 5
                    : rounding == Rounding::up      ? inexact && !negative_
                    : rounding == Rounding::down    ? inexact && negative_
                                                    : false;
  if (away) {
    Number one;
    one.limbs_[0] = 1;
    one.size_ = 1;
    const bool negative = negative_;
    result = add_magnitudes(result, one);
    result.negative_ = negative;
  }
  if (result.zero()) result.negative_ = false;
  return result.checked();
}

std::optional<Number> Number::boundary(bool high) const {
  Number half;
  half.limbs_[0] = 5;
  half.size_ = 1;
  half.scale_ = scale_ + 1;
  half.negative_ = !high;
  return add(*this, half);
}

Number Number::trimmed() const {
  Number result = *this;
  while (result.scale_ > 0) {
    Number shorter = result;
    if (shorter.divide_small(10) != 0) break;
    --shorter.scale_;
    result = shorter;
  }
  return result;
}

std::size_t Number::write(char* out) const {
  std::array<char, kLimbs * kBaseDigits + 1> digits{};  // lowest first
  Number rest = *this;
  std::size_t count = 0;
  while (!rest.zero()) {
    std::uint32_t limb = rest.divide_small(kBase);
    for (int i = 0; i < kBaseDigits && (limb > 0 || !rest.zero()); ++i, limb /= 10) {
      digits[count++] = static_cast<char>('0' + limb % 10);
    }
  }
  const auto scale = static_cast<std::size_t>(scale_);
  while (count <= scale) digits[count++] = '0';
  char* at = out;
  if (negative_) *at++ = '-';
  while (count > 0) {
    if (count == scale && at != out && scale > 0) *at++ = '.';
    *at++ = digits[--count];
  }
  return static_cast<std::size_t>(at - out);
}

}  // namespace wellhead::converter
