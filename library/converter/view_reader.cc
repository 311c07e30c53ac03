// ViewDefinition JSON → ViewSyntax, with the checks that need no compiling.
#include <simdjson.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <span>
#include <utility>

#include "library/converter/fhir_resources.h"
#include "library/converter/temporal.h"
#include "library/converter/utf8.h"
#include "library/converter/view_syntax.h"
#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

using simdjson::dom::element;
using simdjson::dom::object;

constexpr std::size_t kMaxNameLength = 63;  // NAMEDATALEN - 1 of PostgreSQL
constexpr int kMaxSelectNesting = 50;

// Of a ViewDefinition, those of a canonical resource among them.
constexpr auto kViewElements = std::to_array<std::string_view>({"resourceType",
                                                                "meta",
                                                                "implicitRules",
                                                                "language",
                                                                "text",
                                                                "contained",
                                                                "url",
                                                                "identifier",
                                                                "version",
                                                                "versionAlgorithmString",
                                                                "versionAlgorithmCoding",
                                                                "name",
                                                                "title",
                                                                "status",
                                                                "experimental",
                                                                "date",
                                                                "publisher",
                                                                "contact",
                                                                "description",
                                                                "useContext",
                                                                "jurisdiction",
                                                                "purpose",
                                                                "copyright",
                                                                "copyrightLabel",
                                                                "constant",
                                                                "resource",
                                                                "profile",
                                                                "fhirVersion",
                                                                "where",
                                                                "select"});

bool is_sql_name(std::string_view name) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  const auto is_rest = [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; };
  return !name.empty() && name.size() <= kMaxNameLength && is_letter(name[0]) && std::ranges::all_of(name, is_rest);
}

bool is_one_of(std::string_view text, std::initializer_list<std::string_view> known) {
  return std::ranges::find(known, text) != known.end();
}

// false: the value is none of the tag's.
bool read_deidentified(std::string_view value, Column& column) {
  constexpr auto plain =
      std::to_array<std::pair<std::string_view, Deidentified>>({{"safe", Deidentified::safe},
                                                                {"year", Deidentified::year},
                                                                {"birth-year", Deidentified::birth_year},
                                                                {"death-year", Deidentified::death_year},
                                                                {"zip3", Deidentified::zip3},
                                                                {"pseudonym", Deidentified::pseudonym},
                                                                {"measure", Deidentified::measure}});
  const auto* const found = std::ranges::find(plain, value, &std::pair<std::string_view, Deidentified>::first);
  if (found != plain.end()) {
    column.deidentified = found->second;
    return true;
  }
  constexpr std::string_view list = "one-of:";
  if (!value.starts_with(list)) return false;
  for (std::size_t start = list.size(); start <= value.size();) {
    const auto end = std::min(value.find(',', start), value.size());
    if (end == start) return false;
    column.safe_values.emplace_back(value.substr(start, end - start));
    start = end + 1;
  }
  column.deidentified = Deidentified::one_of;
  return true;
}

class ViewReader {
 public:
  ViewSyntax read(std::string_view json, std::string_view default_name);

 private:
  [[noreturn]] void fail(const std::string& location, const std::string& what) const {
    const std::string view = view_.name.empty() ? "the view" : "view " + view_.name;
    throw meta::Error(meta::ErrorCode::invalid_view, view + (location.empty() ? "" : ", " + location) + ": " + what);
  }
  object as_object(const element& value, const std::string& location) const;
  void check_fields(const object& value, const std::string& location, std::span<const std::string_view> known) const;
  void check_fields(const object& value, const std::string& location,
                    std::initializer_list<std::string_view> known) const {
    check_fields(value, location, std::span(known.begin(), known.size()));
  }
  std::string text(const object& owner, const char* field, const std::string& location) const;
  std::string required_text(const object& owner, const char* field, const std::string& location) const;
  // Calls `each(element, location)` for the array's elements; nothing when the field is absent.
  template <class Each>
  void for_elements(const object& owner, const char* field, const std::string& location, Each each) const;

