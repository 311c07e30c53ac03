#include "service/observation/routes.h"

#include "library/converter/view.h"
#include "service/observation/observation.h"

namespace wellhead::observation {
namespace {

constexpr const char* kExample = R"json({
  "id": "0b1f6f0e-5a52-4f0c-8b6f-0a8f4f6f7a11",
  "version_id": "1",
  "last_updated": "2026-01-30T08:15:00Z",
  "patient_id": "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34",
  "status": "final",
  "category": "vital-signs",
  "code_system": "http://loinc.org",
  "code": "85354-9",
  "code_display": "Blood pressure panel with all children optional",
  "effective_start": "2025-11-03T09:30:00Z",
  "effective_start_text": "2025-11-03T09:30:00Z",
  "effective_start_precision": "second",
  "run_id": 7,
  "last_seen_run": 9,
  "loaded_at": "2026-01-31T10:42:05.123456Z",
  "components": [
    {
      "component_index": 0,
      "code_system": "http://loinc.org",
      "code": "8462-4",
      "code_display": "Diastolic blood pressure",
      "value_number": 74.20,
      "value_unit": "mm[Hg]",
      "value_code": "mm[Hg]"
    },
    {
      "component_index": 1,
      "code_system": "http://loinc.org",
      "code": "8480-6",
      "code_display": "Systolic blood pressure",
      "value_number": 118,
      "value_unit": "mm[Hg]",
      "value_code": "mm[Hg]"
    }
  ]
})json";

}  // namespace

resource::ResourceApi observation_api() {
  resource::ResourceApi api;
  api.table = resource::ApiTable::of(converter::View::parse(observation_view_json()));
  api.name = "observation";
  api.path = "/observations";
  api.tag = "Observations";
  api.patient_column = "patient_id";
  api.embedded = {{resource::ApiTable::of(converter::View::parse(observation_component_view_json())),
                   "components",
                   {"component_index"}}};
  api.filter_notes = {{"code", "", "", "85354-9"},
                      {"effective_start", "effective", "When it was measured, or began to be.", "ge2024&lt2025"},
                      {"value_number", "value", "", "gt7"},
                      {"status", "", "", "final"},
                      {"category", "", "", "vital-signs"}};
  api.filter_by_zipcode = true;
  api.path_below_patient = "/patients/{id}/observations";
  api.example = kExample;
  return api;
}

}  // namespace wellhead::observation
