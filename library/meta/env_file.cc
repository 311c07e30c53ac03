#include "library/meta/env_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "library/meta/error.h"

namespace wellhead::meta {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

bool is_name(std::string_view text) {
  const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return !text.empty() && letter(text.front()) &&
         std::ranges::all_of(text, [&](char c) { return letter(c) || digit(c); });
}

struct Place {
  std::string_view where;
  int line;
  [[noreturn]] void fail(std::string_view what) const {
    throw Error(ErrorCode::invalid_setting, fmt::format("{}:{}: {}", where, line, what),
                "A line is NAME=value, NAME='value', NAME=\"value\" or a # comment");
  }
};

char unescaped(char c) {
  switch (c) {
    case 'n':
      return '\n';
    case 't':
      return '\t';
    case 'r':
      return '\r';
    default:
      return c;
  }
}

// text begins with the quote; only blanks and a comment may follow the closing one.
std::string quoted_value(std::string_view text, const Place& place) {
  const char quote = text.front();
  std::string value;
  std::size_t at = 1;
  for (; at < text.size() && text[at] != quote; ++at) {
    const bool escape = quote == '"' && text[at] == '\\' && at + 1 < text.size();
    value.push_back(escape ? unescaped(text[++at]) : text[at]);
  }
  if (at >= text.size()) place.fail("a quote is not closed");
  const auto rest = trimmed(text.substr(at + 1));
  if (!rest.empty() && rest.front() != '#') place.fail("something follows the closing quote");
  return value;
}

std::string plain_value(std::string_view text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const bool after_blank = at == 0 || kBlanks.find(text[at - 1]) != std::string_view::npos;
    if (text[at] == '#' && after_blank) return std::string(trimmed(text.substr(0, at)));
  }
  return std::string(text);
}

EnvFileLine parse_line(std::string_view text, const Place& place) {
  if (text.starts_with("export") && text.size() > 6 && kBlanks.find(text[6]) != std::string_view::npos) {
    text = trimmed(text.substr(6));
  }
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) place.fail("there is no =");
  const auto name = trimmed(text.substr(0, equals));
  if (!is_name(name)) place.fail("what stands before = is no name");
  const auto value = trimmed(text.substr(equals + 1));
  const bool quoted = !value.empty() && (value.front() == '"' || value.front() == '\'');
  return {std::string(name), quoted ? quoted_value(value, place) : plain_value(value), place.line};
}

}  // namespace

std::vector<EnvFileLine> parse_env_file(std::string_view text, std::string_view where) {
  constexpr std::string_view byte_order_mark = "\xEF\xBB\xBF";
  if (text.starts_with(byte_order_mark)) text.remove_prefix(byte_order_mark.size());
  std::vector<EnvFileLine> lines;
  for (int number = 1; !text.empty(); ++number) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = trimmed(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.front() != '#') lines.push_back(parse_line(line, {where, number}));
  }
  return lines;
}

}  // namespace wellhead::meta
