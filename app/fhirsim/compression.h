#pragma once

#include "app/fhirsim/buffer.h"

namespace wellhead::fhirsim {

// Replaces the content by its gzip form (RFC 1952), at the fastest level.
void compress_gzip(Buffer& body);

}  // namespace wellhead::fhirsim
