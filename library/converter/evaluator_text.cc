// Functions about strings, and the keys of resources and references (SQL on FHIR, "Required additional functions").
#include <algorithm>
#include <cstring>

#include "library/converter/evaluator.h"

namespace wellhead::converter {
namespace {

bool is_id_character(char c) {
  const auto byte = static_cast<unsigned char>(c);
  const bool letter = static_cast<unsigned char>((byte | 0x20U) - 'a') < 26;
  const bool digit = static_cast<unsigned char>(byte - '0') < 10;
  return static_cast<bool>(static_cast<int>(letter) | static_cast<int>(digit) | static_cast<int>(byte == '-') |
                           static_cast<int>(byte == '.'));
}

bool is_type_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && std::ranges::all_of(text, is_letter);
}

}  // namespace

bool is_fhir_id(std::string_view text) {
  bool valid = !text.empty() && text.size() <= 64;
  if (!valid) return false;
  for (const char c : text) valid &= is_id_character(c);  // without an early end, so that it is vectorized
  return valid;
}

// A scalar as text; nullopt for an object.
std::optional<std::string_view> Evaluator::scalar_text(const Item& item) {
  if (auto text = string_of(item)) return text;
  if (auto number = number_of(item)) return number;
  if (const auto truth = boolean_of(item)) return *truth ? "true" : "false";
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
  switch (operation.code) {
    case OperationCode::starts_with:
      return push(Item::of_boolean(text->starts_with(*part)));
    case OperationCode::ends_with:
      return push(Item::of_boolean(text->ends_with(*part)));
    default:
      return push(Item::of_boolean(text->find(*part) != std::string_view::npos));
  }
}

// The input is the resource's `id`.
void Evaluator::resource_keys(const Operation& operation, const Scope& scope) { evaluate_input(operation, scope); }

// The input is the references' `reference`; gives the id of each that names a resource of the type on this server.
void Evaluator::reference_keys(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  std::size_t kept = base;
  for (std::size_t i = base; i < size(); ++i) {
    const auto text = string_of(stack_[i]);
    if (!text) return fail("a reference is not a string");
    const auto reference = split_reference(*text);
    if (!reference || (!operation.text.empty() && reference->type != operation.text)) continue;
    stack_[kept++] = Item::of_string(reference->id);
  }
  truncate(kept);
}

// `Patient/1`, `Patient/1/_history/2` and the same below the server's own base URL (FHIR R4 §2.3.0.1, literal
// references).
std::optional<Evaluator::Reference> Evaluator::split_reference(std::string_view reference) const {
  if (!base_url_.empty() && reference.starts_with(base_url_) && reference.size() > base_url_.size() &&
      reference[base_url_.size()] == '/') {
    reference.remove_prefix(base_url_.size() + 1);
  }
  const std::size_t slash = reference.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  Reference result{reference.substr(0, slash), reference.substr(slash + 1)};
  constexpr std::string_view history_part = "/_history/";
  if (const auto history = result.id.find(history_part); history != std::string_view::npos) {
    if (!is_fhir_id(result.id.substr(history + history_part.size()))) return std::nullopt;
    result.id = result.id.substr(0, history);
  }
  if (!is_type_name(result.type) || !is_fhir_id(result.id)) return std::nullopt;
  return result;
}

void Evaluator::of_resource_type(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  std::size_t kept = base;
  for (std::size_t i = base; i < end; ++i) {
    const Scope inner{stack_[i], 0, 0};
    const auto type = argument_text(operation.arguments[0], inner);
    if (type == operation.text) stack_[kept++] = inner.self;
  }
  truncate(kept);
}

}  // namespace wellhead::converter
