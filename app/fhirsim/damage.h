// Makes a resource malformed, as servers and the tools behind them do.
#pragma once

#include <string_view>

#include "app/fhirsim/buffer.h"

namespace wellhead::fhirsim {

// Damages the resource that `body` ends with, from `begin` on. what: see faults.h, `malformed`. A resource without the
// element that would be damaged stays whole.
void damage(std::string_view what, Buffer& body, std::size_t begin);

}  // namespace wellhead::fhirsim
