// What a client would like (Prefer, RFC 7240): never an error when it is not understood.
#pragma once

#include <string_view>

namespace wellhead::webserver {

// The value of one preference in the header's value; empty when it is absent. prefer: `count=exact, wait=10`.
std::string_view preference(std::string_view prefer, std::string_view name);

}  // namespace wellhead::webserver
