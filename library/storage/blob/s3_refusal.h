// What S3's errors mean for us, and what to do about them. Private to this folder.
#pragma once

#include <string>

#include "library/storage/blob/object_dialect.h"

namespace wellhead::storage {

Refusal s3_refusal(const ObjectRequest& request, const ObjectAnswer& answer, const std::string& bucket);

}  // namespace wellhead::storage
