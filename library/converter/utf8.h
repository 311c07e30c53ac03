// UTF-8 texts as code points (RFC 3629). Texts of resources are checked when they are read; what is no UTF-8 in others
// is taken byte by byte.
#pragma once

#include <cstddef>
#include <string_view>

namespace wellhead::converter {

// The code point at `at`, which is below the size and moves behind it.
inline char32_t decode_utf8(std::string_view text, std::size_t& at) {
  const auto lead = static_cast<unsigned char>(text[at++]);
  const int more = lead < 0xC0 ? 0 : lead < 0xE0 ? 1 : lead < 0xF0 ? 2 : 3;
  if (more == 0 || at + static_cast<std::size_t>(more) > text.size()) return lead;
  char32_t point = lead & (0x3FU >> more);
  for (int i = 0; i < more; ++i) point = (point << 6) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  return point;
}

inline bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Code points in the text.
inline std::size_t utf8_length(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += is_continuation(c) ? 0 : 1;
  return count;
}

// The byte at which the code point of that number begins; the text's size for one behind the end.
inline std::size_t utf8_offset(std::string_view text, std::size_t points) {
  std::size_t at = 0;
  while (points > 0 && at < text.size()) {
    ++at;
    while (at < text.size() && is_continuation(text[at])) ++at;
    --points;
  }
  return at;
}

}  // namespace wellhead::converter
