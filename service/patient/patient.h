// The Patient resource's table, as a ViewDefinition. See docs/ARCHITECTURE.md for how a view becomes a table.
#pragma once

#include <string_view>

namespace wellhead::patient {

// patient.view.json, embedded; for converter::View::parse().
std::string_view patient_view_json();

}  // namespace wellhead::patient
