// The Observation resource's tables, as ViewDefinitions: one row an observation, one row a component of it.
#pragma once

#include <string_view>

namespace wellhead::observation {

// The .view.json files of this folder, embedded; for converter::View::parse().
std::string_view observation_view_json();
std::string_view observation_component_view_json();

}  // namespace wellhead::observation
