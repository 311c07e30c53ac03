// Equality, order and three-valued logic (FHIRPath 2.0 §6).
#include "library/converter/decimal.h"
#include "library/converter/evaluator.h"

namespace wellhead::converter {

void Evaluator::equality(const Operation& operation, const Scope& scope) {
  Truth result = Truth::empty;
  if (compare_singles(operation, scope, result)) return push_truth(result);
  const std::size_t left = size();
  evaluate_input(operation, scope);
  const std::size_t right = size();
  evaluate(operation.arguments[0], scope);
  const std::size_t end = size();
  if (left == right || right == end) return truncate(left);  // nothing equals nothing: empty
  bool equal = right - left == end - right;
  for (std::size_t i = 0; equal && i < right - left; ++i) equal = same(stack_[left + i], stack_[right + i]);
  truncate(left);
  push(Item::of_boolean(equal == (operation.code == OperationCode::equals)));
}

void Evaluator::order(const Operation& operation, const Scope& scope) {
  const std::optional<Item> left = one(operation.input, scope);
  const std::optional<Item> right = one(operation.arguments[0], scope);
  if (!left || !right) return;
  std::strong_ordering result = std::strong_ordering::equal;
  const auto left_number = number_of(*left);
  const auto right_number = number_of(*right);
  if (left_number && right_number) {
    result = compare_decimals(*left_number, *right_number);
  } else {
    const auto left_text = string_of(*left);
    const auto right_text = string_of(*right);
    if (!left_text || !right_text) return fail("values of different types are compared");
    result = *left_text <=> *right_text;
  }
  switch (operation.code) {
    case OperationCode::less:
      return push(Item::of_boolean(result < 0));
    case OperationCode::less_or_equal:
      return push(Item::of_boolean(result <= 0));
    case OperationCode::greater:
      return push(Item::of_boolean(result > 0));
    default:
      return push(Item::of_boolean(result >= 0));
  }
}

void Evaluator::logic(const Operation& operation, const Scope& scope) {
  const Truth left = operation.input == kNoOperation ? Truth::empty : truth(operation.input, scope);
  const auto negated = [](Truth truth) {
    return truth == Truth::empty ? Truth::empty : truth == Truth::yes ? Truth::no : Truth::yes;
  };
  if (operation.code == OperationCode::negate) return push_truth(negated(left));
  // The left side may settle it.
  if (operation.code == OperationCode::logical_and && left == Truth::no) return push_truth(Truth::no);
  if (operation.code == OperationCode::logical_or && left == Truth::yes) return push_truth(Truth::yes);
  if (operation.code == OperationCode::implies && left == Truth::no) return push_truth(Truth::yes);
  const Truth right = truth(operation.arguments[0], scope);
  const bool unknown = left == Truth::empty || right == Truth::empty;
  switch (operation.code) {
    case OperationCode::logical_and:
      return push_truth(right == Truth::no ? Truth::no : unknown ? Truth::empty : Truth::yes);
    case OperationCode::logical_or:
      return push_truth(right == Truth::yes ? Truth::yes : unknown ? Truth::empty : Truth::no);
    case OperationCode::logical_xor:
      return push_truth(unknown ? Truth::empty : left == right ? Truth::no : Truth::yes);
    default:  // implies
      return push_truth(right == Truth::yes ? Truth::yes : unknown ? Truth::empty : Truth::no);
  }
}

}  // namespace wellhead::converter
