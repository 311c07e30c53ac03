// Paths that give at most one item of a resource, as nearly all do, without the stack. Each function is false when
// there may be more or the operation is not known here: then evaluate() goes the general way. What they look at is what
// the general way looks at, so that both refuse the same resources; none goes the general way itself, so that a path is
// tried at most once at each level.
#include "library/converter/evaluator.h"

namespace wellhead::converter {

bool Evaluator::single_input(const Operation& operation, const Scope& scope, Item& result) {
  if (operation.input != kNoOperation) return single(operation.input, scope, result);
  result = scope.self;
  return true;
}

bool Evaluator::single(OperationId id, const Scope& scope, Item& result) {
  using Code = OperationCode;
  const Operation& operation = plan_.operations[id];
  switch (operation.code) {
    case Code::chain:
      return evaluate_chain(operation, scope, result);
    case Code::self:
    case Code::last:
    case Code::single:
    case Code::resource_key:
      return single_input(operation, scope, result);
    case Code::first:
      return single_first(operation.input, scope, result);
    case Code::member:
      return single_input(operation, scope, result) && step_into_single(operation, operation.slot, result);
    case Code::resource:
      result = Item::of_node(0);
      return true;
    case Code::nothing:
      result = {};
      return true;
    case Code::string:
      result = Item::of_string(operation.text);
      return true;
    case Code::number:
      result = Item::of_number(operation.text);
      return true;
    case Code::boolean:
      result = Item::of_boolean(operation.truth);
      return true;
    default:
      return single_result(operation, scope, result);
  }
}

bool Evaluator::single_result(const Operation& operation, const Scope& scope, Item& result) {
  using Code = OperationCode;
  switch (operation.code) {
    case Code::combine: {
      Item other;
      if (!single_input(operation, scope, result) || !single(operation.arguments[0], scope, other)) return false;
      if (result.kind != Item::Kind::nothing && other.kind != Item::Kind::nothing) return false;
      if (result.kind == Item::Kind::nothing) result = other;
      return true;
    }
    case Code::where:
      return single_where(operation, scope, result);
    case Code::iif:
      return single_choice(operation, scope, result);
    case Code::equals:
    case Code::not_equals:
    case Code::exists: {
      Truth truth = Truth::empty;
      if (!single_truth(operation, scope, truth)) return false;
      result = truth == Truth::empty ? Item{} : Item::of_boolean(truth == Truth::yes);
      return true;
    }
    case Code::reference_key:
      if (!single_input(operation, scope, result)) return false;
      if (result.kind != Item::Kind::nothing && !to_reference_key(operation, result)) result = {};
      return true;
    case Code::to_string: {
      if (!single_input(operation, scope, result)) return false;
      const auto text = scalar_text(result);
      result = text ? Item::of_string(*text) : Item{};
      return true;
    }
    default:
      return false;
  }
}

// The first item of a collection that is put together of single ones.
bool Evaluator::single_first(OperationId id, const Scope& scope, Item& result) {
  if (id == kNoOperation) {
    result = scope.self;
    return true;
  }
  const Operation& operation = plan_.operations[id];
  if (operation.code != OperationCode::combine) return single(id, scope, result);
  Item other;
  if (!single_first(operation.input, scope, result) || !single_first(operation.arguments[0], scope, other)) {
    return false;
  }
  if (result.kind == Item::Kind::nothing) result = other;
  return true;
}

bool Evaluator::single_where(const Operation& operation, const Scope& scope, Item& result) {
  if (!single_input(operation, scope, result)) return false;
  if (result.kind == Item::Kind::nothing) return true;
  Truth truth = Truth::empty;
  const Operation& criterion = plan_.operations[operation.arguments[0]];
  if (!spend(1) || !single_truth(criterion, {result, 0, scope.row_index}, truth)) return false;
  if (truth != Truth::yes) result = {};
  return true;
}

bool Evaluator::single_choice(const Operation& operation, const Scope& scope, Item& result) {
  if (!single_input(operation, scope, result)) return false;
  const Scope inner{result, scope.index, scope.row_index};
  Truth truth = Truth::empty;
  if (!single_truth(plan_.operations[operation.arguments[0]], inner, truth)) return false;
  const OperationId branch = operation.arguments[truth == Truth::yes ? 1 : 2];
  if (branch != kNoOperation) return single(branch, inner, result);
  result = {};
  return true;
}

bool Evaluator::single_truth(const Operation& operation, const Scope& scope, Truth& result) {
  using Code = OperationCode;
  Item left;
  switch (operation.code) {
    case Code::equals:
    case Code::not_equals: {
      Item right;
      if (!single_input(operation, scope, left) || !single(operation.arguments[0], scope, right)) return false;
      const bool known = left.kind != Item::Kind::nothing && right.kind != Item::Kind::nothing;
      result = known ? same(left, right) : Truth::empty;
      if (operation.code == Code::not_equals && result != Truth::empty) {
        result = result == Truth::yes ? Truth::no : Truth::yes;
      }
      return true;
    }
    case Code::exists:
      if (operation.arguments[0] != kNoOperation) return false;
      if (operation.input != kNoOperation && absent(plan_.operations[operation.input], scope)) {
        result = Truth::no;
        return true;
      }
      if (!single_input(operation, scope, left)) return false;
      result = left.kind == Item::Kind::nothing ? Truth::no : Truth::yes;
      return true;
    case Code::chain:
      if (!evaluate_chain(operation, scope, left)) return false;
      result = as_truth(left);
      return true;
    default:
      return false;
  }
}

}  // namespace wellhead::converter
