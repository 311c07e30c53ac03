// Files of the pages, embedded as gzip.
#pragma once

#include <string>
#include <string_view>

namespace wellhead::api {

// For clients that take no gzip. Error{internal}: the file is damaged.
std::string inflated(std::string_view gzip);

}  // namespace wellhead::api
