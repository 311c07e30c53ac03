#include "library/converter/testing/conversion.h"

#include <stdexcept>

#include "library/converter/csv_reader.h"

namespace wellhead::converter::testing {
namespace {

std::vector<View> parse_all(std::initializer_list<std::string_view> definitions) {
  std::vector<View> views;
  for (const std::string_view definition : definitions) views.push_back(View::parse(definition));
  return views;
}

std::vector<Row> read_rows(const View& view, std::string_view csv) {
  std::vector<Row> rows;
  for (std::size_t at = 0; at < csv.size();) {
    const auto fields = read_csv_line(csv, at);
    if (fields.size() != view.columns().size() + 1)
      throw std::runtime_error("a row has another number of fields than columns");
    Row row;
    for (std::size_t i = 0; i < view.columns().size(); ++i) row[view.columns()[i].name] = fields[i];
    row["digest"] = fields.back();
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace

std::string Conversion::operator[](std::string_view column) const {
  if (!rejected.empty()) return "REJECTED: " + rejected;
  const auto found = row().find(column);
  if (found == row().end()) throw std::runtime_error("no column " + std::string(column));
  return found->second.value_or("NULL");
}

ConversionRunner::ConversionRunner(std::initializer_list<std::string_view> view_definitions, std::string base_url)
    : views_(parse_all(view_definitions)), converter_(views_, {.base_url = std::move(base_url)}) {}

Conversion ConversionRunner::operator()(std::string_view resource) {
  // Exactly as many readable bytes behind the resource as the converter may look at; a sanitizer sees one more.
  std::vector<char> bytes(resource.begin(), resource.end());
  bytes.resize(bytes.size() + Converter::kPadding, '"');
  std::vector<CsvOutput> outputs(views_.size());
  Conversion conversion;
  const auto result = converter_.convert({bytes.data(), resource.size()}, "", outputs);
  if (!result) {
    conversion.rejected = result.error().reason;
    conversion.rejected_id = result.error().resource_id;
  }
  for (std::size_t i = 0; i < views_.size(); ++i) {
    conversion.views.push_back(read_rows(views_[i], outputs[i].bytes));
    if (conversion.views.back().size() != outputs[i].rows) throw std::runtime_error("rows are miscounted");
  }
  return conversion;
}

std::string view_of(std::initializer_list<std::pair<std::string_view, std::string_view>> columns,
                    std::string_view type) {
  std::string json = R"({"name": "v", "resource": "Patient", "select": [{"column": [)";
  const char* separator = "";
  for (const auto& [name, path] : columns) {
    json += separator + std::string(R"({"name": ")") + std::string(name) + R"(", "path": ")" + std::string(path) + '"';
    if (!type.empty()) json += R"(, "type": ")" + std::string(type) + '"';
    json += '}';
    separator = ", ";
  }
  return json + "]}]}";
}

}  // namespace wellhead::converter::testing
