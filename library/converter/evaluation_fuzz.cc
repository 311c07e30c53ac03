// Any bytes as a resource, under the built-in views and one that uses all of the language: rows or a reason.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "library/converter/converter.h"
#include "library/converter/csv_reader.h"

namespace {

using namespace wellhead::converter;

View read_view(const char* path) {
  std::ifstream in(std::string(WELLHEAD_SOURCE_DIR "/") + path, std::ios::binary);
  return View::parse(std::string{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()});
}

struct Subject {
  std::vector<View> views;
  Converter converter;

  Subject(std::vector<View> of, bool any_rows)
      : views(std::move(of)), converter(views, {.base_url = "http://f", .any_rows = any_rows}) {}
};

std::vector<Subject>& subjects() {
  static std::vector<Subject> all = [] {
    std::vector<Subject> result;
    result.emplace_back(std::vector{read_view("service/patient/patient.view.json")}, false);
    result.emplace_back(std::vector{read_view("service/observation/observation.view.json"),
                                    read_view("service/observation/observation_component.view.json")},
                        false);
    result.emplace_back(std::vector{read_view("library/converter/testdata/fuzz/language.view.json")}, true);
    return result;
  }();
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // Not a byte more than the converter may look at.
  std::vector<char> bytes(data, data + size);
  bytes.resize(size + Converter::kPadding, '"');
  for (Subject& subject : subjects()) {
    std::vector<CsvOutput> outputs(subject.views.size());
    const auto converted = subject.converter.convert({bytes.data(), size}, ",1", outputs);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      if (!converted && !outputs[i].bytes.empty()) std::abort();
      std::uint64_t rows = 0;
      for (std::size_t at = 0; at < outputs[i].bytes.size(); ++rows) {
        if (read_csv_line(outputs[i].bytes, at).size() != subject.views[i].columns().size() + 2) std::abort();
      }
      if (rows != outputs[i].rows) std::abort();
    }
  }
  return 0;
}
