#include "library/converter/letters.h"

#include "library/converter/utf8.h"

namespace wellhead::converter {
namespace {

// Ranges in which upper and lower case stand a fixed distance apart, the upper case first.
struct Alphabet {
  char32_t first;
  char32_t last;
  char32_t distance;
};
constexpr Alphabet kAlphabets[] = {
    {'A', 'Z', 32},     {0xC0, 0xD6, 32},   {0xD8, 0xDE, 32},   {0x391, 0x3A1, 32}, {0x3A3, 0x3AB, 32},
    {0x388, 0x38A, 37}, {0x410, 0x42F, 32}, {0x400, 0x40F, 80}, {0x531, 0x556, 48},
};

// Ranges in which they alternate, the upper case on even or on odd numbers.
struct Pairs {
  char32_t first;
  char32_t last;
  bool upper_even;
};
constexpr Pairs kPairs[] = {{0x100, 0x12F, true},   {0x132, 0x137, true},  {0x139, 0x148, false}, {0x14A, 0x177, true},
                            {0x179, 0x17E, false},  {0x1CD, 0x1DC, false}, {0x1DE, 0x1EF, true},  {0x1F8, 0x21F, true},
                            {0x222, 0x233, true},   {0x460, 0x481, true},  {0x48A, 0x4BF, true},  {0x4D0, 0x52F, true},
                            {0x1E00, 0x1E95, true}, {0x1EA0, 0x1EFF, true}};

char32_t upper(char32_t c) {
  if (c == 0xB5 || c == 0x3BC) return 0x39C;
  if (c == 0xFF) return 0x178;
  if (c == 0x3C2) return 0x3A3;
  if (c == 0x3AC) return 0x386;
  if (c == 0x3CC) return 0x38C;
  for (const Alphabet& alphabet : kAlphabets) {
    if (c >= alphabet.first + alphabet.distance && c <= alphabet.last + alphabet.distance) return c - alphabet.distance;
  }
  for (const Pairs& pairs : kPairs) {
    if (c >= pairs.first && c <= pairs.last) return (c % 2 == 0) == pairs.upper_even ? c : c - 1;
  }
  return c;
}

char32_t lower_letter(char32_t c) {
  if (c == 0x178) return 0xFF;
  if (c == 0x386) return 0x3AC;
  if (c == 0x38C) return 0x3CC;
  for (const Alphabet& alphabet : kAlphabets) {
    if (c >= alphabet.first && c <= alphabet.last) return c + alphabet.distance;
  }
  for (const Pairs& pairs : kPairs) {
    if (c >= pairs.first && c <= pairs.last) return (c % 2 == 0) == pairs.upper_even ? c + 1 : c;
  }
  return c;
}

template <class Map>
std::size_t write(std::string_view text, char* out, Map map) {
  const char* begin = out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t from = at;
    const char32_t point = decode_utf8(text, at);
    const char32_t mapped = map(point);
    if (mapped == point) {
      for (std::size_t i = from; i < at; ++i) *out++ = text[i];
    } else if (mapped < 0x80) {
      *out++ = static_cast<char>(mapped);
    } else if (mapped < 0x800) {
      *out++ = static_cast<char>(0xC0 | (mapped >> 6));
      *out++ = static_cast<char>(0x80 | (mapped & 0x3F));
    } else {
      *out++ = static_cast<char>(0xE0 | (mapped >> 12));
      *out++ = static_cast<char>(0x80 | ((mapped >> 6) & 0x3F));
      *out++ = static_cast<char>(0x80 | (mapped & 0x3F));
    }
  }
  return static_cast<std::size_t>(out - begin);
}

}  // namespace

std::size_t write_upper(std::string_view text, char* out) { return write(text, out, upper); }
std::size_t write_lower(std::string_view text, char* out) { return write(text, out, lower_letter); }

}  // namespace wellhead::converter
