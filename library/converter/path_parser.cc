#include <array>
#include <utility>

#include "library/converter/path.h"
#include "library/converter/path_lexer.h"

namespace wellhead::converter {
namespace {

constexpr int kMaxNesting = 100;
constexpr int kMaxSteps = 1000;  // members, functions and operators, which nest to the left

struct Operator {
  std::string_view text;
  int precedence;  // a higher one binds closer
};

// FHIRPath 2.0, "Precedence".
constexpr auto kOperators = std::to_array<Operator>({
    {"implies", 1}, {"or", 2}, {"xor", 2}, {"and", 3}, {"in", 4}, {"contains", 4}, {"=", 5},    {"!=", 5},
    {"~", 5},       {"!~", 5}, {"<", 6},   {">", 6},   {"<=", 6}, {">=", 6},       {"|", 7},    {"is", 8},
    {"as", 8},      {"+", 9},  {"-", 9},   {"&", 9},   {"*", 10}, {"/", 10},       {"div", 10}, {"mod", 10},
});

const Operator* binary_operator(const PathToken& token) {
  if (token.kind != PathToken::Kind::symbol && token.kind != PathToken::Kind::name) return nullptr;
  for (const Operator& candidate : kOperators) {
    if (candidate.text == token.text) return &candidate;
  }
  return nullptr;
}

class PathParser {
 public:
  explicit PathParser(std::string_view source) : lexer_(source) { advance(); }

  Path parse() {
    Path path = expression(0);
    if (token_.kind != PathToken::Kind::end) throw PathError(token_.position, "unexpected `" + token_.text + "`");
    return path;
  }

 private:
  void advance() { token_ = lexer_.next(); }

  void count_step() {
    if (++steps_ > kMaxSteps) throw PathError(token_.position, "the path is too long");
  }

  void expect(std::string_view symbol) {
    if (!token_.is_symbol(symbol)) throw PathError(token_.position, "`" + std::string(symbol) + "` is expected");
    advance();
  }

  Path expression(int lowest) {
    if (++nesting_ > kMaxNesting) throw PathError(token_.position, "the path is nested too deep");
    Path left = unary();
    for (const Operator* next = binary_operator(token_); next != nullptr && next->precedence > lowest;
         next = binary_operator(token_)) {
      count_step();
      Path combined{Path::Kind::binary, std::string(next->text), token_.position, {}};
      advance();
      Path right = next->precedence == 8 ? type_name() : expression(next->precedence);
      combined.children.push_back(std::move(left));
      combined.children.push_back(std::move(right));
      left = std::move(combined);
    }
    --nesting_;
    return left;
  }

  Path unary() {
    if (!token_.is_symbol("-") && !token_.is_symbol("+")) return postfix();
    if (++nesting_ > kMaxNesting) throw PathError(token_.position, "the path is nested too deep");
    Path sign{Path::Kind::unary, token_.text, token_.position, {}};
    advance();
    sign.children.push_back(unary());
    --nesting_;
    return sign;
  }

  Path postfix() {
    Path path = term();
    while (true) {
      if (token_.is_symbol(".")) {
        advance();
        path = invocation(std::move(path));
      } else if (token_.is_symbol("[")) {
        count_step();
        Path indexer{Path::Kind::indexer, {}, token_.position, {}};
        advance();
        indexer.children.push_back(std::move(path));
        indexer.children.push_back(expression(0));
        expect("]");
        path = std::move(indexer);
      } else {
        return path;
      }
    }
  }

  // A member or a function of `input`.
  Path invocation(Path input) {
    if (token_.kind != PathToken::Kind::name && token_.kind != PathToken::Kind::quoted_name) {
      throw PathError(token_.position, "the name of an element or function is expected");
    }
    count_step();
    Path path{Path::Kind::member, token_.text, token_.position, {}};
    path.children.push_back(std::move(input));
    advance();
    if (!token_.is_symbol("(")) return path;
    path.kind = Path::Kind::function;
    advance();
    while (!token_.is_symbol(")")) {
      path.children.push_back(expression(0));
      if (!token_.is_symbol(",")) break;
      advance();
    }
    expect(")");
    return path;
  }

