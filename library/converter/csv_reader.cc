#include "library/converter/csv_reader.h"

#include <stdexcept>

namespace wellhead::converter {
namespace {

std::string quoted_field(std::string_view csv, std::size_t& at) {
  std::string field;
  for (++at; at < csv.size(); ++at) {
    if (csv[at] == '"') {
      ++at;
      if (at == csv.size() || csv[at] != '"') return field;
    }
    field += csv[at];
  }
  throw std::runtime_error("a quoted field does not end");
}

}  // namespace

std::vector<std::optional<std::string>> read_csv_line(std::string_view csv, std::size_t& at) {
  std::vector<std::optional<std::string>> fields;
  while (true) {
    if (csv.at(at) == '"') {
      fields.emplace_back(quoted_field(csv, at));
    } else {
      const std::size_t end = csv.find_first_of(",\n", at);
      fields.push_back(end == at ? std::nullopt : std::optional(std::string(csv.substr(at, end - at))));
      at = end;
    }
    if (csv.at(at++) == '\n') return fields;
  }
}

}  // namespace wellhead::converter
