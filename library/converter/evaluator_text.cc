// Functions about strings (FHIRPath 2.0 §5.6). Positions and lengths count characters (code points), not bytes.
#include <algorithm>

#include "library/converter/evaluator.h"
#include "library/converter/letters.h"
#include "library/converter/utf8.h"

namespace wellhead::converter {

// A scalar as text; nullopt for an object.
std::optional<std::string_view> Evaluator::scalar_text(const Item& item) {
  if (auto text = string_of(item)) return text;
  if (auto number = number_of(item)) return number;
  if (const auto truth = boolean_of(item)) return *truth ? "true" : "false";
  if (item.kind >= Item::Kind::date) return item.text;
  return std::nullopt;
}

std::optional<std::string_view> Evaluator::argument_text(OperationId id, const Scope& scope) {
  const std::optional<Item> item = one(id, scope);
  if (!item) return std::nullopt;
  auto text = string_of(*item);
  if (!text) fail("a string is expected");
  return text;
}

// The strings one behind the other; of no strings the empty one, as the specification's tests want it.
void Evaluator::join(const Operation& operation, const Scope& scope) {
  std::string_view separator;
  if (operation.arguments[0] != kNoOperation) {
    separator = argument_text(operation.arguments[0], scope).value_or(std::string_view{});
  }
  const std::size_t base = size();
  evaluate_input(operation, scope);
  std::size_t length = 0;
  for (std::size_t i = base; i < size(); ++i) {
    const auto text = string_of(stack_[i]);
    if (!text) return fail("join() of what is no string");
    stack_[i] = Item::of_string(*text);
    length += text->size() + (i > base ? separator.size() : 0);
  }
  if (size() == base + 1) return;
  char* out = arena_.allocate(length);
  char* at = out;
  for (std::size_t i = base; i < size(); ++i) {
    if (i > base) at = std::ranges::copy(separator, at).out;
    at = std::ranges::copy(stack_[i].text, at).out;
  }
  truncate(base);
  push(Item::of_string({out, length}));
}

// `a & b`: an absent side counts as the empty string.
void Evaluator::concatenate(const Operation& operation, const Scope& scope) {
  const auto left = argument_text(operation.input, scope).value_or(std::string_view{});
  const auto right = argument_text(operation.arguments[0], scope).value_or(std::string_view{});
  char* out = arena_.allocate(left.size() + right.size());
  std::ranges::copy(right, std::ranges::copy(left, out).out);
  push(Item::of_string({out, left.size() + right.size()}));
}

void Evaluator::to_text(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = one(operation.input, scope);
  if (!item) return;
  if (const auto text = scalar_text(*item)) push(Item::of_string(*text));
}

void Evaluator::text_question(const Operation& operation, const Scope& scope) {
  const auto text = argument_text(operation.input, scope);
  const auto part = argument_text(operation.arguments[0], scope);
  if (!text || !part) return;
  const auto position = [&](std::size_t at) {
    if (at == std::string_view::npos) return push(Item::of_number("-1"));
    push(Item::of_number(integer_text(utf8_length(text->substr(0, at)))));
  };
  switch (operation.code) {
    case OperationCode::starts_with:
      return push(Item::of_boolean(text->starts_with(*part)));
    case OperationCode::ends_with:
      return push(Item::of_boolean(text->ends_with(*part)));
    case OperationCode::index_of:
      return position(text->find(*part));
    case OperationCode::last_index_of:
      return position(text->rfind(*part));
    default:
      return push(Item::of_boolean(text->find(*part) != std::string_view::npos));
  }
}

void Evaluator::text_function(const Operation& operation, const Scope& scope) {
  using Code = OperationCode;
  const auto text = argument_text(operation.input, scope);
  if (!text) return;
  switch (operation.code) {
    case Code::length:
      return push(Item::of_number(integer_text(utf8_length(*text))));
    case Code::matches:
    case Code::matches_whole:
      spend(text->size());
      return push(
          Item::of_boolean(plan_.expressions[operation.slot].matches(*text, operation.code == Code::matches_whole)));
    case Code::upper:
    case Code::lower: {
      char* out = arena_.allocate(kLettersGrow * text->size());
      const std::size_t length = operation.code == Code::upper ? write_upper(*text, out) : write_lower(*text, out);
      arena_.shrink(kLettersGrow * text->size() - length);
      return push(Item::of_string({out, length}));
    }
    case Code::trim: {
      constexpr std::string_view blanks = " \t\n\r\f\v";
      const std::size_t begin = std::min(text->find_first_not_of(blanks), text->size());
      const std::size_t end = text->find_last_not_of(blanks);
      return push(Item::of_string(begin == text->size() ? std::string_view{} : text->substr(begin, end + 1 - begin)));
    }
    case Code::substring:
      return substring(*text, operation, scope);
    case Code::replace:
      return replace(*text, operation, scope);
    case Code::split:
      return split(*text, operation, scope);
    default:  // toChars
      for (std::size_t at = 0; at < text->size();) {
        const std::size_t begin = at;
        decode_utf8(*text, at);
        push(Item::of_string(text->substr(begin, at - begin)));
      }
  }
}

// Empty when it begins outside the text; at most to the end of it.
void Evaluator::substring(std::string_view text, const Operation& operation, const Scope& scope) {
  const auto start = whole_number(operation.arguments[0], scope);
  if (!start || *start < 0) return;
  const std::size_t begin = utf8_offset(text, static_cast<std::size_t>(*start));
  if (begin >= text.size()) return;
  std::string_view part = text.substr(begin);
  if (operation.arguments[1] != kNoOperation) {
    const auto length = whole_number(operation.arguments[1], scope);
    if (length) part = part.substr(0, utf8_offset(part, static_cast<std::size_t>(std::max<std::int64_t>(*length, 0))));
  }
  push(Item::of_string(part));
}

// Every place of the pattern; of the empty pattern those before, between and behind the characters.
void Evaluator::replace(std::string_view text, const Operation& operation, const Scope& scope) {
  const auto pattern = argument_text(operation.arguments[0], scope);
  const auto substitution = argument_text(operation.arguments[1], scope);
  if (!pattern || !substitution) return;
  const auto next = [&](std::size_t at) { return text.find(*pattern, at); };
  std::size_t count = pattern->empty() ? utf8_length(text) + 1 : 0;
  if (!pattern->empty()) {
    for (std::size_t at = next(0); at != std::string_view::npos; at = next(at + pattern->size())) ++count;
  }
  if (!spend(count * substitution->size() / 16)) return;
  const std::size_t room = text.size() + count * substitution->size();
  char* out = arena_.allocate(room);
  char* at_out = out;
  const auto put = [&](std::string_view part) { at_out = std::ranges::copy(part, at_out).out; };
  if (pattern->empty()) {
    for (std::size_t at = 0; at < text.size();) {
      put(*substitution);
      const std::size_t begin = at;
      decode_utf8(text, at);
      put(text.substr(begin, at - begin));
    }
    put(*substitution);
  } else {
    std::size_t done = 0;
    for (std::size_t at = next(0); at != std::string_view::npos; at = next(done)) {
      put(text.substr(done, at - done));
      put(*substitution);
      done = at + pattern->size();
    }
    put(text.substr(done));
  }
  const auto length = static_cast<std::size_t>(at_out - out);
  arena_.shrink(room - length);
  push(Item::of_string({out, length}));
}

void Evaluator::split(std::string_view text, const Operation& operation, const Scope& scope) {
  const auto separator = argument_text(operation.arguments[0], scope);
  if (!separator) return;
  if (separator->empty()) return push(Item::of_string(text));
  while (true) {
    const std::size_t at = text.find(*separator);
    push(Item::of_string(text.substr(0, at)));
    if (at == std::string_view::npos) return;
    text.remove_prefix(at + separator->size());
  }
}

}  // namespace wellhead::converter
