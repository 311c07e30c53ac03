#include "library/converter/regular_expression.h"

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "library/converter/utf8.h"

namespace wellhead::converter {
namespace {

constexpr std::size_t kMaxStates = 5000;
constexpr int kMaxNesting = 100;
constexpr std::uint32_t kMaxRepeat = 1000;

bool is_word(char32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool is_edge(std::string_view text, std::size_t at) {
  const bool before = at > 0 && is_word(static_cast<unsigned char>(text[at - 1]));
  const bool behind = at < text.size() && is_word(static_cast<unsigned char>(text[at]));
  return before != behind;
}

}  // namespace

// Builds the states backwards: each part is built with the state that follows it, so a repeated part is read again.
class RegularExpressionParser {
 public:
  RegularExpressionParser(std::string_view source, RegularExpression& result) : source_(source), result_(result) {}

  void parse() {
    add({});
    result_.start_ = alternatives(0, 0);
    if (at_ != source_.size()) fail("a ) too many");
  }

 private:
  using State = RegularExpression::State;
  using Range = RegularExpression::Range;

  [[noreturn]] static void fail(const char* what) { throw std::invalid_argument(what); }
  bool at_end() const { return at_ >= source_.size(); }
  char peek() const { return at_end() ? '\0' : source_[at_]; }
  bool take(char c) {
    if (at_end() || source_[at_] != c) return false;
    ++at_;
    return true;
  }

  std::uint32_t add(const State& state) {
    if (result_.states_.size() >= kMaxStates) fail("it is too large");
    result_.states_.push_back(state);
    return static_cast<std::uint32_t>(result_.states_.size() - 1);
  }

  std::uint32_t alternatives(std::uint32_t next, int nesting) {
    if (nesting > kMaxNesting) fail("it is nested too deep");
    std::uint32_t first = sequence(next, nesting);
    while (take('|')) {
      const std::uint32_t other = sequence(next, nesting);
      first = add({.kind = State::Kind::split, .next = first, .other = other});
    }
    return first;
  }

  // The pieces are found first and then built from the last to the first.
  std::uint32_t sequence(std::uint32_t next, int nesting) {
    std::vector<std::size_t> pieces;
    const std::size_t begin = at_;
    const std::size_t states = result_.states_.size();
    const std::size_t ranges = result_.ranges_.size();
    while (!at_end() && peek() != '|' && peek() != ')') {
      pieces.push_back(at_);
      piece(0, nesting);
      result_.states_.resize(states);
      result_.ranges_.resize(ranges);
      if (++work_ > kMaxStates * 20) fail("it is too large");
    }
    const std::size_t end = at_;
    for (std::size_t i = pieces.size(); i-- > 0;) {
      at_ = pieces[i];
      next = piece(next, nesting);
    }
    at_ = pieces.empty() ? begin : end;
    return next;
  }

  struct Count {
    std::uint32_t least = 1;
    std::optional<std::uint32_t> most = 1;
  };

  std::uint32_t number() {
    std::uint32_t value = 0;
    if (peek() < '0' || peek() > '9') fail("a number is expected in {}");
    while (peek() >= '0' && peek() <= '9') {
      value = value * 10 + static_cast<std::uint32_t>(source_[at_++] - '0');
      if (value > kMaxRepeat) fail("it repeats too often");
    }
    return value;
  }

  Count count() {
    Count result;
    if (take('*')) {
      result = {0, std::nullopt};
    } else if (take('+')) {
      result = {1, std::nullopt};
    } else if (take('?')) {
      result = {0, 1};
    } else if (take('{')) {
      result.least = number();
      result.most = result.least;
      if (take(',')) result.most = peek() == '}' ? std::nullopt : std::optional(number());
      if (!take('}')) fail("a } is missing");
      if (result.most && *result.most < result.least) fail("the numbers in {} are the wrong way round");
    } else {
      return result;
    }
    take('?');  // a lazy one matches the same texts
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') fail("nothing to repeat");
    return result;
  }

