#include "app/fhirsim/mixing.h"

#include <array>

namespace wellhead::fhirsim {
namespace {

// Two hex digits of each byte.
constexpr std::array<char, 512> kHex = [] {
  std::array<char, 512> table{};
  constexpr std::string_view digits = "0123456789abcdef";
  for (std::size_t byte = 0; byte < 256; ++byte) {
    table[2 * byte] = digits[byte >> 4];
    table[2 * byte + 1] = digits[byte & 15];
  }
  return table;
}();

int hex_value(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  if (digit >= 'a' && digit <= 'f') return digit - 'a' + 10;
  return -1;
}

}  // namespace

void write_uuid(char* out, std::uint64_t high, std::uint64_t low) {
  const auto bytes = [&out](std::uint64_t value, int from, int to) {
    for (int shift = from; shift >= to; shift -= 8) {
      const auto byte = (value >> shift) & 0xff;
      *out++ = kHex[2 * byte];
      *out++ = kHex[2 * byte + 1];
    }
  };
  bytes(high, 56, 32);
  *out++ = '-';
  bytes(high, 24, 16);
  *out++ = '-';
  bytes(high, 8, 0);
  *out++ = '-';
  bytes(low, 56, 48);
  *out++ = '-';
  bytes(low, 40, 0);
}

std::string uuid_text(std::uint64_t high, std::uint64_t low) {
  std::string text(kUuidLength, ' ');
  write_uuid(text.data(), high, low);
  return text;
}

std::optional<Uuid> parse_uuid(std::string_view text) {
  if (text.size() != kUuidLength) return std::nullopt;
  std::array<std::uint64_t, 2> halves{};
  int digits = 0;
  for (std::size_t place = 0; place < text.size(); ++place) {
    if (place == 8 || place == 13 || place == 18 || place == 23) {
      if (text[place] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[place]);
    if (value < 0) return std::nullopt;
    auto& half = halves[digits++ / 16];
    half = half << 4 | static_cast<std::uint64_t>(value);
  }
  return Uuid{halves[0], halves[1]};
}

}  // namespace wellhead::fhirsim
