#include "service/clinical/clinical.h"

// NOLINTBEGIN(readability-identifier-naming): the names that wellhead_embed() gives
extern "C" {
extern const char wellhead_encounter_view[];
extern const char wellhead_encounter_view_end[];
extern const char wellhead_condition_view[];
extern const char wellhead_condition_view_end[];
extern const char wellhead_procedure_view[];
extern const char wellhead_procedure_view_end[];
extern const char wellhead_medication_request_view[];
extern const char wellhead_medication_request_view_end[];
extern const char wellhead_immunization_view[];
extern const char wellhead_immunization_view_end[];
extern const char wellhead_allergy_intolerance_view[];
extern const char wellhead_allergy_intolerance_view_end[];
extern const char wellhead_diagnostic_report_view[];
extern const char wellhead_diagnostic_report_view_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace wellhead::clinical {

std::vector<std::string_view> view_definitions() {
  return {
      {wellhead_encounter_view, wellhead_encounter_view_end},
      {wellhead_condition_view, wellhead_condition_view_end},
      {wellhead_procedure_view, wellhead_procedure_view_end},
      {wellhead_medication_request_view, wellhead_medication_request_view_end},
      {wellhead_immunization_view, wellhead_immunization_view_end},
      {wellhead_allergy_intolerance_view, wellhead_allergy_intolerance_view_end},
      {wellhead_diagnostic_report_view, wellhead_diagnostic_report_view_end},
  };
}

}  // namespace wellhead::clinical
