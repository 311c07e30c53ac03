#include "library/converter/evaluator.h"

#include <algorithm>
#include <charconv>

#include "library/converter/fhir_types.h"

namespace wellhead::converter {
namespace {

constexpr const char* kNotOne = "more than one item where one is expected";
constexpr const char* kBadEscape =
    "a string holds an escape that text cannot hold (\\u0000, half a surrogate pair) or that is unknown";

}  // namespace

void Evaluator::reset() {
  stack_.clear();
  arena_.reset();
  failure_ = nullptr;
  work_ = 0;
}

std::string_view Evaluator::decoded(std::string_view raw) {
  if (raw.find('\\') == std::string_view::npos) return raw;
  char* out = arena_.allocate(raw.size());
  const auto length = decode_escapes(raw, out);
  if (length >= 0) return {out, static_cast<std::size_t>(length)};
  fail(kBadEscape);
  return {};
}

std::optional<std::string_view> Evaluator::text_of(const Item& item) {
  return item.kind >= Item::Kind::date ? std::optional(item.text) : string_of(item);
}

std::optional<std::string_view> Evaluator::number_of(const Item& item) const {
  if (item.kind == Item::Kind::number) return item.text;
  if (item.kind != Item::Kind::node || !document_.is_number(item.node)) return std::nullopt;
  return document_.json_text(item.node);
}

std::optional<bool> Evaluator::boolean_of(const Item& item) const {
  if (item.kind == Item::Kind::boolean) return item.truth;
  if (item.kind != Item::Kind::node || !document_.is_boolean(item.node)) return std::nullopt;
  return document_.is_true(item.node);
}

std::optional<Item> Evaluator::one(OperationId id, const Scope& scope) {
  Item item;
  if (!single(id, scope, item)) return one_of_stack(id, scope);
  if (item.kind == Item::Kind::nothing) return std::nullopt;
  return item;
}

std::optional<Item> Evaluator::one_of_stack(OperationId id, const Scope& scope) {
  const std::size_t base = size();
  evaluate(id, scope);
  const std::size_t count = size() - base;
  std::optional<Item> result;
  if (count > 0) result = stack_[base];
  if (count > 1) fail(kNotOne);
  truncate(base);
  return result;
}

Evaluator::Truth Evaluator::truth(OperationId id, const Scope& scope) {
  Truth result = Truth::empty;
  if (single_truth(plan_.operations[id], scope, result)) return result;
  return as_truth(one_of_stack(id, scope).value_or(Item{}));
}

void Evaluator::push_truth(Truth truth) {
  if (truth != Truth::empty) push(Item::of_boolean(truth == Truth::yes));
}

void Evaluator::evaluate_input(const Operation& operation, const Scope& scope) {
  if (operation.input != kNoOperation) {
    evaluate(operation.input, scope);
  } else if (scope.self.kind != Item::Kind::nothing) {
    push(scope.self);
  }
}

void Evaluator::evaluate(OperationId id, const Scope& scope) {
  using Code = OperationCode;
  const Operation& operation = plan_.operations[id];
  switch (operation.code) {
    case Code::self:
      return evaluate_input(operation, scope);
    case Code::resource:
      return push(Item::of_node(0));
    case Code::nothing:
      return;
    case Code::string:
      return push(Item::of_string(operation.text));
    case Code::number:
      return push(Item::of_number(operation.text));
    case Code::boolean:
      return push(Item::of_boolean(operation.truth));
    case Code::date:
      return push(Item::of_text(Item::Kind::date, operation.text));
    case Code::date_time:
      return push(Item::of_text(Item::Kind::date_time, operation.text));
    case Code::time:
      return push(Item::of_text(Item::Kind::time, operation.text));
    case Code::quantity:
      return push(Item::of_text(Item::Kind::quantity, operation.text));
    case Code::row_index:
      return push(Item::of_number(integer_text(scope.row_index)));
    case Code::index:
      return push(Item::of_number(integer_text(scope.index)));
    case Code::member:
      return member(operation, scope);
    case Code::chain:
      return chain(operation, scope);
    default:
      return apply(operation, scope);
  }
}

// A function or operator about collections.
void Evaluator::apply(const Operation& operation, const Scope& scope) {
  using Code = OperationCode;
  switch (operation.code) {
    case Code::first:
    case Code::last:
    case Code::single:
    case Code::at:
    case Code::skip:
    case Code::take:
    case Code::tail:
      return subset(operation, scope);
    case Code::where:
      return filter(operation, scope);
    case Code::select:
      return project(operation, scope);
    case Code::repeat:
      return repeat(operation, scope);
    case Code::exists:
    case Code::all:
      return quantify(operation, scope);
    case Code::all_true:
    case Code::any_true:
    case Code::all_false:
    case Code::any_false:
      return quantify_truths(operation, scope);
    case Code::empty:
    case Code::count:
    case Code::has_value:
      return size_question(operation, scope);
    case Code::combine:
    case Code::unite:
    case Code::distinct:
    case Code::is_distinct:
      return merge(operation, scope);
    case Code::intersect:
    case Code::exclude:
      return select_common(operation, scope);
    case Code::subset_of:
    case Code::superset_of:
      return subset_question(operation, scope);
    case Code::in:
    case Code::holds:
      return membership(operation, scope);
    case Code::join:
      return join(operation, scope);
    case Code::iif:
      return choose(operation, scope);
    case Code::resource_key:
      return resource_keys(operation, scope);
    case Code::reference_key:
      return reference_keys(operation, scope);
    case Code::of_resource_type:
      return of_resource_type(operation, scope);
    case Code::of_type:
      return of_type(operation, scope);
    case Code::quantity_of:
      return quantities_of(operation, scope);
    case Code::equals:
    case Code::not_equals:
      return equality(operation, scope);
    case Code::equivalent:
    case Code::not_equivalent:
      return equivalence(operation, scope);
    default:
      return apply_to_value(operation, scope);
  }
}

// A function or operator about single values.
void Evaluator::apply_to_value(const Operation& operation, const Scope& scope) {
  using Code = OperationCode;
  switch (operation.code) {
    case Code::is_type:
      return is_type(operation, scope);
    case Code::to_string:
      return to_text(operation, scope);
    case Code::convert:
    case Code::converts:
      return convert(operation, scope);
    case Code::starts_with:
    case Code::ends_with:
    case Code::contains:
    case Code::index_of:
    case Code::last_index_of:
      return text_question(operation, scope);
    case Code::substring:
    case Code::upper:
    case Code::lower:
    case Code::trim:
    case Code::replace:
    case Code::matches:
    case Code::matches_whole:
    case Code::length:
    case Code::split:
    case Code::to_chars:
      return text_function(operation, scope);
    case Code::concatenate:
      return concatenate(operation, scope);
    case Code::absolute:
    case Code::ceiling:
    case Code::floor:
    case Code::round:
    case Code::truncate:
    case Code::negative:
      return number_function(operation, scope);
    case Code::low_boundary:
    case Code::high_boundary:
      return boundary(operation, scope);
    case Code::precision:
      return precision(operation, scope);
    case Code::less:
    case Code::less_or_equal:
    case Code::greater:
    case Code::greater_or_equal:
      return order(operation, scope);
    case Code::negate:
    case Code::logical_and:
    case Code::logical_or:
    case Code::logical_xor:
    case Code::implies:
      return logic(operation, scope);
    default:
      return arithmetic(operation, scope);
  }
}

// The value of an element: of a repeating one its items, of a null nothing.
void Evaluator::push_values(NodeId node) {
  if (document_.is_null(node)) return;
  if (!document_.is_array(node)) return push(Item::of_node(node));
  for (NodeId element = document_.first_element(node); element != 0; element = document_.next_element(element)) {
    if (document_.is_null(element)) continue;
    if (document_.is_array(element)) return fail("an array stands directly in an array");
    push(Item::of_node(element));
  }
}

// Whether an item that is no object has no members; false is a failure.
bool Evaluator::passes_over(const Operation& operation, const Item& item) {
  if (operation.lenient == Leniency::any) return true;
  if (operation.lenient == Leniency::choice &&
      (item.kind != Item::Kind::node || split_choice_key(document_.key_of(item.node)))) {
    return true;
  }
  fail("an element is a plain value where an object is expected");
  return false;
}

// Replaces the items from `base` by the values of one of their fields.
void Evaluator::step_into(std::size_t base, std::uint32_t slot, const Operation& operation) {
  const std::size_t end = size();
  for (std::size_t i = base; i < end; ++i) {
    const Item item = stack_[i];
    if (item.kind != Item::Kind::node || !document_.is_object(item.node)) {
      if (!passes_over(operation, item)) return;
      continue;
    }
    if (const NodeId value = document_.field(item.node, slot); value != 0) push_values(value);
  }
  keep(base, end, size() - end);
}

void Evaluator::member(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  step_into(base, operation.slot, operation);
}

void Evaluator::chain(const Operation& operation, const Scope& scope) {
  Item item;
  if (evaluate_chain(operation, scope, item)) {
    if (item.kind != Item::Kind::nothing) push(item);
    return;
  }
  const std::size_t base = size();
  push(scope.self);
  for (std::uint32_t i = 0; i < operation.length; ++i) step_into(base, operation.slots[i], operation);
}

// Of the items from `base` on only the `count` at `from` stay.
void Evaluator::keep(std::size_t base, std::size_t from, std::size_t count) {
  if (from != base) {
    std::copy(stack_.begin() + static_cast<std::ptrdiff_t>(from),
              stack_.begin() + static_cast<std::ptrdiff_t>(from + count),
              stack_.begin() + static_cast<std::ptrdiff_t>(base));
  }
  truncate(base + count);
}

// An argument that is a whole number; a larger one than any collection has is the largest there is.
std::optional<std::int64_t> Evaluator::whole_number(OperationId id, const Scope& scope) {
  const std::optional<Item> item = one(id, scope);
  const auto text = item ? number_of(*item) : std::nullopt;
  if (!text) {
    if (item) fail("a whole number is expected");
    return std::nullopt;
  }
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error == std::errc::result_out_of_range) return text->starts_with('-') ? INT64_MIN : INT64_MAX;
  if (error != std::errc{} || end != text->data() + text->size()) fail("a whole number is expected");
  return value;
}

