#include "library/converter/path_compiler.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wellhead::converter {
namespace {

using Code = OperationCode;

// Types a choice element's name ends with (FHIR R4 §2.1.0 "open types" and those of other choices).
constexpr auto kDataTypes = std::to_array<std::string_view>({
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "CodeableConcept",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "DataRequirement",
    "Distance",
    "Dosage",
    "Duration",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "Meta",
    "Money",
    "ParameterDefinition",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
    "base64Binary",
    "boolean",
    "canonical",
    "code",
    "date",
    "dateTime",
    "decimal",
    "id",
    "instant",
    "integer",
    "integer64",
    "markdown",
    "oid",
    "positiveInt",
    "string",
    "time",
    "unsignedInt",
    "uri",
    "url",
    "uuid",
    "CodeableReference",
    "RatioRange",
});

bool is_data_type(std::string_view name) { return std::ranges::find(kDataTypes, name) != kDataTypes.end(); }

std::string capitalized(std::string_view name) {
  std::string result(name);
  if (!result.empty() && result[0] >= 'a' && result[0] <= 'z') result[0] = static_cast<char>(result[0] - 'a' + 'A');
  return result;
}

}  // namespace

// What a function's argument is evaluated against.
enum class ArgumentScope { none, items, context, type };

struct PathCompiler::Function {
  std::string_view name;
  Code code;
  std::size_t least;  // arguments
  std::size_t most;
  ArgumentScope scope = ArgumentScope::none;
  bool keeps_shape = false;  // gives items of its input
};

const PathCompiler::Function* PathCompiler::find_function(std::string_view name) {
  using enum ArgumentScope;
  static constexpr auto functions = std::to_array<Function>({
      {"where", Code::where, 1, 1, items, true},
      {"exists", Code::exists, 0, 1, items},
      {"all", Code::all, 1, 1, items},
      {"empty", Code::empty, 0, 0},
      {"not", Code::negate, 0, 0},
      {"count", Code::count, 0, 0},
      {"first", Code::first, 0, 0, none, true},
      {"last", Code::last, 0, 0, none, true},
      {"single", Code::single, 0, 0, none, true},
      {"tail", Code::tail, 0, 0, none, true},
      {"skip", Code::skip, 1, 1, context, true},
      {"take", Code::take, 1, 1, context, true},
      {"distinct", Code::distinct, 0, 0, none, true},
      {"combine", Code::combine, 1, 1, context, true},
      {"union", Code::unite, 1, 1, context, true},
      {"join", Code::join, 0, 1, context},
      {"startsWith", Code::starts_with, 1, 1, context},
      {"endsWith", Code::ends_with, 1, 1, context},
      {"contains", Code::contains, 1, 1, context},
      {"toString", Code::to_string, 0, 0},
      {"getResourceKey", Code::resource_key, 0, 0},
      {"getReferenceKey", Code::reference_key, 0, 1, type},
  });
  const auto* found = std::ranges::find(functions, name, &Function::name);
  return found == functions.end() ? nullptr : found;
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
      return {add({.code = Code::index}), kNoShape};
    case Path::Kind::empty:
      return {add({.code = Code::nothing}), kNoShape};
    case Path::Kind::string:
    case Path::Kind::number:
    case Path::Kind::boolean:
      return literal(path);
    case Path::Kind::variable:
      return variable(path, context);
    case Path::Kind::member:
      return member(compile(path.children[0], context), path.text);
    case Path::Kind::function:
      return function(path, context);
    case Path::Kind::binary:
      return binary(path, context);
    case Path::Kind::indexer: {
      const Result input = compile(path.children[0], context);
      const Result at = compile(path.children[1], context);
      return {
          add({.code = Code::at, .input = input.operation, .arguments = {at.operation, kNoOperation, kNoOperation}}),
          input.shape};
    }
    case Path::Kind::unary:
      if (path.children[0].kind == Path::Kind::number) {
        return {add({.code = Code::number, .text = (path.text == "-" ? "-" : "") + path.children[0].text}), kNoShape};
      }
      throw PathError(path.position, "the sign " + path.text + " is supported before a number only");
    case Path::Kind::total:
      throw PathError(path.position, "$total is not supported");
    case Path::Kind::date:
      throw PathError(path.position, "date literals are not supported");
    case Path::Kind::quantity:
      throw PathError(path.position, "quantity literals are not supported");
  }
  throw PathError(path.position, "the expression is not supported");
}

PathCompiler::Result PathCompiler::literal(const Path& path) {
  if (path.kind == Path::Kind::boolean) return {add({.code = Code::boolean, .truth = path.text == "true"}), kNoShape};
  return {add({.code = path.kind == Path::Kind::string ? Code::string : Code::number, .text = path.text}), kNoShape};
}

PathCompiler::Result PathCompiler::variable(const Path& path, ShapeId context) {
  if (path.text == "rowIndex") return {add({.code = Code::row_index}), kNoShape};
  if (path.text == "resource" || path.text == "context") return {add({.code = Code::resource}), shapes_.root()};
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
  const OperationId id = add({.code = Code::member, .input = input.operation});
  pending_.push_back({id, input.shape, std::string(name)});
  return {id, shape};
}