  std::uint32_t piece(std::uint32_t next, int nesting) {
    const std::size_t begin = at_;
    const std::size_t states = result_.states_.size();
    const std::size_t ranges = result_.ranges_.size();
    std::uint32_t first = atom(next, nesting);
    const Count times = count();
    if (times.least == 1 && times.most == 1) return first;
    const std::size_t end = at_;
    result_.states_.resize(states);
    result_.ranges_.resize(ranges);
    const auto again = [&](std::uint32_t behind) {
      at_ = begin;
      return atom(behind, nesting);
    };
    first = next;
    if (!times.most) {
      const std::uint32_t loop = add({.kind = State::Kind::split, .other = next});
      const std::uint32_t body = again(loop);
      result_.states_[loop].next = body;
      first = loop;
    } else {
      for (std::uint32_t i = times.least; i < *times.most; ++i) {
        const std::uint32_t body = again(first);
        first = add({.kind = State::Kind::split, .next = body, .other = next});
      }
    }
    for (std::uint32_t i = 0; i < times.least; ++i) first = again(first);
    at_ = end;
    return first;
  }

  std::uint32_t atom(std::uint32_t next, int nesting) {
    if (take('(')) {
      if (take('?') && !take(':')) fail("look-ahead and named groups are not known");
      const std::uint32_t first = alternatives(next, nesting + 1);
      if (!take(')')) fail("a ) is missing");
      return first;
    }
    if (take('^')) return add({.kind = State::Kind::begin, .next = next});
    if (take('$')) return add({.kind = State::Kind::end, .next = next});
    if (take('.')) return set({{0, 0x10FFFF}}, false, next);
    if (take('[')) return bracket(next);
    if (take('\\')) return escaped(next);
    if (peek() == '*' || peek() == '+' || peek() == '?' || peek() == '{') fail("nothing to repeat");
    const char32_t point = decode_utf8(source_, at_);
    return set({{point, point}}, false, next);
  }

  std::uint32_t set(const std::vector<Range>& ranges, bool negated, std::uint32_t next) {
    State state{.kind = State::Kind::set, .negated = negated, .next = next};
    state.ranges = static_cast<std::uint32_t>(result_.ranges_.size());
    state.range_count = static_cast<std::uint32_t>(ranges.size());
    result_.ranges_.insert(result_.ranges_.end(), ranges.begin(), ranges.end());
    return add(state);
  }

  // The set of \d, \w or \s; empty for another letter.
  static std::vector<Range> class_of(char letter) {
    if (letter == 'd') return {{'0', '9'}};
    if (letter == 'w') return {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
    if (letter == 's') return {{'\t', '\r'}, {' ', ' '}, {0xA0, 0xA0}, {0x2000, 0x200A}, {0x2028, 0x2029}};
    return {};
  }
  static std::vector<Range> complement(const std::vector<Range>& ranges) {
    std::vector<Range> result;
    char32_t from = 0;
    for (const Range& range : ranges) {
      if (range.first > from) result.push_back({from, range.first - 1});
      from = range.last + 1;
    }
    result.push_back({from, 0x10FFFF});
    return result;
  }
  static std::vector<Range> any_class_of(char letter) {
    if (letter == 'D' || letter == 'W' || letter == 'S') return complement(class_of(static_cast<char>(letter | 0x20)));
    return class_of(letter);
  }

  std::uint32_t escaped(std::uint32_t next) {
    const char letter = peek();
    if (letter == 'b' || letter == 'B') {
      ++at_;
      return add({.kind = letter == 'b' ? State::Kind::edge : State::Kind::no_edge, .next = next});
    }
    if (const auto ranges = any_class_of(letter); !ranges.empty()) {
      ++at_;
      return set(ranges, false, next);
    }
    const char32_t point = escaped_point();
    return set({{point, point}}, false, next);
  }

  char32_t hex(int digits) {
    char32_t value = 0;
    for (int i = 0; i < digits; ++i) {
      const char c = peek();
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) fail("hex digits are expected");
      value = value * 16 + static_cast<char32_t>(digit);
      ++at_;
    }
    return value;
  }

  char32_t escaped_point() {
    if (at_end()) fail("it ends with a \\");
    const char letter = peek();
    constexpr std::string_view letters = "tnrfv0";
    constexpr std::string_view values{"\t\n\r\f\v\0", 6};
    if (const auto known = letters.find(letter); known != std::string_view::npos) {
      ++at_;
      return static_cast<unsigned char>(values[known]);
    }
    if (take('x')) return hex(2);
    if (take('u')) return hex(4);
    if (is_word(static_cast<unsigned char>(letter))) fail("an escape is not known");
    return decode_utf8(source_, at_);
  }

