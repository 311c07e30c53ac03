// Functions that go through a collection item by item (FHIRPath 2.0 §5.1 to §5.3).
#include <algorithm>

#include "library/converter/evaluator.h"

namespace wellhead::converter {
namespace {

constexpr const char* kSeveralItems = "more than one item where one is expected";

}  // namespace

void Evaluator::filter(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  std::size_t kept = base;
  for (std::size_t i = base; i < end && failure_ == nullptr && spend(1); ++i) {
    const Scope inner{stack_[i], static_cast<std::uint32_t>(i - base), scope.row_index};
    if (truth(operation.arguments[0], inner) == Truth::yes) stack_[kept++] = inner.self;
  }
  truncate(kept);
}

// select(projection)
void Evaluator::project(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  for (std::size_t i = base; i < end && failure_ == nullptr && spend(1); ++i) {
    const Scope inner{stack_[i], static_cast<std::uint32_t>(i - base), scope.row_index};
    evaluate(operation.arguments[0], inner);
  }
  keep(base, end, size() - end);
}

// repeat(projection): each item once, level by level.
void Evaluator::repeat(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  std::size_t next = base;
  const std::size_t first = size();
  bool again = false;
  for (std::size_t end = first; next < end && failure_ == nullptr; again = true) {
    for (; next < end && failure_ == nullptr && spend(1); ++next) {
      const Scope inner{stack_[next], 0, scope.row_index};
      evaluate(operation.arguments[again ? 1 : 0], inner);
    }
    // What is known already leads nowhere new.
    std::size_t kept = end;
    for (std::size_t i = end; i < size() && failure_ == nullptr; ++i) {
      if (!holds(first, kept, stack_[i])) stack_[kept++] = stack_[i];
    }
    truncate(kept);
    end = kept;
  }
  keep(base, first, size() - first);
}

// exists(criteria) and all(criteria); exists() of any item at all.
void Evaluator::quantify(const Operation& operation, const Scope& scope) {
  const bool all = operation.code == OperationCode::all;
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t end = size();
  bool result = all || (operation.arguments[0] == kNoOperation && end > base);
  for (std::size_t i = base; i < end && result == all && failure_ == nullptr && spend(1); ++i) {
    if (operation.arguments[0] == kNoOperation) break;
    const Scope inner{stack_[i], static_cast<std::uint32_t>(i - base), scope.row_index};
    result = truth(operation.arguments[0], inner) == Truth::yes;
  }
  truncate(base);
  push(Item::of_boolean(result));
}

void Evaluator::quantify_truths(const Operation& operation, const Scope& scope) {
  using Code = OperationCode;
  const bool all = operation.code == Code::all_true || operation.code == Code::all_false;
  const bool wanted = operation.code == Code::all_true || operation.code == Code::any_true;
  const std::size_t base = size();
  evaluate_input(operation, scope);
  bool result = all;
  for (std::size_t i = base; i < size(); ++i) {
    const auto value = boolean_of(stack_[i]);
    if (!value) fail("a boolean is expected");
    if ((value == wanted) != all) result = !all;
  }
  truncate(base);
  push(Item::of_boolean(result));
}

void Evaluator::size_question(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  const std::size_t count = size() - base;
  const bool value = count == 1 && (stack_[base].kind != Item::Kind::node || !document_.is_object(stack_[base].node));
  truncate(base);
  switch (operation.code) {
    case OperationCode::empty:
      return push(Item::of_boolean(count == 0));
    case OperationCode::has_value:
      return push(Item::of_boolean(value));
    default:
      return push(Item::of_number(integer_text(count)));
  }
}

void Evaluator::choose(const Operation& operation, const Scope& scope) {
  const std::size_t base = size();
  evaluate_input(operation, scope);
  if (size() - base > 1) fail(kSeveralItems);
  const Scope inner{size() > base ? stack_[base] : Item{}, scope.index, scope.row_index};
  truncate(base);
  const bool chosen = truth(operation.arguments[0], inner) == Truth::yes;
  const OperationId branch = operation.arguments[chosen ? 1 : 2];
  if (branch != kNoOperation) evaluate(branch, inner);
}

}  // namespace wellhead::converter
