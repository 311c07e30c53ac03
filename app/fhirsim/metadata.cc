#include "app/fhirsim/metadata.h"

#include <fmt/format.h>

#include "app/fhirsim/message.h"

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
    "resource": [{{
      "type": "Patient",
      "interaction": [{{"code": "read"}}, {{"code": "search-type"}}],
      "searchParam": [
        {{"name": "_id", "type": "token"}},
        {{"name": "_lastUpdated", "type": "date"}},
        {{"name": "address-postalcode", "type": "string"}}
      ]
    }}, {{
      "type": "Observation",
      "interaction": [{{"code": "read"}}, {{"code": "search-type"}}],
      "searchParam": [
        {{"name": "_id", "type": "token"}},
        {{"name": "_lastUpdated", "type": "date"}},
        {{"name": "patient", "type": "reference"}},
        {{"name": "subject", "type": "reference"}}
      ]
    }}]
  }}]
}}
)";

}  // namespace

std::string capability_statement(std::string_view base_url) { return fmt::format(kStatement, json_string(base_url)); }

}  // namespace wellhead::fhirsim
