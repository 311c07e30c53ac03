// Regular expressions of FHIRPath's matches(), searched for in time proportional to text times expression, whatever the
// two are: all ways through the expression are followed at once (Thompson), there is no backtracking.
//
// Known: . [] [^] ranges, \d \D \w \W \s \S, \b \B, ^ $, groups (also (?:), | and * + ? {m} {m,} {m,n} with or without
// a ? behind it, \t \n \r \f \v \xhh \uhhhh and escaped punctuation. Not known, and refused: back references,
// look-ahead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

class RegularExpression {
 public:
  // Empty text in error(): it is usable.
  explicit RegularExpression(std::string_view source);
  const std::string& error() const { return error_; }

  // Whether the UTF-8 text holds a match, or is one from end to end. Uses `scratch` so as not to allocate again.
  struct Scratch {
    std::vector<std::uint32_t> now;
    std::vector<std::uint32_t> next;
    std::vector<std::uint32_t> stack;
    std::vector<std::uint32_t> mark;
    std::uint32_t generation = 0;
  };
  bool matches(std::string_view text, bool whole, Scratch& scratch) const;

 private:
  friend class RegularExpressionParser;
  struct Range {
    char32_t first;
    char32_t last;
  };
  struct State {
    enum class Kind : std::uint8_t { set, split, jump, begin, end, edge, no_edge, match };
    Kind kind = Kind::match;
    bool negated = false;
    std::uint32_t next = 0;
    std::uint32_t other = 0;  // split
    std::uint32_t ranges = 0;
    std::uint32_t range_count = 0;
  };
  bool takes(const State& state, char32_t point) const;
  void follow(std::uint32_t state, std::string_view text, std::size_t at, std::vector<std::uint32_t>& list,
              Scratch& scratch) const;

  std::vector<State> states_;
  std::vector<Range> ranges_;
  std::uint32_t start_ = 0;
  std::string error_;
};

}  // namespace wellhead::converter
