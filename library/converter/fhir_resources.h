// The resource types of FHIR R4 (R4 §2.1.27, "Resource Index"), so that a misspelt one is told when a view is read.
#pragma once

#include <string_view>

namespace wellhead::converter {

// Case counts, as in FHIR: `Patient`.
bool is_resource_type(std::string_view name);

}  // namespace wellhead::converter
