#include "library/converter/plan.h"

#include <utility>

#include "library/converter/path_compiler.h"
#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

// Whether a column may get values of a path that gives this; types that are not known are checked with each value.
bool can_hold(Encoding encoding, ResultType type) {
  switch (encoding) {
    case Encoding::any:
      return type != ResultType::quantity;
    case Encoding::boolean:
      return type == ResultType::boolean || type == ResultType::unknown;
    case Encoding::integer:
    case Encoding::bigint:
    case Encoding::decimal:
    case Encoding::number_text:
      return type == ResultType::number || type == ResultType::unknown;
    default:
      return type != ResultType::boolean && type != ResultType::number && type != ResultType::quantity;
  }
}

class ViewCompiler {
 public:
  ViewCompiler(PathCompiler& paths, const ViewSyntax& view) : paths_(paths), view_(view) {
    paths_.set_constants(&view.constants);
  }

  ViewProgram compile() {
    const ShapeId root = paths_.shapes().root();
    for (const LocatedPath& where : view_.where) {
      const PathCompiler::Result condition = compile(where, root);
      if (condition.type != ResultType::boolean && condition.type != ResultType::unknown) {
        throw_path_error(view_.name, where,
                         PathError(0, "a condition is expected, not a " + std::string(to_string(condition.type))));
      }
      program_.where.push_back(condition.operation);
    }
    for (const SelectSyntax& select : view_.selects) add_select(select, {0, root});
    program_.steps.push_back({.kind = Step::Kind::row_end});
    return std::move(program_);
  }

 private:
  struct Scope {
    std::uint32_t number;
    ShapeId shape;
  };

  PathCompiler::Result compile(const LocatedPath& path, ShapeId context) {
    try {
      return paths_.compile(path.path, context);
    } catch (const PathError& error) {
      throw_path_error(view_.name, path, error);
    }
  }

  void add_select(const SelectSyntax& select, Scope scope) {
    if (select.iteration != SelectSyntax::Iteration::none) scope = add_iteration(select, scope);
    for (const ColumnSyntax& column : select.columns) add_column(column, scope);
    for (const SelectSyntax& child : select.selects) add_select(child, scope);
    if (!select.unions.empty()) add_union(select, scope);
  }

  Scope add_iteration(const SelectSyntax& select, Scope scope) {
    Step step{.scope = scope.number, .inner = program_.scopes++};
    step.name = select.over[0].source;
    Scope inner{step.inner, kNoShape};
    if (select.iteration == SelectSyntax::Iteration::repeat) {
      step.kind = Step::Kind::repeat;
      inner.shape = add_repeat(select, scope, step);
    } else {
      const bool or_null = select.iteration == SelectSyntax::Iteration::for_each_or_null;
      step.kind = or_null ? Step::Kind::for_each_or_null : Step::Kind::for_each;
      const PathCompiler::Result items = compile(select.over[0], scope.shape);
      step.operation = items.operation;
      inner.shape = items.shape;
    }
    program_.steps.push_back(std::move(step));
    return inner;
  }

  // Items of every level have one shape, so that the same operations lead from each level to the next.
  ShapeId add_repeat(const SelectSyntax& select, Scope scope, Step& step) {
    ShapeId shape = kNoShape;
    for (const LocatedPath& path : select.over) {
      const PathCompiler::Result items = compile(path, scope.shape);
      step.start.push_back(items.operation);
      paths_.shapes().unite(shape, items.shape);
      if (shape == kNoShape) shape = items.shape;
    }
    for (const LocatedPath& path : select.over) {
      const PathCompiler::Result items = compile(path, shape);
      step.again.push_back(items.operation);
      paths_.shapes().unite(shape, items.shape);
    }
    return shape;
  }

  void add_column(const ColumnSyntax& column, Scope scope) {
    const PathCompiler::Result value = compile(column.path, scope.shape);
    if (!can_hold(column.encoding, value.type) && !column.collection) {
      throw meta::Error(meta::ErrorCode::invalid_view, "view " + view_.name + ", " + column.path.location + ", path `" +
                                                           column.path.source + "`: it gives a " +
                                                           std::string(to_string(value.type)) +
                                                           ", but the column's type is " + column.column.fhir_type);
    }
    Step step{.kind = Step::Kind::column, .operation = value.operation, .scope = scope.number};
    step.column = column_++;
    step.encoding = column.encoding;
    step.collection = column.collection;
    step.required = column.column.required;
    step.name = column.column.name;
    step.path = column.path.source;
    program_.steps.push_back(std::move(step));
  }

  void add_union(const SelectSyntax& select, Scope scope) {
    const auto next = [&] { return static_cast<std::uint32_t>(program_.steps.size()); };
    const std::uint32_t branch = next();
    const std::uint32_t first_column = column_;
    program_.steps.push_back({.kind = Step::Kind::branch});
    std::vector<std::uint32_t> ends;
    for (const SelectSyntax& alternative : select.unions) {
      column_ = first_column;
      program_.steps[branch].targets.push_back(next());
      add_select(alternative, scope);
      ends.push_back(next());
      program_.steps.push_back({.kind = Step::Kind::jump});
    }
    for (const std::uint32_t end : ends) program_.steps[end].targets = {next()};
  }

  PathCompiler& paths_;
  const ViewSyntax& view_;
  ViewProgram program_;
  std::uint32_t column_ = 0;
};

// Most elements of a resource are absent: their columns are passed over together.
void find_runs(ViewProgram& view, const std::vector<Operation>& operations) {
  for (std::size_t i = view.steps.size(); i-- > 0;) {
    Step& step = view.steps[i];
    if (step.kind != Step::Kind::column || step.required || step.collection) continue;
    step.guard = operations[step.operation].guard;
    if (step.guard == kNoSlot) continue;
    step.absent_run = step.empty_run = 1;
    const Step& next = view.steps[i + 1];
    if (next.kind != Step::Kind::column || next.scope != step.scope) continue;
    step.empty_run += next.empty_run;
    if (next.guard == step.guard) step.absent_run += next.absent_run;
  }
}

}  // namespace

CompiledPlan compile_plan(const std::vector<const ViewSyntax*>& views) {
  PathCompiler paths;
  CompiledPlan plan;
  ShapeBuilder& shapes = paths.shapes();
  shapes.child(shapes.root(), "id");
  shapes.child(shapes.root(), "resourceType");
  for (const ViewSyntax* view : views) {
    if (plan.resource.empty()) plan.resource = view->resource;
    if (view->resource != plan.resource) {
      throw meta::Error(meta::ErrorCode::invalid_view,
                        "views " + views.front()->name + " and " + view->name +
                            " are of different resource types and cannot be run together");
    }
    plan.views.push_back(ViewCompiler(paths, *view).compile());
  }
  paths.finish(plan);
  for (ViewProgram& view : plan.views) find_runs(view, plan.operations);
  plan.root = shapes.final_id(shapes.root());
  plan.id_slot = shapes.slot(shapes.root(), "id");
  plan.resource_type_slot = shapes.slot(shapes.root(), "resourceType");
  return plan;
}

void check_paths(const ViewSyntax& view) { compile_plan({&view}); }

}  // namespace wellhead::converter
