// FHIRPath expressions (HL7 FHIRPath 2.0) as syntax trees: the whole grammar is read, whatever the compiler can run.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

struct Path {
  enum class Kind {
    self,      // $this, also the implied start of a path
    index,     // $index
    total,     // $total
    variable,  // %text
    string,    // literals: text is the value without quotes and escapes
    number,    // as written
    boolean,   // true or false
    date,      // @…: date, dateTime or time as written, without the @
    quantity,  // number in text, unit in children[0] (a string)
    empty,     // {}
    member,    // children[0].text
    function,  // children[0].text(children[1] …)
    indexer,   // children[0][children[1]]
    unary,     // text children[0]
    binary,    // children[0] text children[1]; the right side of `is` and `as` is a member: a type's name
  };

  Kind kind = Kind::self;
  std::string text;
  std::size_t position = 0;  // offset in the source, for messages
  std::vector<Path> children;
  bool is_calendar = false;  // a quantity's unit is a calendar word, such as days

  bool is_start() const { return kind == Kind::self && text.empty(); }  // an implied $this
};

// Offset counts characters from 0; the message says what is wrong there.
struct PathError : std::runtime_error {
  PathError(std::size_t at, const std::string& message) : std::runtime_error(message), position(at) {}
  std::size_t position;
};

// Throws PathError. Nesting is bounded.
Path parse_path(std::string_view source);

// The expression in one spelling: equal for paths that differ only in blanks, comments, quotes or parentheses.
std::string canonical(const Path& path);

}  // namespace wellhead::converter
