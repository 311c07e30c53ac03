#include <gtest/gtest.h>

#include "library/converter/view.h"
#include "service/patient/patient.h"

namespace wellhead::patient {
namespace {

TEST(PatientView, IsValid) { EXPECT_EQ(converter::View::parse(patient_view_json()).name(), "patient"); }

}  // namespace
}  // namespace wellhead::patient