  LocatedPath path(std::string source, std::string location) const;
  void read_constant(const element& value, const std::string& location);
  void read_decimals(std::string_view json);
  Path constant_value(std::string_view type, const element& value, const std::string& location) const;
  SelectSyntax read_select(const element& value, const std::string& location, int nesting);
  void read_iteration(const object& value, SelectSyntax& select) const;
  ColumnSyntax read_column(const element& value, const std::string& location) const;
  void read_tag(const element& value, const std::string& location, ColumnSyntax& column, std::string& as) const;
  void decide_types(ColumnSyntax& column, std::string ansi, const std::string& as) const;
  std::vector<Column> columns_of(const SelectSyntax& select) const;
  void check_columns() const;

  ViewSyntax view_;
  std::vector<std::string> decimals_;
};

object ViewReader::as_object(const element& value, const std::string& location) const {
  object result;
  if (value.get_object().get(result) != simdjson::SUCCESS) fail(location, "an object is expected");
  return result;
}

void ViewReader::check_fields(const object& value, const std::string& location,
                              std::span<const std::string_view> known) const {
  for (const auto& field : value) {
    if (field.key == "id" || field.key == "extension" || field.key == "modifierExtension") continue;
    if (std::ranges::find(known, field.key) == known.end()) {
      fail(location, "unknown element `" + std::string(field.key) + "`");
    }
  }
}

std::string ViewReader::text(const object& owner, const char* field, const std::string& location) const {
  element value;
  if (owner[field].get(value) != simdjson::SUCCESS) return {};
  std::string_view result;
  if (value.get_string().get(result) != simdjson::SUCCESS) {
    fail(location, "`" + std::string(field) + "` is not a string");
  }
  return std::string(result);
}

std::string ViewReader::required_text(const object& owner, const char* field, const std::string& location) const {
  std::string result = text(owner, field, location);
  if (result.empty()) fail(location, "`" + std::string(field) + "` is missing");
  return result;
}

template <class Each>
void ViewReader::for_elements(const object& owner, const char* field, const std::string& location, Each each) const {
  element value;
  if (owner[field].get(value) != simdjson::SUCCESS) return;
  simdjson::dom::array array;
  const std::string name = location.empty() ? field : location + "." + field;
  if (value.get_array().get(array) != simdjson::SUCCESS) fail(name, "an array is expected");
  std::size_t index = 0;
  for (const element child : array) each(child, name + "[" + std::to_string(index++) + "]");
}

LocatedPath ViewReader::path(std::string source, std::string location) const {
  LocatedPath result{{}, std::move(source), std::move(location)};
  try {
    result.path = parse_path(result.source);
  } catch (const PathError& error) {
    throw_path_error(view_.name, result, error);
  }
  return result;
}

ViewSyntax ViewReader::read(std::string_view json, std::string_view default_name) {
  simdjson::dom::parser parser;
  element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root)) {
    fail("", std::string("not valid JSON: ") + simdjson::error_message(error));
  }
  const object view = as_object(root, "");
  view_.name = text(view, "name", "");
  if (view_.name.empty()) view_.name = default_name;
  if (!is_sql_name(view_.name)) {
    view_.name.clear();
    fail("", "`name` is missing or is no SQL name: letters, digits and _, at most 63, a letter first");
  }
  check_fields(view, "", kViewElements);
  view_.resource = required_text(view, "resource", "");
  if (!is_resource_type(view_.resource)) fail("", "FHIR R4 has no resource type `" + view_.resource + "`");
  view_.description = text(view, "description", "");
  read_decimals(json);
  for_elements(view, "constant", "", [&](const element& value, const std::string& at) { read_constant(value, at); });
  for_elements(view, "where", "", [&](const element& value, const std::string& at) {
    const object where = as_object(value, at);
    check_fields(where, at, {"path", "description"});
    view_.where.push_back(path(required_text(where, "path", at), at));
  });
  for_elements(view, "select", "", [&](const element& value, const std::string& at) {
    view_.selects.push_back(read_select(value, at, 0));
  });
  for (const SelectSyntax& select : view_.selects) {
    std::ranges::move(columns_of(select), std::back_inserter(view_.columns));
  }
  check_columns();
  return std::move(view_);
}

