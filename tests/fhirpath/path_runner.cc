// path_runner PATHS NDJSON: each path over each resource. A line of JSON a path and resource: the items as an array, or
// an object with the error. A line of PATHS is a resource type, a tab and a path.
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "library/converter/converter.h"
#include "library/converter/csv_reader.h"
#include "library/meta/error.h"

namespace {

using namespace wellhead;

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string result_of(converter::Converter& converter, const std::string& resource) {
  std::string padded = resource;
  padded.append(converter::Converter::kPadding, ' ');
  std::vector<converter::CsvOutput> outputs(1);
  const auto converted = converter.convert({padded.data(), resource.size()}, "", outputs);
  if (!converted) return "{\"error\": " + quoted(converted.error().reason) + "}";
  std::size_t at = 0;
  return converter::read_csv_line(outputs[0].bytes, at).at(0).value_or("[]");
}

int run(const char* paths, const char* ndjson) {
  std::vector<std::string> resources;
  std::ifstream in(ndjson);
  for (std::string line; std::getline(in, line);) resources.push_back(line);
  std::ifstream list(paths);
  for (std::string line; std::getline(list, line);) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string type = line.substr(0, tab);
    const std::string view = R"({"name": "v", "resource": ")" + type +
                             R"(", "select": [{"column": [{"name": "c", "collection": true, "path": )" +
                             quoted(line.substr(tab + 1)) + "}]}]}";
    std::string refused;
    std::vector<converter::Converter> converters;
    try {
      converters.emplace_back(std::vector{converter::View::parse(view)}, converter::Context{.any_rows = true});
    } catch (const meta::Error& error) {
      refused = "{\"error\": " + quoted(error.message()) + "}";
    }
    for (const std::string& resource : resources) {
      if (resource.find("\"resourceType\":\"" + type + '"') == std::string::npos) continue;
      std::cout << (converters.empty() ? refused : result_of(converters[0], resource)) << '\n';
    }
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) {
    std::cerr << "usage: path_runner PATHS NDJSON\n";
    return 2;
  }
  return run(arguments[1], arguments[2]);
}
