// Types: is, as, ofType, conversions, and the keys of resources and references (SQL on FHIR, "Required additional
// functions").
#include <algorithm>
#include <array>

#include "library/converter/bytes.h"
#include "library/converter/document.h"
#include "library/converter/evaluator.h"
#include "library/converter/fhir_types.h"

namespace wellhead::converter {
namespace {

constexpr auto kIdCharacters = [] {
  std::array<bool, 256> allowed{};
  for (const char c : std::string_view("-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz")) {
    allowed[static_cast<unsigned char>(c)] = true;
  }
  return allowed;
}();

// Of sizeof(Bytes) characters at once.
bool are_id_characters(const char* text) {
  const Bytes bytes = load_bytes(text);
  const ByteFlags letters = ((bytes | 0x20) - 'a') <= 25;
  const ByteFlags digits = (bytes - '0') <= 9;
  const ByteFlags marks = (bytes - '-') <= 1;  // - and .
  return !any_of(~(letters | digits | marks));
}

bool is_type_name(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && std::ranges::all_of(text, is_letter);
}

std::optional<bool> truth_of(std::string_view text) {
  std::array<char, 8> lower{};
  if (text.size() >= lower.size()) return std::nullopt;
  std::ranges::transform(text, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::string_view word(lower.data(), text.size());
  for (const std::string_view yes : {"true", "t", "yes", "y", "1", "1.0"}) {
    if (word == yes) return true;
  }
  for (const std::string_view no : {"false", "f", "no", "n", "0", "0.0"}) {
    if (word == no) return false;
  }
  return std::nullopt;
}

// (\+|-)?\d+(\.\d+)?
bool is_decimal(std::string_view text) {
  if (text.starts_with('+') || text.starts_with('-')) text.remove_prefix(1);
  const auto is_digits = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  const std::size_t point = text.find('.');
  return is_digits(text.substr(0, point)) && (point == std::string_view::npos || is_digits(text.substr(point + 1)));
}

}  // namespace

bool is_fhir_id(std::string_view text) {
  constexpr std::size_t longest = 64;
  if (text.empty() || text.size() > longest) return false;
  std::size_t at = 0;
  if (text.size() >= sizeof(Bytes)) {
    for (; at + sizeof(Bytes) <= text.size(); at += sizeof(Bytes)) {
      if (!are_id_characters(text.data() + at)) return false;
    }
    return are_id_characters(text.data() + text.size() - sizeof(Bytes));  // what is left, and some again
  }
  for (; at < text.size(); ++at) {
    if (!kIdCharacters[static_cast<unsigned char>(text[at])]) return false;
  }
  return true;
}

// What an item is cannot always be told from JSON: of a string of an element that is no choice every type is believed
// that strings are written for, of dates those whose form it has; likewise of numbers.
bool Evaluator::has_type(const Item& item, std::string_view type) {
  switch (item.kind) {
    case Item::Kind::nothing:
      return false;
    case Item::Kind::string:
      return type == "string";
    case Item::Kind::number:
      return type == (item.text.find_first_of(".eE") == std::string_view::npos ? "integer" : "decimal");
    case Item::Kind::boolean:
      return type == "boolean";
    case Item::Kind::date:
      return type == "date";
    case Item::Kind::date_time:
      return type == "dateTime";
    case Item::Kind::time:
      return type == "time";
    case Item::Kind::quantity:
      return type == "Quantity";
    case Item::Kind::node:
      break;
  }
  if (const auto choice = split_choice_key(document_.key_of(item.node))) return is_subtype(choice->type, type);
  if (document_.is_boolean(item.node)) return type == "boolean";
  if (const auto number = number_of(item)) {
    const bool whole = number->find_first_of(".eE") == std::string_view::npos;
    return type == "decimal" || (whole && (is_subtype(type, "integer") || type == "integer64"));
  }
  const auto text = string_of(item);
  if (!text || !is_primitive_type(type)) return false;
  const auto kind = temporal_element(document_.key_of(item.node));
  if (type == "date") return (!kind || kind == TemporalKind::date) && parse_temporal(*text, TemporalKind::date);
  if (type == "time") return (!kind || kind == TemporalKind::time) && parse_temporal(*text, TemporalKind::time);
  if (type == "dateTime" || type == "instant") {
    return (!kind || kind == TemporalKind::date_time) && parse_temporal(*text, TemporalKind::date_time);
  }
  return !kind && type != "boolean" && type != "decimal" && type != "integer64" && !is_subtype(type, "integer");
}

void Evaluator::of_type(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  std::size_t kept = base;
  for (std::size_t i = base; i < size(); ++i) {
    if (has_type(stack_[i], operation.text)) stack_[kept++] = stack_[i];
  }
  truncate(kept);
}

void Evaluator::is_type(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = operation.input == kNoOperation ? scope.self : one(operation.input, scope);
  if (!item) return;
  if (operation.arguments[0] == kNoOperation) return push(Item::of_boolean(has_type(*item, operation.text)));
  const Scope inner{*item, 0, 0};
  const auto type = argument_text(operation.arguments[0], inner);
  const bool any = operation.text == "Resource" || operation.text == "DomainResource";
  push(Item::of_boolean(type && (any || *type == operation.text)));
}

// Objects with a value as quantities.
void Evaluator::quantities_of(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  std::size_t kept = base;
  for (std::size_t i = base; i < end && failure_ == nullptr; ++i) {
    const Item item = stack_[i];
    if (item.kind != Item::Kind::node || !document_.is_object(item.node)) {
      stack_[kept++] = item;
      continue;
    }
    const Scope inner{item, 0, 0};
    const auto value = one(operation.arguments[0], inner);
    const auto number = value ? number_of(*value) : std::nullopt;
    if (!number) continue;
    auto unit = argument_text(operation.arguments[1], inner);
    if (!unit) unit = argument_text(operation.arguments[2], inner);
    if (!unit) unit = "1";
    char* out = arena_.allocate(unit->size() + 2);
    out[0] = '\'';
    *std::ranges::copy(*unit, out + 1).out = '\'';
    push_amount(*number, {out, unit->size() + 2});
    stack_[kept++] = stack_.back();
    truncate(end);
  }
  truncate(kept);
}

// toInteger() and its like, and convertsToInteger() and its like.
void Evaluator::convert(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = one(operation.input, scope);
  if (!item) return;
  const auto result = converted(*item, operation.text);
  if (operation.code == OperationCode::converts) return push(Item::of_boolean(result.has_value()));
  if (result) push(*result);
}

std::optional<Item> Evaluator::converted(const Item& item, std::string_view type) {
  if (type == "boolean") {
    if (boolean_of(item)) return item;
    const auto text = scalar_text(item);
    const auto truth = text ? truth_of(*text) : std::nullopt;
    if (truth) return Item::of_boolean(*truth);
    return std::nullopt;
  }
  if (type == "integer" || type == "decimal") return converted_number(item, type == "integer");
  if (type == "date") return converted_moment(item, TemporalKind::date);
  if (type == "dateTime") return converted_moment(item, TemporalKind::date_time);
  if (type == "time") return converted_moment(item, TemporalKind::time);
  if (type == "Quantity") return converted_quantity(item);
  const auto text = scalar_text(item);
  return text ? std::optional(Item::of_string(*text)) : std::nullopt;
}

std::optional<Item> Evaluator::converted_number(const Item& item, bool whole) {
  if (const auto truth = boolean_of(item))
    return Item::of_number(whole ? (*truth ? "1" : "0") : (*truth ? "1.0" : "0.0"));
  auto text = number_of(item);
  if (!text) {
    text = string_of(item);
    if (!text || !is_decimal(*text)) return std::nullopt;
    if (text->starts_with('+')) text->remove_prefix(1);
  }
  if (whole && text->find_first_of(".eE") != std::string_view::npos) return std::nullopt;
  if (is_json_number(*text)) return Item::of_number(*text);
  const auto number = Number::parse(*text);  // without zeros before it
  return number ? std::optional(Item::of_number(number_text(number))) : std::nullopt;
}

std::optional<Item> Evaluator::converted_moment(const Item& item, TemporalKind kind) {
  auto text = text_of(item);
  if (!text || item.kind == Item::Kind::quantity) return std::nullopt;
  const Item::Kind made = kind == TemporalKind::time   ? Item::Kind::time
                          : kind == TemporalKind::date ? Item::Kind::date
                                                       : Item::Kind::date_time;
  if (kind == TemporalKind::date && text->find('T') != std::string_view::npos) {
    if (!parse_temporal(*text, TemporalKind::date_time)) return std::nullopt;
    text = text->substr(0, text->find('T'));
  }
  if (!parse_temporal(*text, kind)) return std::nullopt;
  return Item::of_text(made, *text);
}

// 5, '5', '5 mg' (in quotes of its own: '5 \'mg\''), '5 days'.
std::optional<Item> Evaluator::converted_quantity(const Item& item) {
  if (item.kind == Item::Kind::quantity) return item;
  std::optional<std::string_view> text = number_of(item);
  if (!text) text = string_of(item);
  if (const auto truth = boolean_of(item)) text = *truth ? "1.0" : "0.0";
  if (!text) return std::nullopt;
  const std::size_t end = std::min(text->find_first_not_of("0123456789+-."), text->size());
  std::string_view number = text->substr(0, end);
  std::string_view unit = text->substr(end);
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (!is_decimal(number)) return std::nullopt;
  if (number.starts_with('+')) number.remove_prefix(1);
  if (unit.empty()) unit = "'1'";
  const bool quoted = unit.size() > 2 && unit.front() == '\'' && unit.find('\'', 1) == unit.size() - 1;
  if (!quoted && !calendar_unit(unit)) return std::nullopt;
  if (!quoted && unit.ends_with('s')) unit.remove_suffix(1);
  push_amount(number, unit);
  const Item result = stack_.back();
  truncate(size() - 1);
  return result;
}

// The input is the resource's `id`.
void Evaluator::resource_keys(const Operation& operation, const Scope& scope) { evaluate_input(operation, scope); }

// The input is the references' `reference`; gives the id of each that names a resource of the type on this server.
void Evaluator::reference_keys(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  std::size_t kept = base;
  for (std::size_t i = base; i < size(); ++i) {
    Item item = stack_[i];
    if (to_reference_key(operation, item)) stack_[kept++] = item;
    if (failure_ != nullptr) return;
  }
  truncate(kept);
}

// False: the reference is to something else, or is a failure.
bool Evaluator::to_reference_key(const Operation& operation, Item& item) {
  const auto text = string_of(item);
  if (!text) {
    fail("a reference is not a string");
    return false;
  }
  const std::string& type = operation.text;
  // The usual form: Patient/1.
  if (!type.empty() && text->size() > type.size() && (*text)[type.size()] == '/' && text->starts_with(type)) {
    const std::string_view id = text->substr(type.size() + 1);
    if (is_fhir_id(id)) {
      item = Item::of_string(id);
      return true;
    }
  }
  const auto reference = split_reference(*text);
  if (!reference || (!type.empty() && reference->type != type)) return false;
  item = Item::of_string(reference->id);
  return true;
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
  if (const std::size_t history = result.id.find('/'); history != std::string_view::npos) {
    if (!result.id.substr(history).starts_with(history_part)) return std::nullopt;
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
