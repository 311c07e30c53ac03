#include "library/converter/view.h"

#include <string>

#include "library/converter/plan.h"
#include "library/converter/view_syntax.h"
#include "library/meta/digest.h"

namespace wellhead::converter {
namespace {

// Part of every view's digest: raised when the same definition gives other bytes than before.
constexpr std::string_view kEngineVersion = "2";

void append(std::string& out, std::string_view text) {
  out += std::to_string(text.size());
  out += ':';
  out += text;
}

void append(std::string& out, const ColumnSyntax& column) {
  append(out, column.column.name);
  append(out, column.column.sql_type);
  append(out, canonical(column.path.path));
  out += std::to_string(static_cast<int>(column.encoding));
  out += column.collection ? 'c' : 's';
  out += column.column.required ? 'r' : 'o';
  out += std::to_string(static_cast<int>(column.column.key));
}

void append(std::string& out, const SelectSyntax& select) {
  out += '{' + std::to_string(static_cast<int>(select.iteration));
  for (const LocatedPath& path : select.over) append(out, canonical(path.path));
  out += '|';
  for (const ColumnSyntax& column : select.columns) append(out, column);
  out += '|';
  for (const SelectSyntax& child : select.selects) append(out, child);
  out += '|';
  for (const SelectSyntax& branch : select.unions) append(out, branch);
  out += '}';
}

}  // namespace

std::string canonical(const ViewSyntax& view) {
  std::string out;
  append(out, kEngineVersion);
  append(out, view.name);
  append(out, view.resource);
  for (const ConstantSyntax& constant : view.constants) {
    append(out, constant.name);
    append(out, canonical(constant.value));
  }
  out += '|';
  for (const LocatedPath& where : view.where) append(out, canonical(where.path));
  for (const SelectSyntax& select : view.selects) append(out, select);
  return out;
}

View View::parse(std::string_view json, std::string_view default_name) {
  auto syntax = std::make_shared<ViewSyntax>(read_view(json, default_name));
  syntax->digest = meta::sha256_hex(canonical(*syntax));
  View view;
  view.syntax_ = syntax;
  check_paths(*syntax);
  return view;
}

const std::string& View::name() const { return syntax_->name; }
const std::string& View::resource() const { return syntax_->resource; }
const std::string& View::description() const { return syntax_->description; }
const std::vector<Column>& View::columns() const { return syntax_->columns; }
const std::string& View::digest() const { return syntax_->digest; }
const ViewSyntax& View::syntax() const { return *syntax_; }

}  // namespace wellhead::converter
