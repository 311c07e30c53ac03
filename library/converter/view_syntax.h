// A ViewDefinition as read: its selects as a tree, each path parsed. Made by view_reader.cc, run by way of a Plan.
#pragma once

#include <string>
#include <vector>

#include "library/converter/encoding.h"
#include "library/converter/path.h"
#include "library/converter/view.h"

namespace wellhead::converter {

// A path with where it stands, for messages: `select[1].column[0] (family)`.
struct LocatedPath {
  Path path;
  std::string source;
  std::string location;
};

struct ColumnSyntax {
  Column column;
  LocatedPath path;
  Encoding encoding = Encoding::text;
  bool collection = false;
};

struct SelectSyntax {
  enum class Iteration { none, for_each, for_each_or_null, repeat };
  Iteration iteration = Iteration::none;
  std::vector<LocatedPath> over;  // one path, or several for a repeat
  std::vector<ColumnSyntax> columns;
  std::vector<SelectSyntax> selects;
  std::vector<SelectSyntax> unions;
  std::string location;
};

struct ConstantSyntax {
  std::string name;
  Path value;  // a literal
};

struct ViewSyntax {
  std::string name;
  std::string resource;
  std::string description;
  std::vector<ConstantSyntax> constants;
  std::vector<LocatedPath> where;
  std::vector<SelectSyntax> selects;
  std::vector<Column> columns;  // of a row, in order
  std::string digest;
};

// Reads and checks all but what the paths mean. Throws Error{invalid_view}.
ViewSyntax read_view(std::string_view json, std::string_view default_name);

// Everything that decides the rows, in one spelling.
std::string canonical(const ViewSyntax& view);

// Error{invalid_view} for a mistake in a path.
[[noreturn]] void throw_path_error(const std::string& view, const LocatedPath& path, const PathError& error);

}  // namespace wellhead::converter