void Evaluator::subset(const Operation& operation, const Scope& scope) {
  using Code = OperationCode;
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t count = size() - base;
  if (operation.code == Code::single && count > 1) fail(kNotOne);
  if (operation.code == Code::first || operation.code == Code::single)
    return keep(base, base, std::min<std::size_t>(count, 1));
  if (operation.code == Code::last) return keep(base, count > 0 ? size() - 1 : base, std::min<std::size_t>(count, 1));
  std::size_t number = 1;
  if (operation.code != Code::tail) {
    const auto argument = whole_number(operation.arguments[0], scope);
    if (!argument) return truncate(base);
    if (*argument < 0 && operation.code == Code::at) return truncate(base);
    number = static_cast<std::size_t>(std::max<std::int64_t>(*argument, 0));
  }
  number = std::min(number, count);
  if (operation.code == Code::take) return keep(base, base, number);
  if (operation.code == Code::at) return keep(base, base + number, number < count ? 1 : 0);
  keep(base, base + number, count - number);
}

std::string_view Evaluator::integer_text(std::uint64_t value) {
  constexpr std::size_t digits = 20;
  char* out = arena_.allocate(digits);
  const auto [end, error] = std::to_chars(out, out + digits, value);
  return {out, end};
}

}  // namespace wellhead::converter
