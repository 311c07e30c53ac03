// The built-in views of clinical resources besides observations: Encounter, Condition, Procedure, MedicationRequest,
// Immunization, AllergyIntolerance, DiagnosticReport. One table each, with one row a resource.
//
// The columns follow US Core: keys and references, status, codes with system, code and display, dates with the text
// they came as and its precision.
#pragma once

#include <string_view>
#include <vector>

namespace wellhead::clinical {

// The .view.json files of this folder, embedded; for converter::View::parse().
std::vector<std::string_view> view_definitions();

}  // namespace wellhead::clinical
