#include "library/converter/suite.h"

#include <simdjson.h>

#include <algorithm>
#include <expected>
#include <map>
#include <optional>
#include <utility>

#include "library/converter/converter.h"
#include "library/converter/csv_reader.h"
#include "library/converter/decimal.h"
#include "library/converter/document.h"
#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

namespace ondemand = simdjson::ondemand;

// A case as the file has it: values as raw JSON, so that numbers keep their digits.
struct Expectation {
  SuiteCase result;
  std::string view;
  std::optional<std::string> rows;
  std::vector<std::string> columns;
  std::optional<std::int64_t> count;
  bool error = false;
};

struct Suite {
  std::string title;
  std::vector<std::string> resources;
  std::vector<Expectation> cases;
};

std::string string_of(ondemand::value value) { return std::string(std::string_view(value.get_string())); }

std::string raw_of(ondemand::value value) { return std::string(std::string_view(simdjson::to_json_string(value))); }

std::vector<std::string> strings_of(ondemand::value value) {
  std::vector<std::string> result;
  for (ondemand::value element : value.get_array()) result.push_back(string_of(element));
  return result;
}

Expectation read_case(ondemand::object object) {
  Expectation expectation;
  for (ondemand::field field : object) {
    const std::string key{std::string_view(field.unescaped_key())};
    if (key == "title") expectation.result.title = string_of(field.value());
    if (key == "tags") expectation.result.tags = strings_of(field.value());
    if (key == "view") expectation.view = raw_of(field.value());
    if (key == "expect") expectation.rows = raw_of(field.value());
    if (key == "expectColumns") expectation.columns = strings_of(field.value());
    if (key == "expectCount") expectation.count = field.value().get_int64();
    if (key == "expectError") expectation.error = field.value().get_bool();
  }
  return expectation;
}

Suite read_suite(const std::string& file, std::string_view json) {
  try {
    ondemand::parser parser;
    const simdjson::padded_string padded(json);
    ondemand::document document = parser.iterate(padded);
    Suite suite;
    bool complete = false;
    for (ondemand::field field : document.get_object()) {
      const std::string key{std::string_view(field.unescaped_key())};
      if (key == "title") suite.title = string_of(field.value());
      if (key == "resources") {
        for (ondemand::value resource : field.value().get_array()) suite.resources.push_back(raw_of(resource));
      }
      if (key != "tests") continue;
      complete = true;
      for (ondemand::value test : field.value().get_array()) suite.cases.push_back(read_case(test.get_object()));
    }
    if (!complete) throw meta::Error(meta::ErrorCode::invalid_input, file + ": no `tests`", "is it a suite of tests?");
    return suite;
  } catch (const simdjson::simdjson_error& error) {
    throw meta::Error(meta::ErrorCode::invalid_input,
                      file + ": not a suite of SQL on FHIR tests: " + simdjson::error_message(error.error()));
  }
}

bool is_number_type(std::string_view type) {
  return type == "decimal" || type == "integer" || type == "integer64" || type == "positiveInt" ||
         type == "unsignedInt";
}

// One spelling of a value: equal for equal values. Of a column without a type the text alone counts.
std::string spelling(ondemand::value value, bool typed) {
  switch (ondemand::json_type(value.type())) {
    case ondemand::json_type::string:
      return (typed ? "'" : "") + string_of(value);
    case ondemand::json_type::number:
      return normalized_decimal(raw_of(value));
    case ondemand::json_type::array: {
      std::string result = "[";
      for (ondemand::value element : value.get_array()) result += spelling(element, typed) + ";";
      return result + "]";
    }
    default:
      return raw_of(value);
  }
}

std::string spelling(const Column& column, const std::string& field) {
  if (column.sql_type == "jsonb") {
    ondemand::parser parser;
    const simdjson::padded_string padded(R"({"v":)" + field + "}");
    ondemand::document document = parser.iterate(padded);
    return spelling(document.find_field("v").value(), !column.fhir_type.empty());
  }
  if (is_number_type(column.fhir_type)) return normalized_decimal(field);
  if (column.fhir_type.empty()) return is_json_number(field) ? normalized_decimal(field) : field;
  return column.fhir_type == "boolean" ? field : "'" + field;
}

std::string row_text(const std::vector<Column>& columns, std::map<std::string, std::string>& values) {
  std::string text;
  for (const Column& column : columns) {
    const auto found = values.find(column.name);
    if (!text.empty()) text += ", ";
    text.append(column.name).append("=").append(found == values.end() ? "null" : found->second);
    if (found != values.end()) values.erase(found);
  }
  for (const auto& [name, value] : values) {
    if (value != "null") text.append(", ").append(name).append("=").append(value);
  }
  return text;
}