void ViewReader::read_constant(const element& value, const std::string& location) {
  const object constant = as_object(value, location);
  ConstantSyntax result{required_text(constant, "name", location), {}};
  bool found = false;
  for (const auto& field : constant) {
    if (field.key == "name" || field.key == "id" || field.key == "extension") continue;
    if (!field.key.starts_with("value") || found) fail(location, "unknown element `" + std::string(field.key) + "`");
    result.value = constant_value(field.key.substr(5), field.value, location);
    found = true;
  }
  if (!found) fail(location, "the constant " + result.name + " has no value");
  if (std::ranges::find(view_.constants, result.name, &ConstantSyntax::name) != view_.constants.end()) {
    fail(location, "two constants are named " + result.name);
  }
  view_.constants.push_back(std::move(result));
}

Path ViewReader::constant_value(std::string_view type, const element& value, const std::string& location) const {
  Path literal;
  const auto fail_value = [&](const char* wanted) {
    fail(location, "`value" + std::string(type) + "` is not " + wanted);
  };
  if (type == "Boolean") {
    bool truth = false;
    if (value.get_bool().get(truth) != simdjson::SUCCESS) fail_value("a boolean");
    literal.kind = Path::Kind::boolean;
    literal.text = truth ? "true" : "false";
  } else if (is_one_of(type, {"Decimal", "Integer", "Integer64", "PositiveInt", "UnsignedInt"})) {
    if (!value.is_number()) fail_value("a number");
    literal.kind = Path::Kind::number;
    literal.text = simdjson::minify(value);
    if (type == "Decimal") {  // read_decimals() has seen as many constants
      if (view_.constants.size() < decimals_.size()) literal.text = decimals_[view_.constants.size()];
    } else if (!value.is_int64() && !value.is_uint64()) {
      fail_value("a whole number");
    }
  } else if (is_one_of(type, {"Base64Binary", "Canonical", "Code", "Date", "DateTime", "Id", "Instant", "Markdown",
                              "Oid", "String", "Time", "Uri", "Url", "Uuid"})) {
    std::string_view text;
    if (value.get_string().get(text) != simdjson::SUCCESS) fail_value("a string");
    const bool time = type == "Time";
    literal.kind =
        time || type == "Date" || type == "DateTime" || type == "Instant" ? Path::Kind::date : Path::Kind::string;
    literal.text = text;
    if (literal.kind == Path::Kind::date) {
      const TemporalKind kind = time             ? TemporalKind::time
                                : type == "Date" ? TemporalKind::date
                                                 : TemporalKind::date_time;
      if (!parse_temporal(text, kind)) fail_value("a date or time of the calendar");
      if (kind == TemporalKind::date_time && text.find('T') == std::string_view::npos) literal.text += 'T';
    }
  } else {
    fail(location, "unknown element `value" + std::string(type) + "`");
  }
  return literal;
}

// The decimals among the constants as they are written, by the place of the constant: the DOM does not keep digits.
void ViewReader::read_decimals(std::string_view json) {
  simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(json);
  simdjson::ondemand::document document;
  simdjson::ondemand::array constants;
  if (parser.iterate(padded).get(document) != simdjson::SUCCESS) return;
  if (document["constant"].get_array().get(constants) != simdjson::SUCCESS) return;
  for (auto constant : constants) {
    decimals_.emplace_back();
    simdjson::ondemand::object fields;
    if (constant.get_object().get(fields) != simdjson::SUCCESS) continue;
    simdjson::ondemand::value value;
    if (fields["valueDecimal"].get(value) != simdjson::SUCCESS) continue;
    std::string_view text = value.raw_json_token();
    while (!text.empty() && (text.back() == ' ' || text.back() == '\n' || text.back() == '\r' || text.back() == '\t')) {
      text.remove_suffix(1);
    }
    decimals_.back() = text;
  }
}

