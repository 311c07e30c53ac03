// How fast a page becomes entries: one core, pages of about 1 MB of 1 KB observations, as on the load path.
#include "library/webclient/fhir/bundle.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>
#include <simdjson.h>

namespace wellhead::webclient {
namespace {

std::string observation(int number) {
  return fmt::format(
      R"({{"resourceType":"Observation","id":"e7edc310-bccc-587f-b184-{0:012}","meta":{{"versionId":"1","lastUpdated":)"
      R"("2024-03-01T10:42:00.123+00:00","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-body-height"]}},)"
      R"("status":"final","category":[{{"coding":[{{"system":"http://terminology.hl7.org/CodeSystem/observation-category",)"
      R"("code":"vital-signs","display":"Vital signs"}}]}}],"code":{{"coding":[{{"system":"http://loinc.org","code":"8302-2",)"
      R"("display":"Body Height"}}],"text":"Body Height"}},"subject":{{"reference":"Patient/7353e17f-0cd5-5b0a-c736-{1:012}"}},)"
      R"("encounter":{{"reference":"Encounter/edfc1725-fc7d-b7a2-c5ac-{0:012}"}},"effectiveDateTime":)"
      R"("2018-06-14T15:28:03+00:00","issued":"2018-06-14T15:28:03.253+00:00","valueQuantity":{{"value":{2}.1,"unit":"cm",)"
      R"("system":"http://unitsofmeasure.org","code":"cm"}}}})",
      number, number / 40, number % 200);
}

std::string page(int entries) {
  std::string text =
      R"({"resourceType":"Bundle","id":"x","meta":{"lastUpdated":"2024-03-01T10:42:00.123+00:00"},"type":"searchset",)"
      R"("link":[{"relation":"next","url":"http://h/fhir?_getpages=x"}],"entry":[)";
  for (int i = 0; i < entries; ++i) {
    text += fmt::format(R"({}{{"fullUrl":"http://h/fhir/Observation/{}","resource":{},"search":{{"mode":"match"}}}})",
                        i == 0 ? "" : ",", i, observation(i));
  }
  return text + "]}";
}

void read_page(benchmark::State& state) {
  const auto text = page(static_cast<int>(state.range(0)));
  BundleReader reader(256);
  for (auto _ : state) {
    state.PauseTiming();
    std::string body;
    body.reserve(text.size() + HttpResponse::kPadding);
    body = text;
    state.ResumeTiming();
    benchmark::DoNotOptimize(reader.read(std::move(body), "bench").entries.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(read_page)->Arg(50)->Arg(1000)->Arg(5000);

// What simdjson needs to find the structure alone, for scale.
void find_structure(benchmark::State& state) {
  const simdjson::padded_string text(page(static_cast<int>(state.range(0))));
  simdjson::ondemand::parser parser;
  for (auto _ : state) benchmark::DoNotOptimize(parser.iterate(text).error());
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(find_structure)->Arg(50)->Arg(1000)->Arg(5000);

}  // namespace
}  // namespace wellhead::webclient
