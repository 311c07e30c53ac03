// Reading what object stores answer. Private to this folder.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "library/storage/blob/object_http.h"

namespace wellhead::storage {

struct StoreError {
  std::string code;
  std::string message;  // one line, shortened
};
// The <Error> of a body; nullopt: the body is none.
std::optional<StoreError> read_error(const std::string& body);

// What else came: "an HTML page", the beginning of plain text; empty when nothing did.
std::string describe_body(const ObjectAnswer& answer);

// Bucket or container and prefix of a store's URL, the scheme left out: "bucket/some/prefix". The prefix is empty or
// ends with a slash. Error{invalid_setting} for characters that would need encoding in a path.
struct StorePlace {
  std::string bucket;
  std::string prefix;
};
StorePlace parse_place(std::string_view place, std::string_view scheme);

// "https://host:port/path" without a slash at the end. Error{invalid_setting} when it has user, query or fragment.
std::string checked_endpoint(const std::string& url, std::string_view setting);

}  // namespace wellhead::storage