PathCompiler::Result PathCompiler::binary(const Path& path, ShapeId context) {
  static constexpr auto codes = std::to_array<std::pair<std::string_view, Code>>({
      {"=", Code::equals},
      {"!=", Code::not_equals},
      {"<", Code::less},
      {"<=", Code::less_or_equal},
      {">", Code::greater},
      {">=", Code::greater_or_equal},
      {"and", Code::logical_and},
      {"or", Code::logical_or},
      {"xor", Code::logical_xor},
      {"implies", Code::implies},
      {"&", Code::concatenate},
      {"|", Code::unite},
  });
  if (path.text == "as") return choice(path.children[0], path.children[1], context);
  const auto* found = std::ranges::find(codes, path.text, &std::pair<std::string_view, Code>::first);
  if (found == codes.end()) throw PathError(path.position, "the operator " + path.text + " is not supported");
  const Result left = compile(path.children[0], context);
  const Result right = compile(path.children[1], context);
  Result result{
      add({.code = found->second, .input = left.operation, .arguments = {right.operation, kNoOperation, kNoOperation}}),
      kNoShape};
  if (found->second == Code::unite) {
    shapes_.unite(left.shape, right.shape);
    result.shape = left.shape == kNoShape ? right.shape : left.shape;
  }
  return result;
}

PathCompiler::Result PathCompiler::function(const Path& path, ShapeId context) {
  const std::size_t count = path.children.size() - 1;
  const auto check_count = [&](std::size_t least, std::size_t most) {
    if (count < least || count > most)
      throw PathError(path.position, path.text + "() has the wrong number of arguments");
  };
  if (path.text == "ofType" || path.text == "as") {
    check_count(1, 1);
    return choice(path.children[0], path.children[1], context);
  }
  const Result input = compile(path.children[0], context);
  if (path.text == "extension") {
    check_count(1, 1);
    return extension(path, input, context);
  }
  if (path.text == "iif") {
    check_count(2, 3);
    return iif(path, input);
  }
  const Function* known = find_function(path.text);
  if (known == nullptr) throw PathError(path.position, "the function " + path.text + "() is not supported");
  check_count(known->least, known->most);
  Operation operation{.code = known->code, .input = input.operation};
  ShapeId shape = known->keeps_shape ? input.shape : kNoShape;
  if (count == 1 && known->scope == ArgumentScope::type) {
    operation.text = path.children[1].text;
  } else if (count == 1) {
    const Result argument = compile(path.children[1], known->scope == ArgumentScope::items ? input.shape : context);
    operation.arguments[0] = argument.operation;
    if (known->code == Code::combine || known->code == Code::unite) {
      shapes_.unite(input.shape, argument.shape);
      if (shape == kNoShape) shape = argument.shape;
    }
  }
  if (known->code == Code::reference_key || known->code == Code::resource_key) {
    const char* field = known->code == Code::reference_key ? "reference" : "id";
    operation.input = member(input, field).operation;
  }
  return {add(std::move(operation)), shape};
}

// `value.ofType(Quantity)` is the element valueQuantity; of a resource, those of the type.
PathCompiler::Result PathCompiler::choice(const Path& input, const Path& type, ShapeId context) {
  if (type.kind != Path::Kind::member) throw PathError(type.position, "the name of a type is expected");
  if (is_data_type(type.text)) {
    if (input.kind != Path::Kind::member)
      throw PathError(type.position, "ofType() is supported behind a choice element only");
    return member(compile(input.children[0], context), input.text + capitalized(type.text));
  }
  const Result items = compile(input, context);
  if (items.shape == kNoShape) throw PathError(type.position, "unknown type `" + type.text + "`");
  const Result kind = member({kNoOperation, items.shape}, "resourceType");
  return {add({.code = Code::of_resource_type,
               .input = items.operation,
               .arguments = {kind.operation, kNoOperation, kNoOperation},
               .text = type.text}),
          items.shape};
}

// extension(url) = extension.where(url = …)
PathCompiler::Result PathCompiler::extension(const Path& path, const Result& input, ShapeId context) {
  const Result extensions = member(input, "extension");
  const Result url = member({kNoOperation, extensions.shape}, "url");
  const Result wanted = compile(path.children[1], context);
  const OperationId same =
      add({.code = Code::equals, .input = url.operation, .arguments = {wanted.operation, kNoOperation, kNoOperation}});
  return {add({.code = Code::where, .input = extensions.operation, .arguments = {same, kNoOperation, kNoOperation}}),
          extensions.shape};
}

PathCompiler::Result PathCompiler::iif(const Path& path, const Result& input) {
  Operation operation{.code = Code::iif, .input = input.operation};
  ShapeId shape = kNoShape;
  for (std::size_t i = 1; i < path.children.size(); ++i) {
    const Result argument = compile(path.children[i], input.shape);
    operation.arguments[i - 1] = argument.operation;
    if (i == 1) continue;
    shapes_.unite(shape, argument.shape);
    if (shape == kNoShape) shape = argument.shape;
  }
  return {add(std::move(operation)), shape};
}

std::vector<Operation> PathCompiler::finish(Shapes& shapes) {
  shapes = shapes_.finish();
  for (const PendingMember& member : pending_) {
    operations_[member.operation].slot = shapes_.slot(member.shape, member.name);
  }
  for (OperationId id = 0; id < operations_.size(); ++id) {
    shorten(id);
    operations_[id].guard = guard_of(operations_[id]);
  }
  return std::move(operations_);
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
  if (input.code != Code::chain || input.length == operation.slots.size()) return;
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
