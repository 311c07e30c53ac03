#include <cstddef>
#include <cstdint>

#include "library/converter/document.h"

namespace wellhead::converter {
namespace {

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The four hex digits at `at`, or -1.
std::int32_t hex_quad(std::string_view text, std::size_t at) {
  if (at + 4 > text.size()) return -1;
  std::int32_t value = 0;
  for (std::size_t i = at; i < at + 4; ++i) {
    const int digit = hex_value(text[i]);
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

char* put_utf8(char* out, std::uint32_t point) {
  if (point < 0x80) {
    *out++ = static_cast<char>(point);
  } else if (point < 0x800) {
    *out++ = static_cast<char>(0xC0 | (point >> 6));
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  } else if (point < 0x10000) {
    *out++ = static_cast<char>(0xE0 | (point >> 12));
    *out++ = static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  } else {
    *out++ = static_cast<char>(0xF0 | (point >> 18));
    *out++ = static_cast<char>(0x80 | ((point >> 12) & 0x3F));
    *out++ = static_cast<char>(0x80 | ((point >> 6) & 0x3F));
    *out++ = static_cast<char>(0x80 | (point & 0x3F));
  }
  return out;
}

// The code point of a \u escape whose `u` stands at `at`, which moves behind it; 0 when there is none that text can
// hold.
std::uint32_t code_point(std::string_view text, std::size_t& at) {
  const std::int32_t first = hex_quad(text, at + 1);
  at += 5;
  if (first <= 0 || (first >= 0xDC00 && first < 0xE000)) return 0;
  if (first < 0xD800 || first >= 0xE000) return static_cast<std::uint32_t>(first);
  if (at + 6 > text.size() || text[at] != '\\' || text[at + 1] != 'u') return 0;
  const std::int32_t second = hex_quad(text, at + 2);
  at += 6;
  if (second < 0xDC00 || second >= 0xE000) return 0;
  return 0x10000 + ((static_cast<std::uint32_t>(first) - 0xD800) << 10) + (static_cast<std::uint32_t>(second) - 0xDC00);
}

char simple_escape(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
      return c;
    case 'b':
      return '\b';
    case 'f':
      return '\f';
    case 'n':
      return '\n';
    case 'r':
      return '\r';
    case 't':
      return '\t';
    default:
      return '\0';
  }
}

bool is_json_digit(char c) { return c >= '0' && c <= '9'; }

// Moves over digits; false when there is none.
bool skip_digits(std::string_view text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && is_json_digit(text[at])) ++at;
  return at > begin;
}

}  // namespace

bool has_valid_escapes(std::string_view json) {
  for (std::size_t at = json.find('\\'); at != std::string_view::npos; at = json.find('\\', at)) {
    if (++at == json.size()) return false;
    if (json[at] == 'u' ? hex_quad(json, at + 1) < 0 : simple_escape(json[at]) == '\0') return false;
    ++at;
  }
  return true;
}

std::ptrdiff_t decode_escapes(std::string_view text, char* out) {
  const char* begin = out;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] != '\\') {
      *out++ = text[at++];
      continue;
    }
    if (++at == text.size()) return -1;
    if (text[at] == 'u') {
      const std::uint32_t point = code_point(text, at);
      if (point == 0) return -1;
      out = put_utf8(out, point);
      continue;
    }
    const char decoded = simple_escape(text[at++]);
    if (decoded == '\0') return -1;
    *out++ = decoded;
  }
  return out - begin;
}

bool is_json_number(std::string_view text) {
  std::size_t at = 0;
  if (at < text.size() && text[at] == '-') ++at;
  if (at >= text.size()) return false;
  if (text[at] == '0') {
    ++at;
  } else if (!skip_digits(text, at)) {
    return false;
  }
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (!skip_digits(text, at)) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (!skip_digits(text, at)) return false;
  }
  return at == text.size();
}

}  // namespace wellhead::converter
