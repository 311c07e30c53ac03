// FHIRPath syntax → operations; collects the shapes that they need. Used by plan.cc.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library/converter/plan.h"
#include "library/converter/shape.h"

namespace wellhead::converter {

class PathCompiler {
 public:
  // What an operation gives: its shape tells which fields later members want of it.
  struct Result {
    OperationId operation = kNoOperation;
    ShapeId shape = kNoShape;
  };

  explicit PathCompiler(const std::vector<ConstantSyntax>* constants = nullptr) : constants_(constants) {}

  void set_constants(const std::vector<ConstantSyntax>* constants) { constants_ = constants; }
  // Throws PathError.
  Result compile(const Path& path, ShapeId context);

  ShapeBuilder& shapes() { return shapes_; }
  // Settles slots and shortens members of members of $this to chains. To be called once, at the end.
  std::vector<Operation> finish(Shapes& shapes);

 private:
  struct PendingMember {
    OperationId operation;
    ShapeId shape;
    std::string name;
  };
  struct Function;

  OperationId add(Operation operation);
  Result literal(const Path& path);
  Result variable(const Path& path, ShapeId context);
  Result member(const Result& input, std::string_view name);
  Result binary(const Path& path, ShapeId context);
  Result function(const Path& path, ShapeId context);
  Result choice(const Path& input, const Path& type, ShapeId context);
  Result extension(const Path& path, const Result& input, ShapeId context);
  Result iif(const Path& path, const Result& input);
  static const Function* find_function(std::string_view name);
  void shorten(OperationId id);
  std::uint32_t guard_of(const Operation& operation) const;
  std::uint32_t guard_of(OperationId id) const;

  const std::vector<ConstantSyntax>* constants_;
  ShapeBuilder shapes_;
  std::vector<Operation> operations_;
  std::vector<PendingMember> pending_;
};

}  // namespace wellhead::converter
