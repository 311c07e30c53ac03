// Arithmetic of decimal numbers, exact, of up to 100 digits: FHIRPath's + - * / div mod, rounding and boundaries. No
// allocation, no binary floating point.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace wellhead::converter {

class Number {
 public:
  enum class Rounding { down, up, truncate, half_away };  // down and up: towards −∞ and +∞

  Number() = default;
  // A number as JSON writes it. nullopt: none, or one of more digits or decimals than kMaxDigits.
  static std::optional<Number> parse(std::string_view text);

  bool negative() const { return negative_; }
  bool zero() const { return size_ == 0; }
  int scale() const { return scale_; }  // digits behind the point

  // nullopt: the result has more digits than kMaxDigits; for a quotient also: the divisor is zero.
  static std::optional<Number> add(const Number& a, const Number& b);
  static std::optional<Number> subtract(const Number& a, const Number& b);
  static std::optional<Number> multiply(const Number& a, const Number& b);
  // Exact as far as it ends within kQuotientScale decimals, else rounded to them; without zeros at the end.
  static std::optional<Number> divide(const Number& a, const Number& b);
  // Towards zero, and what is left of it, which has the sign of `a`.
  static std::optional<Number> divide_whole(const Number& a, const Number& b);
  static std::optional<Number> remainder(const Number& a, const Number& b);

  Number negated() const;
  // With exactly `scale` decimals.
  std::optional<Number> rounded(int scale, Rounding rounding) const;
  // The number half a unit of the last written digit above or below this one: where what it was rounded from ends.
  std::optional<Number> boundary(bool high) const;
  // Without zeros at the end of the decimals.
  Number trimmed() const;

  // Writes at most kMaxLength characters; returns the length.
  std::size_t write(char* out) const;

  static constexpr int kMaxDigits = 100;
  static constexpr int kQuotientScale = 20;
  static constexpr std::size_t kMaxLength = 2 * kMaxDigits + 8;

 private:
  static constexpr std::uint32_t kBase = 1'000'000'000;
  static constexpr int kBaseDigits = 9;
  static constexpr std::size_t kLimbs = 28;

  static int compare_magnitudes(const Number& a, const Number& b);  // of equal scale
  static Number add_magnitudes(const Number& a, const Number& b);
  static Number subtract_magnitudes(const Number& a, const Number& b);  // a >= b
  static Number quotient(const Number& a, const Number& b, Number& rest);
  static void align(Number& a, Number& b);
  void multiply_small(std::uint32_t factor, std::uint32_t carry = 0);
  std::uint32_t divide_small(std::uint32_t divisor);
  void shift(int digits);  // times 10^digits, the scale stays
  void trim();
  int digits() const;
  std::optional<Number> checked() const;

  bool negative_ = false;
  int scale_ = 0;
  std::size_t size_ = 0;  // limbs in use, lowest first
  std::array<std::uint32_t, kLimbs> limbs_{};
};

}  // namespace wellhead::converter