  Path term() {
    Path path{Path::Kind::self, token_.text, token_.position, {}};
    switch (token_.kind) {
      case PathToken::Kind::string:
        path.kind = Path::Kind::string;
        break;
      case PathToken::Kind::date:
        path.kind = Path::Kind::date;
        break;
      case PathToken::Kind::variable:
        path.kind = Path::Kind::variable;
        break;
      case PathToken::Kind::number:
        return number();
      case PathToken::Kind::end:
        throw PathError(token_.position, "the path ends where more is expected");
      case PathToken::Kind::name:
        if (token_.text != "true" && token_.text != "false") return invocation(Path{});
        path.kind = Path::Kind::boolean;
        break;
      case PathToken::Kind::quoted_name:
        return invocation(Path{});
      case PathToken::Kind::symbol:
        return symbol_term();
    }
    advance();
    return path;
  }

  Path symbol_term() {
    Path path{Path::Kind::self, token_.text, token_.position, {}};
    if (token_.is_symbol("(")) {
      advance();
      path = expression(0);
      expect(")");
      return path;
    }
    if (token_.is_symbol("{")) {
      advance();
      expect("}");
      return {Path::Kind::empty, {}, path.position, {}};
    }
    if (token_.is_symbol("$index")) {
      path.kind = Path::Kind::index;
    } else if (token_.is_symbol("$total")) {
      path.kind = Path::Kind::total;
    } else if (!token_.is_symbol("$this")) {
      throw PathError(token_.position, "unexpected `" + token_.text + "`");
    }
    advance();
    return path;
  }

  // A number, or a quantity: a number with a quoted unit or a calendar word.
  Path number() {
    Path path{Path::Kind::number, token_.text, token_.position, {}};
    advance();
    static constexpr std::array<std::string_view, 16> calendar = {
        "year", "years", "month",  "months",  "week",   "weeks",   "day",         "days",
        "hour", "hours", "minute", "minutes", "second", "seconds", "millisecond", "milliseconds"};
    bool unit = token_.kind == PathToken::Kind::string;
    for (const std::string_view word : calendar) unit = unit || token_.is_word(word);
    if (!unit) return path;
    path.kind = Path::Kind::quantity;
    path.children.push_back({Path::Kind::string, token_.text, token_.position, {}});
    path.children[0].is_calendar = token_.kind != PathToken::Kind::string;
    advance();
    return path;
  }

  Path type_name() {
    Path type{Path::Kind::member, {}, token_.position, {}};
    type.children.emplace_back();
    while (true) {
      if (token_.kind != PathToken::Kind::name && token_.kind != PathToken::Kind::quoted_name) {
        throw PathError(token_.position, "the name of a type is expected");
      }
      type.text = token_.text;  // a namespace (`FHIR.`, `System.`) before it says nothing more
      advance();
      if (!token_.is_symbol(".")) return type;
      advance();
    }
  }

  PathLexer lexer_;
  PathToken token_;
  int nesting_ = 0;
  int steps_ = 0;
};

std::string string_literal(std::string_view text) {
  std::string out = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

std::string arguments(const Path& path, std::size_t first) {
  std::string out;
  for (std::size_t i = first; i < path.children.size(); ++i) {
    out += (i > first ? "," : "") + canonical(path.children[i]);
  }
  return out;
}

}  // namespace

Path parse_path(std::string_view source) { return PathParser(source).parse(); }

std::string canonical(const Path& path) {
  switch (path.kind) {
    case Path::Kind::self:
      return "$this";
    case Path::Kind::index:
      return "$index";
    case Path::Kind::total:
      return "$total";
    case Path::Kind::variable:
      return "%" + path.text;
    case Path::Kind::string:
      return string_literal(path.text);
    case Path::Kind::number:
    case Path::Kind::boolean:
      return path.text;
    case Path::Kind::date:
      return "@" + path.text;
    case Path::Kind::quantity:
      return path.text + (path.children[0].is_calendar ? " " + path.children[0].text : canonical(path.children[0]));
    case Path::Kind::empty:
      return "{}";
    case Path::Kind::member:
      return canonical(path.children[0]) + "." + path.text;
    case Path::Kind::function:
      return canonical(path.children[0]) + "." + path.text + "(" + arguments(path, 1) + ")";
    case Path::Kind::indexer:
      return canonical(path.children[0]) + "[" + canonical(path.children[1]) + "]";
    case Path::Kind::unary:
      return path.text + "(" + canonical(path.children[0]) + ")";
    case Path::Kind::binary:
      return "(" + canonical(path.children[0]) + " " + path.text + " " + canonical(path.children[1]) + ")";
  }
  return {};
}

}  // namespace wellhead::converter
