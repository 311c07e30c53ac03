// Tokens of a FHIRPath expression; used by the parser only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace wellhead::converter {

struct PathToken {
  enum class Kind { end, name, quoted_name, string, number, date, variable, symbol };
  Kind kind = Kind::end;
  std::string text;  // decoded: without quotes, escapes, @ and %
  std::size_t position = 0;

  bool is_symbol(std::string_view symbol) const { return kind == Kind::symbol && text == symbol; }
  bool is_word(std::string_view word) const { return kind == Kind::name && text == word; }
};

// Throws PathError for what is no token.
class PathLexer {
 public:
  explicit PathLexer(std::string_view source) : source_(source) {}
  PathToken next();

 private:
  bool at_end() const { return at_ >= source_.size(); }
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  void skip_blanks();
  std::string quoted(char quote);
  std::string escape();
  std::string name();
  PathToken number();
  PathToken date();
  PathToken variable();
  PathToken symbol();

  std::string_view source_;
  std::size_t at_ = 0;
};

}  // namespace wellhead::converter
