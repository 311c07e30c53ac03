#include "library/converter/evaluator.h"

#include <algorithm>
#include <charconv>

#include "library/converter/decimal.h"

namespace wellhead::converter {
namespace {

constexpr const char* kNotOne = "more than one item where one is expected";
constexpr const char* kNotBoolean = "a condition is not a boolean";
constexpr const char* kBadEscape =
    "a string holds an escape that text cannot hold (\\u0000, half a surrogate pair) or that is unknown";

}  // namespace

void Evaluator::reset() {
  stack_.clear();
  arena_.reset();
  failure_ = nullptr;
}

std::optional<std::string_view> Evaluator::string_of(const Item& item) {
  if (item.kind == Item::Kind::string) return item.text;
  if (item.kind != Item::Kind::node || !document_.is_string(item.node)) return std::nullopt;
  const std::string_view raw = document_.string_text(item.node);
  if (!document_.has_escapes() || raw.find('\\') == std::string_view::npos) return raw;
  char* out = arena_.allocate(raw.size());
  const auto length = decode_escapes(raw, out);
  if (length < 0) {
    fail(kBadEscape);
    return std::string_view{};
  }
  return std::string_view(out, static_cast<std::size_t>(length));
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
  const Operation& operation = plan_.operations[id];
  if (operation.code == OperationCode::chain) {
    Item item;
    if (evaluate_chain(operation, scope, item)) {
      if (item.kind == Item::Kind::nothing) return std::nullopt;
      return item;
    }
  }
  const std::size_t base = size();
  evaluate(id, scope);
  const std::size_t count = size() - base;
  std::optional<Item> result;
  if (count > 0) result = stack_[base];
  if (count > 1) fail(kNotOne);
  truncate(base);
  return result;
}

// An operand that is a literal or a path of members with at most one item.
bool Evaluator::single_operand(const Operation& operation, const Scope& scope, Item& result) {
  switch (operation.code) {
    case OperationCode::chain:
      return evaluate_chain(operation, scope, result);
    case OperationCode::string:
      result = Item::of_string(operation.text);
      return true;
    case OperationCode::boolean:
      result = Item::of_boolean(operation.truth);
      return true;
    default:
      return false;
  }
}

// Equality of two such operands, without the stack. False: it takes the general way.
bool Evaluator::compare_singles(const Operation& operation, const Scope& scope, Truth& result) {
  if (operation.code != OperationCode::equals && operation.code != OperationCode::not_equals) return false;
  Item left;
  Item right;
  if (!single_operand(plan_.operations[operation.input], scope, left)) return false;
  if (!single_operand(plan_.operations[operation.arguments[0]], scope, right)) return false;
  if (left.kind == Item::Kind::nothing || right.kind == Item::Kind::nothing) {
    result = Truth::empty;
  } else {
    result = same(left, right) == (operation.code == OperationCode::equals) ? Truth::yes : Truth::no;
  }
  return true;
}

Evaluator::Truth Evaluator::truth(OperationId id, const Scope& scope) {
  const Operation& operation = plan_.operations[id];
  Truth result = Truth::empty;
  if (compare_singles(operation, scope, result)) return result;
  if (operation.code == OperationCode::exists && operation.arguments[0] == kNoOperation &&
      absent(plan_.operations[operation.input], scope)) {
    return Truth::no;
  }
  const std::optional<Item> item = one(id, scope);
  if (!item) return Truth::empty;
  const std::optional<bool> value = boolean_of(*item);
  if (!value) fail(kNotBoolean);
  return value.value_or(false) ? Truth::yes : Truth::no;
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

// A function or operator.
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
    case Code::exists:
    case Code::all:
      return quantify(operation, scope);
    case Code::empty:
    case Code::count:
      return size_question(operation, scope);
    case Code::combine:
    case Code::unite:
    case Code::distinct:
      return merge(operation, scope);
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
    case Code::to_string:
      return to_text(operation, scope);
    case Code::starts_with:
    case Code::ends_with:
    case Code::contains:
      return text_question(operation, scope);
    case Code::equals:
    case Code::not_equals:
      return equality(operation, scope);
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
    case Code::concatenate:
      return concatenate(operation, scope);
    default:
      return fail("an operation is not known");
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

// Replaces the items from `base` by the values of one of their fields.
void Evaluator::step_into(std::size_t base, std::uint32_t slot) {
  const std::size_t end = size();
  for (std::size_t i = base; i < end; ++i) {
    const Item item = stack_[i];
    if (item.kind != Item::Kind::node || !document_.is_object(item.node)) {
      return fail("an element is a plain value where an object is expected");
    }
    if (const NodeId value = document_.field(item.node, slot); value != 0) push_values(value);
  }
  keep(base, end, size() - end);
}

void Evaluator::member(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  step_into(base, operation.slot);
}

bool Evaluator::evaluate_chain(const Operation& operation, const Scope& scope, Item& result) {
  result = scope.self;
  for (std::uint32_t i = 0; i < operation.length && result.kind != Item::Kind::nothing; ++i) {
    if (result.kind != Item::Kind::node || !document_.is_object(result.node)) {
      fail("an element is a plain value where an object is expected");
      result = {};
      return true;
    }
    NodeId value = document_.field(result.node, operation.slots[i]);
    if (value != 0 && document_.is_array(value)) {
      const NodeId first = document_.first_element(value);
      if (first != 0 && (document_.next_element(first) != 0 || document_.is_array(first))) return false;
      value = first;
    }
    result = value == 0 || document_.is_null(value) ? Item{} : Item::of_node(value);
  }
  return true;
}

void Evaluator::chain(const Operation& operation, const Scope& scope) {
  Item item;
  if (evaluate_chain(operation, scope, item)) {
    if (item.kind != Item::Kind::nothing) push(item);
    return;
  }
  const std::size_t base = size();
  push(scope.self);
  for (std::uint32_t i = 0; i < operation.length; ++i) step_into(base, operation.slots[i]);
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
    const std::optional<Item> argument = one(operation.arguments[0], scope);
    const auto text = argument ? number_of(*argument) : std::nullopt;
    if (!text) return truncate(base);
    const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), number);
    if (error != std::errc{} || end != text->data() + text->size()) number = operation.code == Code::skip ? 0 : count;
    if (text->starts_with('-') && operation.code == Code::take) number = 0;
  }
  number = std::min(number, count);
  if (operation.code == Code::take) return keep(base, base, number);
  if (operation.code == Code::at) return keep(base, base + number, number < count ? 1 : 0);
  keep(base, base + number, count - number);
}

