#include "service/patient/patient.h"

// NOLINTBEGIN(readability-identifier-naming): the names that wellhead_embed() gives
extern "C" {
extern const char wellhead_patient_view[];
extern const char wellhead_patient_view_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace wellhead::patient {

std::string_view patient_view_json() { return {wellhead_patient_view, wellhead_patient_view_end}; }

}  // namespace wellhead::patient
