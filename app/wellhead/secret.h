// The secret of this installation, by which erased patients are remembered: that of WELLHEAD_SECRET, else of the file
// `secret` in WELLHEAD_HOME, which is made the first time.
#pragma once

#include <memory>
#include <string>

#include "library/meta/settings.h"
#include "service/erasure/erased_patients.h"

namespace wellhead::app {

// Error{invalid_setting} for one of fewer than 32 bytes, and when the file can be neither read nor made.
std::string installation_secret(const meta::Settings& settings);

// nullptr, with a line in the log, where there is no secret.
std::unique_ptr<erasure::ErasureKey> erasure_key(const meta::Settings& settings);

}  // namespace wellhead::app
