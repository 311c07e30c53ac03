#include "library/converter/path_lexer.h"

#include <array>

#include "library/converter/document.h"
#include "library/converter/path.h"

namespace wellhead::converter {
namespace {

bool is_decimal_digit(char c) { return c >= '0' && c <= '9'; }
bool starts_name(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool continues_name(char c) { return starts_name(c) || is_decimal_digit(c); }

}  // namespace

PathToken PathLexer::next() {
  skip_blanks();
  PathToken token;
  token.position = at_;
  if (at_end()) return token;
  const char c = peek();
  if (starts_name(c)) {
    token.kind = PathToken::Kind::name;
    token.text = name();
  } else if (c == '`') {
    token.kind = PathToken::Kind::quoted_name;
    token.text = quoted('`');
  } else if (c == '\'') {
    token.kind = PathToken::Kind::string;
    token.text = quoted('\'');
  } else if (is_decimal_digit(c)) {
    return number();
  } else if (c == '@') {
    return date();
  } else if (c == '%') {
    return variable();
  } else {
    return symbol();
  }
  return token;
}

void PathLexer::skip_blanks() {
  while (!at_end()) {
    const char c = peek();
    if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
      ++at_;
    } else if (c == '/' && peek(1) == '/') {
      while (!at_end() && peek() != '\n') ++at_;
    } else if (c == '/' && peek(1) == '*') {
      const std::size_t close = source_.find("*/", at_ + 2);
      if (close == std::string_view::npos) throw PathError(at_, "the comment does not end");
      at_ = close + 2;
    } else {
      return;
    }
  }
}

std::string PathLexer::name() {
  const std::size_t begin = at_;
  while (continues_name(peek())) ++at_;
  return std::string(source_.substr(begin, at_ - begin));
}

std::string PathLexer::quoted(char quote) {
  const std::size_t begin = at_++;
  std::string text;
  while (peek() != quote) {
    if (at_end()) throw PathError(begin, "the quotation does not end");
    if (peek() == '\\') {
      text += escape();
    } else {
      text += source_[at_++];
    }
  }
  ++at_;
  return text;
}

std::string PathLexer::escape() {
  const char c = peek(1);
  if (c == '\'' || c == '`') {
    at_ += 2;
    return {c};
  }
  // The other escapes are JSON's. A surrogate pair is two of them.
  const std::size_t length = c != 'u' ? 2 : peek(6) == '\\' && peek(7) == 'u' ? 12 : 6;
  std::array<char, 16> decoded{};
  auto size = decode_escapes(source_.substr(at_, length), decoded.data());
  std::size_t used = length;
  if (size < 0 && length == 12) size = decode_escapes(source_.substr(at_, used = 6), decoded.data());
  if (size < 0) throw PathError(at_, "unknown escape in a string");
  at_ += used;
  return {decoded.data(), static_cast<std::size_t>(size)};
}

PathToken PathLexer::number() {
  PathToken token{PathToken::Kind::number, {}, at_};
  const std::size_t begin = at_;
  while (is_decimal_digit(peek())) ++at_;
  if (peek() == '.' && is_decimal_digit(peek(1))) {
    ++at_;
    while (is_decimal_digit(peek())) ++at_;
  }
  token.text = source_.substr(begin, at_ - begin);
  return token;
}

PathToken PathLexer::date() {
  PathToken token{PathToken::Kind::date, {}, at_};
  const std::size_t begin = ++at_;
  while (is_decimal_digit(peek()) || peek() == '-' || peek() == ':' || peek() == 'T' || peek() == 'Z' ||
         peek() == '+' || (peek() == '.' && is_decimal_digit(peek(1)))) {
    ++at_;
  }
  token.text = source_.substr(begin, at_ - begin);
  if (token.text.empty()) throw PathError(begin, "a date is expected after @");
  return token;
}

PathToken PathLexer::variable() {
  PathToken token{PathToken::Kind::variable, {}, at_};
  ++at_;
  if (peek() == '`' || peek() == '\'') {
    token.text = quoted(peek());
  } else if (starts_name(peek())) {
    token.text = name();
  } else {
    throw PathError(at_, "a name is expected after %");
  }
  return token;
}

PathToken PathLexer::symbol() {
  PathToken token{PathToken::Kind::symbol, {}, at_};
  for (const std::string_view known : {"$this", "$index", "$total", "<=", ">=", "!=", "!~"}) {
    if (source_.substr(at_).starts_with(known)) {
      token.text = known;
      at_ += known.size();
      return token;
    }
  }
  if (std::string_view("()[]{}.,+-*/|&<>=~").find(peek()) == std::string_view::npos) {
    throw PathError(at_, "unexpected character");
  }
  token.text = source_[at_++];
  return token;
}

}  // namespace wellhead::converter
