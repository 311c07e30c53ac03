// Amazon's S3 and what speaks it: MinIO, Google Cloud Storage (with HMAC keys) and others. libcurl signs each request
// (AWS signature version 4, with the body's digest). Private to this folder.
#pragma once

#include <memory>
#include <string_view>

#include "library/storage/blob/object_dialect.h"
#include "library/storage/blob/object_settings.h"

namespace wellhead::storage {

// place: bucket/prefix. Error{invalid_setting}.
std::unique_ptr<ObjectDialect> make_s3_dialect(std::string_view place, const ObjectStoreSettings& settings);

}  // namespace wellhead::storage
