#include "library/converter/path_compiler.h"

#include <algorithm>
#include <array>
#include <utility>

#include "library/converter/fhir_types.h"
#include "library/converter/path_functions.h"

namespace wellhead::converter {
namespace {

using Code = OperationCode;

struct BinaryOperator {
  std::string_view text;
  Code code;
  ResultType result;
};

constexpr auto kBinaryOperators = std::to_array<BinaryOperator>({
    {"=", Code::equals, ResultType::boolean},        {"!=", Code::not_equals, ResultType::boolean},
    {"~", Code::equivalent, ResultType::boolean},    {"!~", Code::not_equivalent, ResultType::boolean},
    {"<", Code::less, ResultType::boolean},          {"<=", Code::less_or_equal, ResultType::boolean},
    {">", Code::greater, ResultType::boolean},       {">=", Code::greater_or_equal, ResultType::boolean},
    {"in", Code::in, ResultType::boolean},           {"contains", Code::holds, ResultType::boolean},
    {"and", Code::logical_and, ResultType::boolean}, {"or", Code::logical_or, ResultType::boolean},
    {"xor", Code::logical_xor, ResultType::boolean}, {"implies", Code::implies, ResultType::boolean},
    {"&", Code::concatenate, ResultType::string},    {"|", Code::unite, ResultType::unknown},
    {"+", Code::add, ResultType::unknown},           {"-", Code::subtract, ResultType::unknown},
    {"*", Code::multiply, ResultType::unknown},      {"/", Code::divide, ResultType::unknown},
    {"div", Code::divide_whole, ResultType::number}, {"mod", Code::modulo, ResultType::number},
});

bool is_logical(Code code) {
  return code == Code::logical_and || code == Code::logical_or || code == Code::logical_xor || code == Code::implies;
}

bool is_arithmetic(Code code) { return code >= Code::add && code <= Code::modulo; }

// The types that two sides can be compared or calculated with: the same, or one of them not known.
bool agree(ResultType a, ResultType b) {
  const auto is_moment = [](ResultType type) {
    return type == ResultType::date || type == ResultType::date_time || type == ResultType::string;
  };
  return a == b || a == ResultType::unknown || b == ResultType::unknown || (is_moment(a) && is_moment(b)) ||
         (a == ResultType::string && b == ResultType::time) || (a == ResultType::time && b == ResultType::string) ||
         (a == ResultType::quantity && b == ResultType::number) ||
         (a == ResultType::number && b == ResultType::quantity);
}

[[noreturn]] void fail_types(const Path& path, ResultType left, ResultType right) {
  throw PathError(path.position, "the operator " + path.text + " is not for a " + std::string(to_string(left)) +
                                     " and a " + std::string(to_string(right)));
}

// Mistakes that no resource can make good.
void check_operands(const Path& path, Code code, ResultType left, ResultType right) {
  const bool moment = left == ResultType::date || left == ResultType::date_time || left == ResultType::time ||
                      left == ResultType::string;
  if ((code == Code::add || code == Code::subtract) && moment && right == ResultType::quantity) return;
  if (code == Code::unite || code == Code::in || code == Code::holds || is_logical(code)) return;
  if (code == Code::concatenate) {
    const auto is_text = [](ResultType type) { return type == ResultType::string || type == ResultType::unknown; };
    if (!is_text(left) || !is_text(right)) fail_types(path, left, right);
    return;
  }
  if (!agree(left, right)) fail_types(path, left, right);
  if (!is_arithmetic(code)) return;
  const bool text = left == ResultType::string || right == ResultType::string;
  const bool whole = code == Code::divide_whole || code == Code::modulo;
  if (left == ResultType::boolean || right == ResultType::boolean || (text && code != Code::add) ||
      (whole && (left == ResultType::quantity || right == ResultType::quantity))) {
    fail_types(path, left, right);
  }
}

ResultType arithmetic_type(Code code, ResultType left, ResultType right) {
  if (left == ResultType::quantity && right == ResultType::quantity) return ResultType::quantity;
  if (right == ResultType::quantity && (code == Code::add || code == Code::subtract)) return left;
  return left == right ? left : ResultType::unknown;
}

}  // namespace

std::string_view to_string(ResultType type) {
  constexpr std::array<std::string_view, 8> names = {"value", "boolean",  "string", "number",
                                                     "date",  "dateTime", "time",   "quantity"};
  return names[static_cast<std::size_t>(type)];
}

OperationId PathCompiler::add(Operation operation) {
  operations_.push_back(std::move(operation));
  return static_cast<OperationId>(operations_.size() - 1);
}

PathCompiler::Result PathCompiler::compile(const Path& path, ShapeId context) {
  switch (path.kind) {
    case Path::Kind::self:
      return {add({.code = Code::self}), context};
    case Path::Kind::index:
      return {add({.code = Code::index}), kNoShape, ResultType::number};
    case Path::Kind::empty:
      return {add({.code = Code::nothing}), kNoShape};
    case Path::Kind::string:
    case Path::Kind::number:
    case Path::Kind::boolean:
    case Path::Kind::quantity:
      return literal(path);
    case Path::Kind::date:
      return temporal(path);
    case Path::Kind::variable:
      return variable(path, context);
    case Path::Kind::member:
      return member(compile(path.children[0], context), path.text);
    case Path::Kind::function:
      return function(path, context);
    case Path::Kind::binary:
      return binary(path, context);
    case Path::Kind::indexer:
      return indexer(path, context);
    case Path::Kind::unary:
      return unary(path, context);
    case Path::Kind::total:
      throw PathError(path.position, "$total is not supported: it belongs to aggregate()");
  }
  throw PathError(path.position, "the expression is not supported");
}

PathCompiler::Result PathCompiler::literal(const Path& path) {
  switch (path.kind) {
    case Path::Kind::boolean:
      return {add({.code = Code::boolean, .truth = path.text == "true"}), kNoShape, ResultType::boolean};
    case Path::Kind::string:
      return {add({.code = Code::string, .text = path.text}), kNoShape, ResultType::string};
    case Path::Kind::quantity: {
      const Path& unit = path.children[0];
      std::string text = path.text + " ";
      // A calendar word stands in the singular and without quotes.
      const auto calendar = unit.is_calendar ? calendar_unit(unit.text) : std::nullopt;
      text +=
          calendar ? unit.text.substr(0, unit.text.size() - (unit.text.ends_with('s') ? 1 : 0)) : "'" + unit.text + "'";
      return {add({.code = Code::quantity, .text = std::move(text)}), kNoShape, ResultType::quantity};
    }
    default:
      return {add({.code = Code::number, .text = path.text}), kNoShape, ResultType::number};
  }
}

PathCompiler::Result PathCompiler::temporal(const Path& path) {
  const auto make = [&](Code code, TemporalKind kind, ResultType type) {
    if (!parse_temporal(path.text, kind)) {
      throw PathError(path.position, "`@" + path.text + "` is no " + std::string(to_string(type)) + " of the calendar");
    }
    std::string text = path.text;
    if (text.starts_with('T')) text.erase(0, 1);
    if (text.ends_with('T')) text.pop_back();
    return Result{add({.code = code, .text = std::move(text)}), kNoShape, type};
  };
  if (path.text.starts_with('T') || (path.text.size() > 2 && path.text[2] == ':')) {
    return make(Code::time, TemporalKind::time, ResultType::time);
  }
  if (path.text.find('T') != std::string::npos) {
    return make(Code::date_time, TemporalKind::date_time, ResultType::date_time);
  }
  return make(Code::date, TemporalKind::date, ResultType::date);
}

PathCompiler::Result PathCompiler::variable(const Path& path, ShapeId context) {
  if (path.text == "rowIndex") return {add({.code = Code::row_index}), kNoShape, ResultType::number};
  if (path.text == "resource" || path.text == "context" || path.text == "rootResource") {
    return {add({.code = Code::resource}), shapes_.root()};
  }
  if (path.text == "ucum") return literal({Path::Kind::string, "http://unitsofmeasure.org", path.position, {}});
  if (constants_ != nullptr) {
    const auto found = std::ranges::find(*constants_, path.text, &ConstantSyntax::name);
    if (found != constants_->end()) {
      Path value = found->value;
      value.position = path.position;
      return compile(value, context);
    }
  }
  throw PathError(path.position, "the constant %" + path.text + " is not defined");
}

PathCompiler::Result PathCompiler::member(const Result& input, std::string_view name) {
  if (input.shape == shapes_.root() && !name.empty() && name[0] >= 'A' && name[0] <= 'Z') {
    return input;  // `Patient.name` is `name` at the root of a Patient
  }
  const ShapeId shape = shapes_.child(input.shape, name);
  if (shape == kNoShape) return {add({.code = Code::nothing}), kNoShape};  // a member of what is no element
  const OperationId id = add(
      {.code = Code::member, .input = input.operation, .lenient = input.choice ? Leniency::choice : Leniency::none});
  pending_.push_back({id, input.shape, std::string(name)});
  const bool choice = is_choice_element(name);
  if (choice) shapes_.mark_choice(input.shape, name);
  return {id, shape, ResultType::unknown, choice};
}

PathCompiler::Result PathCompiler::unary(const Path& path, ShapeId context) {
  const Path& operand = path.children[0];
  if (operand.kind == Path::Kind::number || operand.kind == Path::Kind::quantity) {
    Path literal_path = operand;
    if (path.text == "-") literal_path.text = "-" + operand.text;
    return literal(literal_path);
  }
  const Result input = compile(operand, context);
  if (!agree(input.type, ResultType::number)) {
    throw PathError(path.position, "the sign " + path.text + " is not for a " + std::string(to_string(input.type)));
  }
  if (path.text == "+") return input;
  return {add({.code = Code::negative, .input = input.operation}), kNoShape, input.type};
}

PathCompiler::Result PathCompiler::indexer(const Path& path, ShapeId context) {
  Result input = compile(path.children[0], context);
  const Result at = compile(path.children[1], context);
  if (!agree(at.type, ResultType::number) || at.type == ResultType::quantity) {
    throw PathError(path.children[1].position, "an index is a whole number");
  }
  input.operation =
      add({.code = Code::at, .input = input.operation, .arguments = {at.operation, kNoOperation, kNoOperation}});
  return input;
}

PathCompiler::Result PathCompiler::binary(const Path& path, ShapeId context) {
  if (path.text == "as") return choice(path.children[0], path.children[1], context);
  if (path.text == "is") return is_type(path.children[0], path.children[1], context);
  const auto* found = std::ranges::find(kBinaryOperators, path.text, &BinaryOperator::text);
  if (found == kBinaryOperators.end())
    throw PathError(path.position, "the operator " + path.text + " is not supported");
  Result left = compile(path.children[0], context);
  Result right = compile(path.children[1], context);
  const Code code = found->code;
  check_operands(path, code, left.type, right.type);
  if (code == Code::unite) return united({.code = code}, left, right);
  const bool logical = is_logical(code);
  if (!logical && (left.type == ResultType::quantity || right.type == ResultType::quantity)) {
    left = as_quantity(left);
    right = as_quantity(right);
  }
  return {add({.code = code, .input = left.operation, .arguments = {right.operation, kNoOperation, kNoOperation}}),
          kNoShape,
          is_arithmetic(code) && found->result == ResultType::unknown ? arithmetic_type(code, left.type, right.type)
                                                                      : found->result};
}

// Both sides' items: their shapes become one.
PathCompiler::Result PathCompiler::united(Operation operation, const Result& left, const Result& right) {
  shapes_.unite(left.shape, right.shape);
  operation.input = left.operation;
  operation.arguments[0] = right.operation;
  return {add(std::move(operation)), left.shape == kNoShape ? right.shape : left.shape,
          left.type == right.type ? left.type : ResultType::unknown,
          left.choice || right.choice || left.shape == kNoShape || right.shape == kNoShape};
}

// Elements of type Quantity as quantities: their number with their code, else their unit. Other items stay.
PathCompiler::Result PathCompiler::as_quantity(const Result& input) {
  if (input.shape == kNoShape) return input;
  const Result item{kNoOperation, input.shape};
  const Result value = member(item, "value");
  const Result code = member(item, "code");
  const Result unit = member(item, "unit");
  return {add({.code = Code::quantity_of,
               .input = input.operation,
               .arguments = {value.operation, code.operation, unit.operation}}),
          kNoShape, input.type};
}

void PathCompiler::finish(CompiledPlan& plan) {
  plan.shapes = shapes_.finish();
  for (const PendingMember& member : pending_) {
    operations_[member.operation].slot = shapes_.slot(member.shape, member.name);
  }
  for (OperationId id = 0; id < operations_.size(); ++id) {
    shorten(id);
    operations_[id].guard = guard_of(operations_[id]);
  }
  plan.operations = std::move(operations_);
  plan.expressions = std::move(expressions_);
}

// Inputs stand before the operations that use them, so a chain grows by one member at a time.
void PathCompiler::shorten(OperationId id) {
  Operation& operation = operations_[id];
  if (operation.code != Code::member) return;
  const bool of_self = operation.input == kNoOperation || operations_[operation.input].code == Code::self;
  if (of_self) {
    operation.code = Code::chain;
    operation.slots[0] = operation.slot;
    operation.length = 1;
    return;
  }
  const Operation& input = operations_[operation.input];
  if (input.code != Code::chain || input.length == operation.slots.size() || input.lenient != operation.lenient) {
    return;
  }
  operation.code = Code::chain;
  operation.slots = input.slots;
  operation.slots[input.length] = operation.slot;
  operation.length = input.length + 1;
}

std::uint32_t PathCompiler::guard_of(OperationId id) const {
  return id == kNoOperation ? kNoSlot : operations_[id].guard;
}

// Most elements of a resource are absent: the slot tells so without evaluating the path.
std::uint32_t PathCompiler::guard_of(const Operation& operation) const {
  switch (operation.code) {
    case Code::chain:
      return operation.slots[0];
    case Code::member:
    case Code::first:
    case Code::last:
    case Code::single:
    case Code::at:
    case Code::skip:
    case Code::take:
    case Code::tail:
    case Code::where:
    case Code::distinct:
    case Code::of_resource_type:
    case Code::resource_key:
    case Code::reference_key:
    case Code::to_string:
    case Code::equals:
      return guard_of(operation.input);
    case Code::combine:
    case Code::unite: {
      const std::uint32_t left = guard_of(operation.input);
      return left == guard_of(operation.arguments[0]) ? left : kNoSlot;
    }
    case Code::iif: {
      // Without a value for its third argument, and of $this itself.
      if (operation.arguments[2] != kNoOperation || operations_[operation.input].code != Code::self) return kNoSlot;
      const Operation& criterion = operations_[operation.arguments[0]];
      return criterion.code == Code::exists ? guard_of(criterion.input) : criterion.guard;
    }
    default:
      return kNoSlot;
  }
}

}  // namespace wellhead::converter
