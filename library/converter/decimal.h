// Decimal numbers as text, exact: no binary floating point anywhere.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace wellhead::converter {

// Both by the grammar of a JSON number.
std::strong_ordering compare_decimals(std::string_view a, std::string_view b);

// Equal for equal numbers.
std::uint64_t decimal_hash(std::string_view number);

// One spelling of all that are equal: 12.50, 1.25e1 and 12.5 give the same text.
std::string normalized_decimal(std::string_view number);

// Whether PostgreSQL's numeric can hold it: up to 131072 digits before the decimal point and 16383 after it.
bool fits_numeric(std::string_view number);

// Whether it is written as a whole number (no fraction, no exponent) within the range.
bool fits_integer(std::string_view number, long long lowest, long long highest);

}  // namespace wellhead::converter