std::vector<std::string> expected_rows(const std::vector<Column>& columns, const std::string& json) {
  ondemand::parser parser;
  const simdjson::padded_string padded(json);
  ondemand::document document = parser.iterate(padded);
  std::vector<std::string> rows;
  for (ondemand::value row : document.get_array()) {
    std::map<std::string, std::string> values;
    for (ondemand::field field : row.get_object()) {
      const std::string name{std::string_view(field.unescaped_key())};
      const auto column = std::ranges::find(columns, name, &Column::name);
      values[name] = spelling(field.value(), column == columns.end() || !column->fhir_type.empty());
    }
    rows.push_back(row_text(columns, values));
  }
  return rows;
}

std::vector<std::string> actual_rows(const std::vector<Column>& columns, std::string_view csv) {
  std::vector<std::string> rows;
  for (std::size_t at = 0; at < csv.size();) {
    const auto fields = read_csv_line(csv, at);
    std::map<std::string, std::string> values;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      if (fields[i]) values[columns[i].name] = spelling(columns[i], *fields[i]);
    }
    rows.push_back(row_text(columns, values));
  }
  return rows;
}

// Empty, or what differs.
std::string difference(std::vector<std::string> expected, std::vector<std::string> actual) {
  std::ranges::sort(expected);
  std::ranges::sort(actual);
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
  std::ranges::set_difference(expected, actual, std::back_inserter(missing));
  std::ranges::set_difference(actual, expected, std::back_inserter(unexpected));
  std::string text;
  if (!missing.empty()) text += std::to_string(missing.size()) + " rows are missing, such as {" + missing[0] + "}";
  if (!unexpected.empty()) {
    text += (text.empty() ? "" : "; ") + std::to_string(unexpected.size()) + " rows are not expected, such as {" +
            unexpected[0] + "}";
  }
  return text;
}

std::string column_difference(const View& view, const std::vector<std::string>& expected) {
  std::vector<std::string> names;
  std::string text;
  for (const Column& column : view.columns()) {
    names.push_back(column.name);
    text += " " + column.name;
  }
  return names == expected ? "" : "the columns are" + text;
}

// All rows of the resources as CSV, or why one has none.
std::expected<CsvOutput, std::string> convert_all(const View& view, const std::vector<std::string>& resources) {
  Converter converter({view}, {.base_url = {}, .any_rows = true});
  std::vector<CsvOutput> outputs(1);
  for (const std::string& resource : resources) {
    std::string padded = resource;
    padded.append(Converter::kPadding, ' ');
    const auto converted = converter.convert({padded.data(), resource.size()}, "", outputs);
    if (!converted) return std::unexpected("a resource is rejected: " + converted.error().reason);
  }
  return std::move(outputs[0]);
}

std::string run_case(const Expectation& expectation, const std::vector<std::string>& resources) {
  std::optional<View> view;
  try {
    view = View::parse(expectation.view, "view");
  } catch (const meta::Error& error) {
    return expectation.error ? "" : error.message();
  }
  const auto rows = convert_all(*view, resources);
  if (!rows) return expectation.error ? "" : rows.error();
  if (expectation.error) return "an error is expected, but there is none";
  if (expectation.count && static_cast<std::int64_t>(rows->rows) != *expectation.count) {
    return std::to_string(rows->rows) + " rows instead of " + std::to_string(*expectation.count);
  }
  if (!expectation.columns.empty()) {
    if (std::string text = column_difference(*view, expectation.columns); !text.empty()) return text;
  }
  if (!expectation.rows) return "";
  return difference(expected_rows(view->columns(), *expectation.rows), actual_rows(view->columns(), rows->bytes));
}

void append_json(std::string& out, std::string_view text) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += std::string("\\u00") + hex_digits[byte >> 4] + hex_digits[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

}  // namespace

std::size_t SuiteResult::passed() const {
  return static_cast<std::size_t>(std::ranges::count(cases, true, &SuiteCase::passed));
}

SuiteResult run_suite(std::string file, std::string_view json) {
  Suite suite = read_suite(file, json);
  SuiteResult result{std::move(file), std::move(suite.title), {}};
  for (Expectation& expectation : suite.cases) {
    SuiteCase& finished = result.cases.emplace_back(std::move(expectation.result));
    try {
      finished.reason = run_case(expectation, suite.resources);
    } catch (const simdjson::simdjson_error& error) {
      finished.reason = std::string("`expect` is no list of rows: ") + simdjson::error_message(error.error());
    }
    finished.passed = finished.reason.empty();
  }
  return result;
}

std::string test_report_json(const std::vector<SuiteResult>& results) {
  std::string out = "{";
  for (const SuiteResult& result : results) {
    if (&result != &results.front()) out += ",";
    out += "\n  ";
    append_json(out, result.file);
    out += ": {\"tests\": [";
    for (const SuiteCase& suite_case : result.cases) {
      out += &suite_case == &result.cases.front() ? "\n    {\"name\": " : ",\n    {\"name\": ";
      append_json(out, suite_case.title);
      out += std::string(", \"result\": {\"passed\": ") + (suite_case.passed ? "true" : "false");
      if (!suite_case.passed) {
        out += ", \"error\": ";
        append_json(out, suite_case.reason);
      }
      out += "}}";
    }
    out += "\n  ]}";
  }
  return out + "\n}\n";
}

}  // namespace wellhead::converter
