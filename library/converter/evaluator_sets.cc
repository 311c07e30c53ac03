// Collections as sets (FHIRPath 2.0 §5.3, §6.4): by a hash of each item where there are many, so that a resource with a
// huge array takes no longer than its length.
#include <bit>

#include "library/converter/decimal.h"
#include "library/converter/evaluator.h"

namespace wellhead::converter {
namespace {

constexpr std::size_t kFewItems = 16;

std::uint64_t hash_of_text(std::string_view text) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return hash ^ (hash >> 29);
}

bool begins_like_a_date(std::string_view text) {
  return text.size() >= 4 && text[0] >= '0' && text[0] <= '9' && text[3] >= '0' && text[3] <= '9';
}

}  // namespace

void Evaluator::merge(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  if (operation.code == OperationCode::is_distinct) {
    const bool distinct = !remove_duplicates(base);
    truncate(base);
    return push(Item::of_boolean(distinct));
  }
  if (operation.arguments[0] != kNoOperation) evaluate(operation.arguments[0], scope);
  if (operation.code != OperationCode::combine) remove_duplicates(base);
}

// Items that are equal have equal hashes. Dates are equal by what they mean, so all that look like one are alike here.
std::uint64_t Evaluator::hash_of(const Item& item) {
  if (item.kind >= Item::Kind::date) return 1;
  if (const auto text = string_of(item)) return begins_like_a_date(*text) ? 1 : hash_of_text(*text);
  if (const auto number = number_of(item)) return decimal_hash(*number);
  if (const auto truth = boolean_of(item)) return *truth ? 2 : 3;
  return item.kind == Item::Kind::node ? hash_of_object(item.node) : 4;
}

std::uint64_t Evaluator::hash_of_object(NodeId node) {
  std::uint64_t hash = 5;
  if (document_.is_array(node)) {
    for (NodeId element = document_.first_element(node); element != 0; element = document_.next_element(element)) {
      hash = hash * 31 + hash_of(Item::of_node(element));
    }
    return hash;
  }
  if (!document_.is_object(node)) return 6;
  for (NodeId key = document_.first_key(node); key != 0; key = document_.next_key(key)) {
    hash += std::rotl(hash_of(Item::of_node(key)), 7) * 0x9E3779B97F4A7C15U ^ hash_of(Item::of_node(key + 2));
  }
  return hash;
}

// Objects are equal by their fields in any order.
bool Evaluator::same_objects(NodeId a, NodeId b) {
  if (a == b) return true;
  if (!spend(1) || document_.first_byte(a) != document_.first_byte(b)) return false;
  if (document_.is_array(a)) {
    NodeId left = document_.first_element(a);
    NodeId right = document_.first_element(b);
    while (left != 0 && right != 0 && same(Item::of_node(left), Item::of_node(right)) == Truth::yes) {
      left = document_.next_element(left);
      right = document_.next_element(right);
    }
    return left == 0 && right == 0;
  }
  if (!document_.is_object(a)) return document_.is_null(a);
  std::size_t fields = 0;
  for (NodeId key = document_.first_key(a); key != 0; key = document_.next_key(key)) ++fields;
  for (NodeId key = document_.first_key(b); key != 0; key = document_.next_key(key)) --fields;
  if (fields != 0) return false;
  for (NodeId key = document_.first_key(a); key != 0; key = document_.next_key(key)) {
    const auto name = string_of(Item::of_node(key));
    NodeId other = document_.first_key(b);
    while (other != 0 && spend(1) && string_of(Item::of_node(other)) != name) other = document_.next_key(other);
    if (other == 0 || same(Item::of_node(key + 2), Item::of_node(other + 2)) != Truth::yes) return false;
  }
  return true;
}

// Whether the items from `from` up to `to` hold one that equals this.
bool Evaluator::holds(std::size_t from, std::size_t to, const Item& item) {
  for (std::size_t i = from; i < to && spend(1); ++i) {
    if (same(stack_[i], item) == Truth::yes) return true;
  }
  return false;
}

// Of the items from `base` on the first of each stays. Whether there were others.
bool Evaluator::remove_duplicates(std::size_t base) {
  const std::size_t end = size();
  const std::size_t count = end - base;
  std::size_t kept = base;
  if (count <= kFewItems) {
    for (std::size_t i = base; i < end; ++i) {
      if (!holds(base, kept, stack_[i])) stack_[kept++] = stack_[i];
    }
  } else {
    const std::size_t mask = std::bit_ceil(count * 2) - 1;
    buckets_.assign(mask + 1, 0);
    for (std::size_t i = base; i < end && failure_ == nullptr; ++i) {
      std::size_t at = (hash_of(stack_[i]) * 0x9E3779B97F4A7C15U >> 20) & mask;
      bool known = false;
      while (buckets_[at] != 0 && !known && spend(1)) {
        known = same(stack_[base + buckets_[at] - 1], stack_[i]) == Truth::yes;
        at = (at + 1) & mask;
      }
      if (known) continue;
      stack_[kept++] = stack_[i];
      buckets_[at] = static_cast<std::uint32_t>(kept - base);
    }
  }
  truncate(kept);
  return kept < end;
}

// intersect(other) and exclude(other)
void Evaluator::select_common(const Operation& operation, const Scope& scope) {
  const bool common = operation.code == OperationCode::intersect;
  const std::size_t base = size();
  evaluate_input(operation, scope);
  if (common) remove_duplicates(base);
  const std::size_t middle = size();
  evaluate(operation.arguments[0], scope);
  const std::size_t end = size();
  std::size_t kept = base;
  for (std::size_t i = base; i < middle && failure_ == nullptr; ++i) {
    if (holds(middle, end, stack_[i]) == common) stack_[kept++] = stack_[i];
  }
  truncate(kept);
}

void Evaluator::subset_question(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t middle = size();
  evaluate(operation.arguments[0], scope);
  const std::size_t end = size();
  const bool of_left = operation.code == OperationCode::subset_of;
  bool result = true;
  for (std::size_t i = of_left ? base : middle; i < (of_left ? middle : end) && result && failure_ == nullptr; ++i) {
    result = of_left ? holds(middle, end, stack_[i]) : holds(base, middle, stack_[i]);
  }
  truncate(base);
  push(Item::of_boolean(result));
}

// `a in b` and `b contains a`: empty when a is; an item is not in a collection without any.
void Evaluator::membership(const Operation& operation, const Scope& scope) {
  const bool in = operation.code == OperationCode::in;
  const std::size_t base = size();
  const OperationId item_id = in ? operation.input : operation.arguments[0];
  const std::optional<Item> item = item_id == kNoOperation ? std::optional(scope.self) : one(item_id, scope);
  if (!item || item->kind == Item::Kind::nothing) return;
  if (in) {
    evaluate(operation.arguments[0], scope);
  } else {
    evaluate_input(operation, scope);
  }
  const bool result = holds(base, size(), *item);
  truncate(base);
  push(Item::of_boolean(result));
}

}  // namespace wellhead::converter
