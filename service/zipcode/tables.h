// The views that a load fills and the tables they become.
#pragma once

#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/loader.h"

namespace wellhead::zipcode {

// Parsed once; thread-safe.
const converter::View& patient_view();
const converter::View& observation_view();
const converter::View& observation_component_view();

// All of them, parents before their children.
std::vector<converter::View> views();
std::vector<storage::TargetTable> target_tables();

}  // namespace wellhead::zipcode
