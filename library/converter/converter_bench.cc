// Observations a second of the built-in views on one core, beside simdjson's own parsing of the same bytes.
// WELLHEAD_BENCH_NDJSON=FILE measures other resources than the built-in ones.
#include "library/converter/converter.h"

#include <benchmark/benchmark.h>
#include <simdjson.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "library/converter/csv_reader.h"
#include "library/converter/document.h"
#include "library/converter/handwritten_bench.h"
#include "library/meta/digest.h"

namespace wellhead::converter {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

struct Corpus {
  std::string bytes;
  std::vector<std::string_view> resources;
};

const Corpus& corpus() {
  static const Corpus corpus = [] {
    const char* file = std::getenv("WELLHEAD_BENCH_NDJSON");
    Corpus result;
    result.bytes =
        read_file(file != nullptr ? file : WELLHEAD_SOURCE_DIR "/library/converter/testdata/observation.ndjson");
    const std::size_t size = result.bytes.size();
    result.bytes.append(Converter::kPadding, ' ');
    for (std::size_t at = 0; at < size;) {
      const std::size_t end = std::min(result.bytes.find('\n', at), size);
      if (end > at) result.resources.emplace_back(result.bytes.data() + at, end - at);
      at = end + 1;
    }
    return result;
  }();
  return corpus;
}

void count(benchmark::State& state) {
  const auto rounds = static_cast<std::int64_t>(state.iterations());
  std::size_t bytes = 0;
  for (const std::string_view resource : corpus().resources) bytes += resource.size();
  state.SetItemsProcessed(rounds * static_cast<std::int64_t>(corpus().resources.size()));
  state.SetBytesProcessed(rounds * static_cast<std::int64_t>(bytes));
}

View view(const std::string& name) {
  return View::parse(read_file(WELLHEAD_SOURCE_DIR "/service/observation/" + name + ".view.json"));
}

void convert_observations(benchmark::State& state) {
  Converter converter({view("observation"), view("observation_component")}, {.base_url = "http://localhost/fhir"});
  std::vector<CsvOutput> outputs(2);
  for (auto _ : state) {
    for (CsvOutput& output : outputs) output.bytes.clear();
    for (const std::string_view resource : corpus().resources) {
      if (!converter.convert(resource, ",1,2,3", outputs)) state.SkipWithError("a resource was rejected");
    }
    benchmark::DoNotOptimize(outputs[0].bytes.data());
  }
  count(state);
}
BENCHMARK(convert_observations)->Unit(benchmark::kMillisecond);

// The first view alone, beside what a person would write for it by hand.
void convert_observation_view(benchmark::State& state) {
  Converter converter({view("observation")}, {.base_url = "http://localhost/fhir"});
  std::vector<CsvOutput> outputs(1);
  for (auto _ : state) {
    outputs[0].bytes.clear();
    for (const std::string_view resource : corpus().resources) {
      if (!converter.convert(resource, ",1,2,3", outputs)) state.SkipWithError("a resource was rejected");
    }
    benchmark::DoNotOptimize(outputs[0].bytes.data());
  }
  count(state);
}
BENCHMARK(convert_observation_view)->Unit(benchmark::kMillisecond);

// Whether both give the same columns; the converter's row has a digest behind them.
bool same_rows(HandwrittenObservation& handwritten) {
  Converter converter({view("observation")}, {.base_url = "http://localhost/fhir"});
  for (const std::string_view resource : corpus().resources) {
    std::vector<CsvOutput> outputs(1);
    std::string row;
    if (!converter.convert(resource, "", outputs) || !handwritten.convert(resource, row)) return false;
    std::size_t at = 0;
    auto fields = read_csv_line(outputs[0].bytes, at);
    fields.pop_back();
    row += '\n';
    at = 0;
    if (fields != read_csv_line(row, at)) return false;
  }
  return true;
}

void convert_by_hand(benchmark::State& state) {
  HandwrittenObservation handwritten;
  if (!same_rows(handwritten)) state.SkipWithError("the rows differ from the converter's");
  std::string rows;
  std::string row;
  for (auto _ : state) {
    rows.clear();
    for (const std::string_view resource : corpus().resources) {
      row.clear();
      if (!handwritten.convert(resource, row)) state.SkipWithError("a resource was rejected");
      const auto digest = meta::row_digest(row, 7).hex();
      rows += row;
      rows += ',';
      rows.append(digest.data(), digest.size());
      rows += ",1,2,3\n";
    }
    benchmark::DoNotOptimize(rows.data());
  }
  count(state);
}
BENCHMARK(convert_by_hand)->Unit(benchmark::kMillisecond);

// The part of it that reads and checks the JSON, with nothing wanted.
void read_documents(benchmark::State& state) {
  Document document;
  const Shapes shapes(1, Shape({}, {}));
  for (auto _ : state) {
    for (const std::string_view resource : corpus().resources) {
      benchmark::DoNotOptimize(document.read(resource, shapes, kNoShape));
    }
  }
  count(state);
}
BENCHMARK(read_documents)->Unit(benchmark::kMillisecond);

void parse_with_simdjson_dom(benchmark::State& state) {
  simdjson::dom::parser parser;
  for (auto _ : state) {
    for (const std::string_view resource : corpus().resources) {
      simdjson::dom::element root;
      if (parser.parse(resource.data(), resource.size(), false).get(root) != simdjson::SUCCESS) {
        state.SkipWithError("broken JSON");
      }
      benchmark::DoNotOptimize(root);
    }
  }
  count(state);
}
BENCHMARK(parse_with_simdjson_dom)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace wellhead::converter
