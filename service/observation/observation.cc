#include "service/observation/observation.h"

// NOLINTBEGIN(readability-identifier-naming): the names that wellhead_embed() gives
extern "C" {
extern const char wellhead_observation_view[];
extern const char wellhead_observation_view_end[];
extern const char wellhead_observation_component_view[];
extern const char wellhead_observation_component_view_end[];
}
// NOLINTEND(readability-identifier-naming)

namespace wellhead::observation {

std::string_view observation_view_json() { return {wellhead_observation_view, wellhead_observation_view_end}; }

std::string_view observation_component_view_json() {
  return {wellhead_observation_component_view, wellhead_observation_component_view_end};
}

}  // namespace wellhead::observation