  std::uint32_t bracket(std::uint32_t next) {
    const bool negated = take('^');
    std::vector<Range> ranges;
    bool first = true;
    while (first || peek() != ']') {
      if (at_end()) fail("a ] is missing");
      first = false;
      if (peek() == '\\' && at_ + 1 < source_.size()) {
        const auto known = any_class_of(source_[at_ + 1]);
        if (!known.empty()) {
          at_ += 2;
          ranges.insert(ranges.end(), known.begin(), known.end());
          continue;
        }
      }
      const char32_t from = bracket_point();
      char32_t to = from;
      if (peek() == '-' && at_ + 1 < source_.size() && source_[at_ + 1] != ']') {
        ++at_;
        to = bracket_point();
        if (to < from) fail("a range is the wrong way round");
      }
      ranges.push_back({from, to});
    }
    ++at_;
    return set(ranges, negated, next);
  }

  char32_t bracket_point() {
    if (at_end()) fail("a ] is missing");
    if (!take('\\')) return decode_utf8(source_, at_);
    if (take('b')) return '\b';
    return escaped_point();
  }

  std::string_view source_;
  RegularExpression& result_;
  std::size_t at_ = 0;
  std::size_t work_ = 0;
};

RegularExpression::RegularExpression(std::string_view source) {
  try {
    RegularExpressionParser(source, *this).parse();
  } catch (const std::invalid_argument& mistake) {
    error_ = mistake.what();
  }
}

bool RegularExpression::takes(const State& state, char32_t point) const {
  bool inside = false;
  for (std::uint32_t i = 0; i < state.range_count && !inside; ++i) {
    const Range& range = ranges_[state.ranges + i];
    inside = point >= range.first && point <= range.last;
  }
  return inside != state.negated;
}

// Adds the state, or those that it leads to without taking a character.
void RegularExpression::follow(std::uint32_t state, std::string_view text, std::size_t at,
                               std::vector<std::uint32_t>& list, Scratch& scratch) const {
  scratch.stack.push_back(state);
  while (!scratch.stack.empty()) {
    const std::uint32_t id = scratch.stack.back();
    scratch.stack.pop_back();
    if (scratch.mark[id] == scratch.generation) continue;
    scratch.mark[id] = scratch.generation;
    const State& here = states_[id];
    bool passes = false;
    switch (here.kind) {
      case State::Kind::set:
      case State::Kind::match:
        list.push_back(id);
        continue;
      case State::Kind::split:
        scratch.stack.push_back(here.other);
        passes = true;
        break;
      case State::Kind::jump:
        passes = true;
        break;
      case State::Kind::begin:
        passes = at == 0;
        break;
      case State::Kind::end:
        passes = at == text.size();
        break;
      case State::Kind::edge:
        passes = is_edge(text, at);
        break;
      case State::Kind::no_edge:
        passes = !is_edge(text, at);
        break;
    }
    if (passes) scratch.stack.push_back(here.next);
  }
}

bool RegularExpression::matches(std::string_view text, bool whole, Scratch& scratch) const {
  if (scratch.mark.size() < states_.size() || scratch.generation > 0xFFFFFF00) {
    scratch.mark.assign(states_.size(), 0);
    scratch.generation = 0;
  }
  scratch.now.clear();
  ++scratch.generation;
  follow(start_, text, 0, scratch.now, scratch);
  for (std::size_t at = 0;;) {
    for (const std::uint32_t id : scratch.now) {
      if (states_[id].kind == State::Kind::match && (!whole || at == text.size())) return true;
    }
    if (at == text.size()) return false;
    const char32_t point = decode_utf8(text, at);
    scratch.next.clear();
    if (++scratch.generation == 0xFFFFFFFF) {
      scratch.mark.assign(states_.size(), 0);
      scratch.generation = 1;
    }
    for (const std::uint32_t id : scratch.now) {
      if (states_[id].kind == State::Kind::set && takes(states_[id], point)) {
        follow(states_[id].next, text, at, scratch.next, scratch);
      }
    }
    if (!whole) follow(start_, text, at, scratch.next, scratch);
    scratch.now.swap(scratch.next);
  }
}

}  // namespace wellhead::converter
