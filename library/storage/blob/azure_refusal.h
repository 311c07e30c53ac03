// What the errors of Azure's blob service mean for us, and what to do about them. Private to this folder.
#pragma once

#include <string>

#include "library/storage/blob/object_dialect.h"

namespace wellhead::storage {

Refusal azure_refusal(const ObjectRequest& request, const ObjectAnswer& answer, const std::string& container);

}  // namespace wellhead::storage
