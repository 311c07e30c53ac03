// Azure's blob service: block blobs in a container, by shared key or shared access signature. Private to this folder.
#pragma once

#include <memory>
#include <string_view>

#include "library/storage/blob/object_dialect.h"
#include "library/storage/blob/object_settings.h"

namespace wellhead::storage {

// place: container/prefix. Error{invalid_setting}.
std::unique_ptr<ObjectDialect> make_azure_dialect(std::string_view place, const ObjectStoreSettings& settings);

}  // namespace wellhead::storage
