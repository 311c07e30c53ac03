// FHIRPath syntax → operations; collects the shapes that they need. Used by plan.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library/converter/plan.h"
#include "library/converter/shape.h"

namespace wellhead::converter {

// What is known of an operation's items before there is a resource.
enum class ResultType : std::uint8_t { unknown, boolean, string, number, date, date_time, time, quantity };

std::string_view to_string(ResultType type);

class PathCompiler {
 public:
  // What an operation gives: its shape tells which fields later members want of it.
  struct Result {
    OperationId operation = kNoOperation;
    ShapeId shape = kNoShape;
    ResultType type = ResultType::unknown;
    bool choice = false;  // of a choice element in any of its forms, so not always an object
  };

  explicit PathCompiler(const std::vector<ConstantSyntax>* constants = nullptr) : constants_(constants) {}

  void set_constants(const std::vector<ConstantSyntax>* constants) { constants_ = constants; }
  // Throws PathError.
  Result compile(const Path& path, ShapeId context);

  ShapeBuilder& shapes() { return shapes_; }
  // Settles slots and shortens members of members of $this to chains. To be called once, at the end, with the plan that
  // the operations are for.
  void finish(CompiledPlan& plan);

 private:
  struct PendingMember {
    OperationId operation;
    ShapeId shape;
    std::string name;
  };

  OperationId add(Operation operation);
  Result literal(const Path& path);
  Result temporal(const Path& path);
  Result variable(const Path& path, ShapeId context);
  Result member(const Result& input, std::string_view name);
  Result unary(const Path& path, ShapeId context);
  Result indexer(const Path& path, ShapeId context);
  Result binary(const Path& path, ShapeId context);
  Result as_quantity(const Result& input);
  Result united(Operation operation, const Result& left, const Result& right);
  Result function(const Path& path, ShapeId context);
  Result special_function(const Path& path, ShapeId context, bool& known);
  Result choice(const Path& input, const Path& type, ShapeId context);
  Result of_type(const Result& items, const Path& type, std::string_view name);
  Result is_type(const Path& input, const Path& type, ShapeId context);
  Result extension(const Path& path, ShapeId context);
  Result repeat(const Path& path, const Result& input);
  Result iif(const Path& path, const Result& input);
  std::uint32_t expression_of(const Path& argument);
  void shorten(OperationId id);
  std::uint32_t guard_of(const Operation& operation) const;
  std::uint32_t guard_of(OperationId id) const;

  const std::vector<ConstantSyntax>* constants_;
  ShapeBuilder shapes_;
  std::vector<Operation> operations_;
  std::vector<RegularExpression> expressions_;
  std::vector<PendingMember> pending_;
};

}  // namespace wellhead::converter