SelectSyntax ViewReader::read_select(const element& value, const std::string& location, int nesting) {
  if (nesting > kMaxSelectNesting) fail(location, "selects are nested too deep");
  const object object_value = as_object(value, location);
  check_fields(object_value, location, {"column", "select", "forEach", "forEachOrNull", "repeat", "unionAll"});
  SelectSyntax select;
  select.location = location;
  read_iteration(object_value, select);
  for_elements(object_value, "column", location,
               [&](const element& child, const std::string& at) { select.columns.push_back(read_column(child, at)); });
  for_elements(object_value, "select", location, [&](const element& child, const std::string& at) {
    select.selects.push_back(read_select(child, at, nesting + 1));
  });
  for_elements(object_value, "unionAll", location, [&](const element& child, const std::string& at) {
    select.unions.push_back(read_select(child, at, nesting + 1));
  });
  return select;
}

void ViewReader::read_iteration(const object& value, SelectSyntax& select) const {
  const auto take = [&](const char* field, SelectSyntax::Iteration iteration) {
    std::string source = text(value, field, select.location);
    if (source.empty()) return;
    if (select.iteration != SelectSyntax::Iteration::none) {
      fail(select.location, "a select has only one of forEach, forEachOrNull and repeat");
    }
    select.iteration = iteration;
    select.over.push_back(path(std::move(source), select.location + "." + field));
  };
  take("forEach", SelectSyntax::Iteration::for_each);
  take("forEachOrNull", SelectSyntax::Iteration::for_each_or_null);
  for_elements(value, "repeat", select.location, [&](const element& child, const std::string& at) {
    if (select.iteration != SelectSyntax::Iteration::none && select.iteration != SelectSyntax::Iteration::repeat) {
      fail(select.location, "a select has only one of forEach, forEachOrNull and repeat");
    }
    std::string_view source;
    if (child.get_string().get(source) != simdjson::SUCCESS) fail(at, "a path is expected");
    select.iteration = SelectSyntax::Iteration::repeat;
    select.over.push_back(path(std::string(source), at));
  });
}

ColumnSyntax ViewReader::read_column(const element& value, const std::string& location) const {
  const object object_value = as_object(value, location);
  check_fields(object_value, location, {"path", "name", "description", "collection", "type", "tag"});
  ColumnSyntax result;
  result.column.name = required_text(object_value, "name", location);
  const std::string named = location + " (" + result.column.name + ")";
  if (!is_sql_name(result.column.name)) fail(named, "the name is no SQL name");
  result.path = path(required_text(object_value, "path", named), named);
  result.column.description = text(object_value, "description", named);
  result.column.fhir_type = text(object_value, "type", named);
  if (const auto at = result.column.fhir_type.rfind('/'); at != std::string::npos)
    result.column.fhir_type.erase(0, at + 1);
  element collection;
  if (object_value["collection"].get(collection) == simdjson::SUCCESS &&
      collection.get_bool().get(result.collection) != simdjson::SUCCESS) {
    fail(named, "`collection` is not a boolean");
  }
  std::string as;
  for_elements(object_value, "tag", named,
               [&](const element& tag, const std::string& at) { read_tag(tag, at, result, as); });
  decide_types(result, result.column.sql_type, as);
  return result;
}

void ViewReader::read_tag(const element& value, const std::string& location, ColumnSyntax& column,
                          std::string& as) const {
  const object tag = as_object(value, location);
  check_fields(tag, location, {"name", "value"});
  const std::string name = required_text(tag, "name", location);
  const std::string content = required_text(tag, "value", location);
  const auto one_of = [&](std::initializer_list<std::string_view> known) {
    if (std::ranges::find(known, content) == known.end()) fail(location, "the tag " + name + " has an unknown value");
  };
  if (name == "ansi/type") {
    const auto sql = sql_type_of_ansi(content);
    if (!sql) fail(location, "unknown SQL type `" + content + "`");
    column.column.sql_type = *sql;
  } else if (name == "wellhead/key") {
    one_of({"primary", "parent"});
    column.column.key = content == "primary" ? KeyKind::primary : KeyKind::parent;
  } else if (name == "wellhead/filter") {
    one_of({"exact", "prefix", "scan"});
    column.column.filter = content == "exact"    ? FilterKind::exact
                           : content == "prefix" ? FilterKind::prefix
                                                 : FilterKind::scan;
  } else if (name == "wellhead/required") {
    one_of({"true", "false"});
    column.column.required = content == "true";
  } else if (name == "wellhead/api") {
    one_of({"hidden"});
    column.column.hidden_in_api = true;
  } else if (name == "wellhead/deidentified") {
    if (!read_deidentified(content, column.column)) fail(location, "the tag " + name + " has an unknown value");
  } else if (name == "wellhead/as") {
    one_of({"earliest", "latest", "precision"});
    as = content;
  } else if (name.starts_with("wellhead/")) {
    fail(location, "unknown tag `" + name + "`");
  }
}

