// Content codings of HTTP (RFC 9110 §8.4.1; zstd: RFC 8878). Compressing blocks for as long as it takes: a few
// milliseconds for a page of a list.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "library/webserver/http.h"

namespace wellhead::webserver {

enum class Coding { identity, gzip, zstd };
std::string_view to_string(Coding coding);

// Throws Error{internal} when the library refuses.
std::string encoded(std::string_view body, Coding coding);
// Piece by piece: each can be read by the client when it comes.
std::shared_ptr<BodyStream> encoded(std::shared_ptr<BodyStream> stream, Coding coding);

}  // namespace wellhead::webserver
