// For tests: converts single resources and gives the rows back as fields by column name.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/converter/converter.h"
#include "library/converter/csv_reader.h"

namespace wellhead::converter::testing {

// nullopt is NULL. Beside the view's columns `digest`.
using Row = std::map<std::string, std::optional<std::string>, std::less<>>;

struct Conversion {
  std::vector<std::vector<Row>> views;  // rows of each view
  std::string rejected;                 // the reason; empty when it was converted
  std::string rejected_id;

  const Row& row() const { return views.at(0).at(0); }
  // A field of the first view's row; "NULL" and "REJECTED: …" stand for what they say.
  std::string operator[](std::string_view column) const;
};

class ConversionRunner {
 public:
  ConversionRunner(std::initializer_list<std::string_view> view_definitions,
                   std::string base_url = "https://fhir.example/r4");
  Conversion operator()(std::string_view resource);
  Converter& converter() { return converter_; }

 private:
  std::vector<View> views_;
  Converter converter_;
};

// A definition of one select with columns `name: path` of the given type; resource Patient.
std::string view_of(std::initializer_list<std::pair<std::string_view, std::string_view>> columns,
                    std::string_view type = "");

}  // namespace wellhead::converter::testing
