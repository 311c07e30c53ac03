// Functions, types and extensions: the part of PathCompiler that is about names.
#include <utility>

#include "library/converter/fhir_resources.h"
#include "library/converter/fhir_types.h"
#include "library/converter/path_compiler.h"
#include "library/converter/path_functions.h"

namespace wellhead::converter {
namespace {

using Code = OperationCode;

void check_count(const Path& path, std::size_t least, std::size_t most) {
  const std::size_t count = path.children.size() - 1;
  if (count < least || count > most) {
    throw PathError(path.position, path.text + "() has the wrong number of arguments");
  }
}

[[noreturn]] void fail_unknown(const Path& path) {
  const std::string_view reason = refused_function(path.text);
  if (reason.empty()) throw PathError(path.position, "the function " + path.text + "() is not supported");
  throw PathError(path.position, path.text + "() cannot be used in a view: " + std::string(reason));
}

bool fits(ResultType type, ResultType wanted) {
  if (type == ResultType::unknown || wanted == ResultType::unknown || type == wanted) return true;
  return wanted == ResultType::number && type == ResultType::quantity;
}

std::string type_name(const Path& type) {
  if (type.kind != Path::Kind::member) throw PathError(type.position, "the name of a type is expected");
  return std::string(fhir_type_name(type.text));
}

std::string resource_type_name(const Path& type) {
  std::string name = type_name(type);
  if (!is_resource_type(name)) throw PathError(type.position, "FHIR R4 has no resource type `" + name + "`");
  return name;
}

ResultType type_of(std::string_view name) {
  if (name == "boolean") return ResultType::boolean;
  if (name == "date") return ResultType::date;
  if (name == "dateTime" || name == "instant") return ResultType::date_time;
  if (name == "time") return ResultType::time;
  if (name == "decimal" || name == "integer64" || is_subtype(name, "integer")) return ResultType::number;
  if (is_subtype(name, "Quantity")) return ResultType::quantity;
  return is_primitive_type(name) ? ResultType::string : ResultType::unknown;
}

}  // namespace

PathCompiler::Result PathCompiler::function(const Path& path, ShapeId context) {
  bool special = true;
  const Result result = special_function(path, context, special);
  if (special) return result;
  const PathFunction* known = find_path_function(path.text);
  if (known == nullptr) fail_unknown(path);
  check_count(path, known->least, known->most);
  Result input = compile(path.children[0], context);
  if (!fits(input.type, known->input)) {
    throw PathError(path.position, path.text + "() is not for a " + std::string(to_string(input.type)));
  }
  const bool boundary = known->code == Code::low_boundary || known->code == Code::high_boundary;
  if (boundary && input.type == ResultType::quantity) input = as_quantity(input);
  Operation operation{.code = known->code, .input = input.operation, .text = std::string(known->text)};
  const ShapeId argument_context = known->scope == ArgumentScope::items ? input.shape : context;
  for (std::size_t i = 1; i < path.children.size(); ++i) {
    const Result argument = compile(path.children[i], argument_context);
    if (known->code == Code::combine || known->code == Code::unite)
      return united(std::move(operation), input, argument);
    if (known->code == Code::intersect || known->code == Code::exclude) shapes_.unite(input.shape, argument.shape);
    operation.arguments[i - 1] = argument.operation;
  }
  if (known->keeps_shape) return {add(std::move(operation)), input.shape, input.type, input.choice};
  const bool of_input = boundary || (known->result == ResultType::number && input.type == ResultType::quantity);
  return {add(std::move(operation)), kNoShape, of_input ? input.type : known->result};
}

PathCompiler::Result PathCompiler::special_function(const Path& path, ShapeId context, bool& known) {
  const std::string& name = path.text;
  if (name == "ofType" || name == "as") {
    check_count(path, 1, 1);
    return choice(path.children[0], path.children[1], context);
  }
  if (name == "is") {
    check_count(path, 1, 1);
    return is_type(path.children[0], path.children[1], context);
  }
  if (name == "extension") {
    check_count(path, 1, 1);
    return extension(path, context);
  }
  if (name == "trace") {
    check_count(path, 1, 2);
    return compile(path.children[0], context);
  }
  if (name == "getResourceKey") {
    check_count(path, 0, 0);
    const Result id = member(compile(path.children[0], context), "id");
    return {add({.code = Code::resource_key, .input = id.operation}), kNoShape, ResultType::string};
  }
  if (name == "getReferenceKey") {
    check_count(path, 0, 1);
    const Result reference = member(compile(path.children[0], context), "reference");
    Operation operation{.code = Code::reference_key, .input = reference.operation};
    if (path.children.size() > 1) operation.text = resource_type_name(path.children[1]);
    return {add(std::move(operation)), kNoShape, ResultType::string};
  }
  if (name == "select") {
    check_count(path, 1, 1);
    const Result input = compile(path.children[0], context);
    Result projection = compile(path.children[1], input.shape);
    projection.operation = add({.code = Code::select,
                                .input = input.operation,
                                .arguments = {projection.operation, kNoOperation, kNoOperation}});
    return projection;
  }
  if (name == "iif") {
    check_count(path, 2, 3);
    return iif(path, compile(path.children[0], context));
  }
  if (name == "repeat") {
    check_count(path, 1, 1);
    return repeat(path, compile(path.children[0], context));
  }
  if (name == "matches" || name == "matchesFull") {
    check_count(path, 1, 1);
    const Result input = compile(path.children[0], context);
    Operation operation{.code = name == "matches" ? Code::matches : Code::matches_whole, .input = input.operation};
    operation.slot = expression_of(path.children[1]);
    return {add(std::move(operation)), kNoShape, ResultType::boolean};
  }
  known = false;
  return {};
}

// The place of the compiled regular expression.
std::uint32_t PathCompiler::expression_of(const Path& argument) {
  Path source = argument;
  if (argument.kind == Path::Kind::variable && constants_ != nullptr) {
    for (const ConstantSyntax& constant : *constants_) {
      if (constant.name == argument.text) source = constant.value;
    }
  }
  if (source.kind != Path::Kind::string) {
    throw PathError(argument.position, "matches() wants its regular expression as a string literal or constant");
  }
  RegularExpression expression(source.text);
  if (!expression.error().empty()) {
    throw PathError(argument.position, "the regular expression is not understood: " + expression.error());
  }
  expressions_.push_back(std::move(expression));
  return static_cast<std::uint32_t>(expressions_.size() - 1);
}

// `value.ofType(Quantity)` is the element valueQuantity; of a resource, those of the type. Of an element that is no
// choice the items tell their type themselves, as far as JSON can.
PathCompiler::Result PathCompiler::choice(const Path& input, const Path& type, ShapeId context) {
  const std::string name = type_name(type);
  if (!is_data_type(name)) {
    const Result items = compile(input, context);
    if (items.shape == kNoShape) throw PathError(type.position, "unknown type `" + type.text + "`");
    return of_type(items, type, name);
  }
  if (input.kind == Path::Kind::member) {
    Result result = member(compile(input.children[0], context), input.text + capitalized(name));
    result.type = type_of(name);
    result.choice = false;
    if (is_choice_element(input.text)) return result;
    if (is_primitive_type(name)) {
      const Result plain = of_type(compile(input, context), type, name);
      Result both = united({.code = Code::combine}, result, plain);
      both.type = result.type;
      return both;
    }
  }
  return of_type(compile(input, context), type, name);
}

PathCompiler::Result PathCompiler::of_type(const Result& items, const Path& type, std::string_view name) {
  if (!is_data_type(name)) {
    const Result kind = member({kNoOperation, items.shape}, "resourceType");
    operations_[kind.operation].lenient = Leniency::any;
    return {add({.code = Code::of_resource_type,
                 .input = items.operation,
                 .arguments = {kind.operation, kNoOperation, kNoOperation},
                 .text = std::string(name)}),
            items.shape};
  }
  if (!is_primitive_type(name) && name != "Quantity" && !items.choice) {
    throw PathError(type.position, "whether this is a " + std::string(name) +
                                       " cannot be known: only choice elements, such as value, tell their type");
  }
  return {add({.code = Code::of_type, .input = items.operation, .text = std::string(name)}), items.shape,
          type_of(name)};
}

PathCompiler::Result PathCompiler::is_type(const Path& input, const Path& type, ShapeId context) {
  const std::string name = type_name(type);
  const Result items = compile(input, context);
  Operation operation{.code = Code::is_type, .input = items.operation, .text = name};
  if (!is_data_type(name)) {
    if (items.shape == kNoShape) throw PathError(type.position, "unknown type `" + type.text + "`");
    operation.arguments[0] = member({kNoOperation, items.shape}, "resourceType").operation;
    operations_[operation.arguments[0]].lenient = Leniency::any;
  } else if (!is_primitive_type(name) && name != "Quantity" && !items.choice) {
    throw PathError(type.position, "whether this is a " + name +
                                       " cannot be known: only choice elements, such as value, tell their type");
  }
  return {add(std::move(operation)), kNoShape, ResultType::boolean};
}

// extension(url) = extension.where(url = …); of a primitive element they stand beside it, in the field with a _ before
// its name.
PathCompiler::Result PathCompiler::extension(const Path& path, ShapeId context) {
  const Path& of = path.children[0];
  Result extensions = member(compile(of, context), "extension");
  operations_[extensions.operation].lenient = Leniency::any;
  if (of.kind == Path::Kind::member && extensions.shape != kNoShape) {
    const Result beside = member(compile(of.children[0], context), "_" + of.text);
    extensions = united({.code = Code::combine}, extensions, member(beside, "extension"));
  }
  const Result url = member({kNoOperation, extensions.shape}, "url");
  const Result wanted = compile(path.children[1], context);
  const OperationId same =
      add({.code = Code::equals, .input = url.operation, .arguments = {wanted.operation, kNoOperation, kNoOperation}});
  return {add({.code = Code::where, .input = extensions.operation, .arguments = {same, kNoOperation, kNoOperation}}),
          extensions.shape};
}

// Items of every level have one shape, so that the same operation leads from each level to the next. What was found may
// be a plain value, which leads nowhere.
PathCompiler::Result PathCompiler::repeat(const Path& path, const Result& input) {
  const Result first = compile(path.children[1], input.shape);
  const std::size_t known = pending_.size();
  const Result again = compile(path.children[1], first.shape);
  for (std::size_t i = known; i < pending_.size(); ++i) {
    if (pending_[i].shape == first.shape) operations_[pending_[i].operation].lenient = Leniency::any;
  }
  shapes_.unite(first.shape, again.shape);
  return {add({.code = Code::repeat,
               .input = input.operation,
               .arguments = {first.operation, again.operation, kNoOperation}}),
          first.shape, ResultType::unknown, first.choice};
}

PathCompiler::Result PathCompiler::iif(const Path& path, const Result& input) {
  Operation operation{.code = Code::iif, .input = input.operation};
  Result result;
  for (std::size_t i = 1; i < path.children.size(); ++i) {
    const Result argument = compile(path.children[i], input.shape);
    operation.arguments[i - 1] = argument.operation;
    if (i == 1) continue;
    if (i == 2) {
      result = argument;
      continue;
    }
    shapes_.unite(result.shape, argument.shape);
    if (result.shape == kNoShape) result.shape = argument.shape;
    if (result.type != argument.type) result.type = ResultType::unknown;
    result.choice = true;
  }
  result.operation = add(std::move(operation));
  return result;
}

}  // namespace wellhead::converter
