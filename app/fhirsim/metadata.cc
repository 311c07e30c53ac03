#include "app/fhirsim/metadata.h"

#include <fmt/format.h>

#include "app/fhirsim/message.h"
#include "app/fhirsim/resource_text.h"

namespace wellhead::fhirsim {
namespace {

constexpr std::string_view kStatement = R"({{
  "resourceType": "CapabilityStatement",
  "name": "fhirsim",
  "status": "active",
  "date": "2026-01-01",
  "publisher": "Wellhead",
  "kind": "instance",
  "software": {{"name": "fhirsim", "version": "0.1.0"}},
  "implementation": {{"description": "A FHIR server for tests and benchmarks", "url": {}}},
  "fhirVersion": "4.0.1",
  "format": ["application/fhir+json", "json"],
  "rest": [{{
    "mode": "server",
    "resource": [{}]
  }}]
}}
)";

constexpr std::string_view kResource = R"({{
      "type": "{}",
      "interaction": [{{"code": "read"}}, {{"code": "search-type"}}],
      "searchParam": [
        {{"name": "_id", "type": "token"}},
        {{"name": "_lastUpdated", "type": "date"}},
        {}
      ]
    }})";
constexpr std::string_view kPatientParameters = R"({"name": "address-postalcode", "type": "string"})";
constexpr std::string_view kOtherParameters =
    R"({"name": "patient", "type": "reference"}, {"name": "subject", "type": "reference"})";

}  // namespace

std::string capability_statement(std::string_view base_url) {
  std::string resources;
  for (const auto type : resource_type_names()) {
    if (!resources.empty()) resources += ", ";
    resources += fmt::format(kResource, type, type == "Patient" ? kPatientParameters : kOtherParameters);
  }
  return fmt::format(kStatement, json_string(base_url), resources);
}

}  // namespace wellhead::fhirsim
