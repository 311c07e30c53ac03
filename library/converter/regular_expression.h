// Regular expressions of FHIRPath's matches() (FHIRPath N1 5.6.9), run by RE2: in time proportional to the text,
// whatever the expression, without backtracking. `.` stands for every character, `^` and `$` for the ends of the text.
// RE2's syntax, and \uhhhh for a character; back references and look-ahead are not known, and refused.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace wellhead::converter {

class RegularExpression {
 public:
  explicit RegularExpression(std::string_view source);

  // What is wrong with the source; empty: nothing, and only then may matches() be called.
  const std::string& error() const;

  // Whether the UTF-8 text holds a match, or is one from end to end. Safe from several threads.
  bool matches(std::string_view text, bool whole) const;

 private:
  std::shared_ptr<const re2::RE2> expression_;
};

}  // namespace wellhead::converter
