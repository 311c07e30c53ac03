// Any bytes as a ViewDefinition: refused with Error{invalid_view}, or a view that runs.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "library/converter/converter.h"
#include "library/meta/error.h"

namespace {

constexpr std::string_view kResource = R"({"resourceType": "Patient", "id": "p", "active": true, "birthDate": "1980-05",
  "name": [{"use": "official", "family": "A", "given": ["b", "c"]}, {"family": "D"}], "multipleBirthInteger": 2,
  "contact": [{"name": {"family": "E"}}], "extension": [{"url": "u", "valueQuantity": {"value": 1.50, "code": "mg"}}],
  "item": [{"linkId": "1", "item": [{"linkId": "1.1"}]}], "generalPractitioner": [{"reference": "Practitioner/1"}]})";

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace wellhead;
  try {
    const converter::View view = converter::View::parse({reinterpret_cast<const char*>(data), size}, "v");
    converter::Converter converter({view}, {.base_url = "http://f", .any_rows = true});
    std::string resource(kResource);
    resource.append(converter::Converter::kPadding, ' ');
    std::vector<converter::CsvOutput> outputs(1);
    static_cast<void>(converter.convert({resource.data(), kResource.size()}, "", outputs));
  } catch (const meta::Error& error) {
    if (error.code() != meta::ErrorCode::invalid_view) std::abort();
  }
  return 0;
}
