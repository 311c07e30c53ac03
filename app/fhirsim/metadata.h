#pragma once

#include <string>
#include <string_view>

namespace wellhead::fhirsim {

// The server's CapabilityStatement (FHIR R4 §5.2).
std::string capability_statement(std::string_view base_url);

}  // namespace wellhead::fhirsim
