#include <gtest/gtest.h>

#include "library/converter/view.h"
#include "service/observation/observation.h"

namespace wellhead::observation {
namespace {

TEST(ObservationView, IsValid) {
  EXPECT_EQ(converter::View::parse(observation_view_json()).name(), "observation");
  EXPECT_EQ(converter::View::parse(observation_component_view_json()).name(), "observation_component");
}

}  // namespace
}  // namespace wellhead::observation