void ViewReader::decide_types(ColumnSyntax& column, std::string ansi, const std::string& as) const {
  const std::string& location = column.path.location;
  const auto usual =
      column.column.fhir_type.empty() ? std::optional<std::string>("text") : default_sql_type(column.column.fhir_type);
  if (!usual) fail(location, "unknown type `" + column.column.fhir_type + "`: a column holds a primitive type");
  if (as == "precision" && ansi.empty()) ansi = "text";
  column.column.sql_type = ansi.empty() ? *usual : ansi;
  const auto encoding = encoding_for(column.column.fhir_type, column.column.sql_type, as);
  if (!encoding) {
    fail(location, "a " + column.column.fhir_type + (as.empty() ? "" : " as " + as) + " cannot be written as " +
                       column.column.sql_type);
  }
  column.encoding = *encoding;
  if (column.collection) column.column.sql_type = "jsonb";
}

// name type, name type
std::string names_of(const std::vector<Column>& columns) {
  std::string names;
  for (const Column& column : columns) {
    if (!names.empty()) names += ", ";
    names += column.name + " " + column.sql_type;
  }
  return names.empty() ? "none" : names;
}

std::vector<Column> ViewReader::columns_of(const SelectSyntax& select) const {
  std::vector<Column> result;
  result.reserve(select.columns.size());
  for (const ColumnSyntax& column : select.columns) result.push_back(column.column);
  for (const SelectSyntax& child : select.selects) std::ranges::move(columns_of(child), std::back_inserter(result));
  std::vector<Column> first;
  for (const SelectSyntax& branch : select.unions) {
    std::vector<Column> columns = columns_of(branch);
    const auto alike = [](const Column& a, const Column& b) { return a.name == b.name && a.sql_type == b.sql_type; };
    if (&branch == &select.unions.front()) {
      first = std::move(columns);
    } else if (!std::ranges::equal(first, columns, alike)) {
      fail(branch.location, "the columns differ from those of the first select of the unionAll: " + names_of(columns) +
                                " instead of " + names_of(first));
    }
  }
  std::ranges::move(first, std::back_inserter(result));
  return result;
}

void ViewReader::check_columns() const {
  if (view_.columns.empty()) fail("select", "the view has no column");
  for (auto column = view_.columns.begin(); column != view_.columns.end(); ++column) {
    if (std::ranges::find(view_.columns.begin(), column, column->name, &Column::name) != column) {
      fail("select", "two columns are named " + column->name);
    }
  }
}

}  // namespace

ViewSyntax read_view(std::string_view json, std::string_view default_name) {
  return ViewReader().read(json, default_name);
}

namespace {

// What stands around a place of a long path, cut between characters.
std::string excerpt(std::string_view source, std::size_t position) {
  constexpr std::size_t around = 80;
  if (source.size() <= 3 * around) return std::string(source);
  std::size_t begin = position > around ? position - around : 0;
  std::size_t end = std::min(position + around, source.size());
  while (begin > 0 && begin < source.size() && is_continuation(source[begin])) --begin;
  while (end < source.size() && is_continuation(source[end])) ++end;
  begin = std::min(begin, end);
  return (begin > 0 ? "…" : "") + std::string(source.substr(begin, end - begin)) + (end < source.size() ? "…" : "");
}

}  // namespace

void throw_path_error(const std::string& view, const LocatedPath& path, const PathError& error) {
  throw meta::Error(meta::ErrorCode::invalid_view, "view " + view + ", " + path.location + ", path `" +
                                                       excerpt(path.source, error.position) + "`: " + error.what() +
                                                       " at character " + std::to_string(error.position + 1));
}

}  // namespace wellhead::converter