void Evaluator::filter(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  std::size_t kept = base;
  for (std::size_t i = base; i < end && failure_ == nullptr; ++i) {
    const Scope inner{stack_[i], static_cast<std::uint32_t>(i - base), scope.row_index};
    if (truth(operation.arguments[0], inner) == Truth::yes) stack_[kept++] = inner.self;
  }
  truncate(kept);
}

// exists(criteria) and all(criteria); exists() of any item at all.
void Evaluator::quantify(const Operation& operation, const Scope& scope) {
  const bool all = operation.code == OperationCode::all;
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  bool result = all || (operation.arguments[0] == kNoOperation && end > base);
  for (std::size_t i = base; i < end && result == all && failure_ == nullptr; ++i) {
    if (operation.arguments[0] == kNoOperation) break;
    const Scope inner{stack_[i], static_cast<std::uint32_t>(i - base), scope.row_index};
    result = truth(operation.arguments[0], inner) == Truth::yes;
  }
  truncate(base);
  push(Item::of_boolean(result));
}

void Evaluator::size_question(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t count = size() - base;
  truncate(base);
  push(operation.code == OperationCode::empty ? Item::of_boolean(count == 0) : Item::of_number(integer_text(count)));
}

void Evaluator::merge(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  if (operation.arguments[0] != kNoOperation) evaluate(operation.arguments[0], scope);
  if (operation.code != OperationCode::combine) remove_duplicates(base);
}

void Evaluator::remove_duplicates(std::size_t base) {
  std::size_t kept = base;
  for (std::size_t i = base; i < size(); ++i) {
    bool known = false;
    for (std::size_t j = base; j < kept && !known; ++j) known = same(stack_[i], stack_[j]);
    if (!known) stack_[kept++] = stack_[i];
  }
  truncate(kept);
}

void Evaluator::choose(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  if (size() - base > 1) fail(kNotOne);
  const Scope inner{size() > base ? stack_[base] : Item{}, scope.index, scope.row_index};
  truncate(base);
  const bool chosen = truth(operation.arguments[0], inner) == Truth::yes;
  const OperationId branch = operation.arguments[chosen ? 1 : 2];
  if (branch != kNoOperation) evaluate(branch, inner);
}

bool Evaluator::same(const Item& a, const Item& b) {
  if (const auto text = string_of(a)) {
    const auto other = string_of(b);
    return other && *text == *other;
  }
  if (const auto number = number_of(a)) {
    const auto other = number_of(b);
    return other && compare_decimals(*number, *other) == std::strong_ordering::equal;
  }
  if (const auto truth = boolean_of(a)) return truth == boolean_of(b);
  if (a.kind != Item::Kind::node || b.kind != Item::Kind::node) return false;
  return a.node == b.node || document_.json_text(a.node) == document_.json_text(b.node);
}

std::string_view Evaluator::integer_text(std::uint64_t value) {
  constexpr std::size_t digits = 20;
  char* out = arena_.allocate(digits);
  const auto [end, error] = std::to_chars(out, out + digits, value);
  return {out, end};
}

}  // namespace wellhead::converter
