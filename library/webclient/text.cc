#include "library/webclient/text.h"

#include <algorithm>

namespace wellhead::webclient {
namespace {

bool continues(std::string_view text, std::size_t from, std::size_t count) {
  return text.size() >= from + count && std::ranges::all_of(text.substr(from, count), [](char c) {
           return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
         });
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const auto first = static_cast<unsigned char>(text[0]);
  if (first < 0x80) return 1;
  const unsigned char second = text.size() > 1 ? static_cast<unsigned char>(text[1]) : 0;
  if (first >= 0xc2 && first <= 0xdf) return continues(text, 1, 1) ? 2 : 0;
  if (first >= 0xe0 && first <= 0xef) {
    const bool overlong = first == 0xe0 && second < 0xa0;
    const bool surrogate = first == 0xed && second > 0x9f;
    return !overlong && !surrogate && continues(text, 1, 2) ? 3 : 0;
  }
  if (first >= 0xf0 && first <= 0xf4) {
    const bool overlong = first == 0xf0 && second < 0x90;
    const bool too_large = first == 0xf4 && second > 0x8f;
    return !overlong && !too_large && continues(text, 1, 3) ? 4 : 0;
  }
  return 0;
}

std::string one_line(std::string_view text, std::size_t limit) {
  std::string out;
  bool blank = false;
  while (!text.empty()) {
    const auto length = utf8_sequence(text);
    const auto first = static_cast<unsigned char>(text[0]);
    if (length == 1 && (first <= ' ' || first == 0x7f)) {
      blank = !out.empty();
      text.remove_prefix(1);
      continue;
    }
    if (out.size() + (blank ? 1 : 0) + std::max<std::size_t>(length, 1) > limit) return out + "…";
    if (blank) out.push_back(' ');
    blank = false;
    out.append(length == 0 ? "?" : text.substr(0, length));
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return out;
}

}  // namespace wellhead::webclient
