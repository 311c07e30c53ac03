// Opaque cursors for keyset paging: where a list goes on, with a checksum over the list it belongs to, so that a
// damaged cursor, or one of another list or other filters, is refused instead of giving wrong rows.
//
// The checksum is no secret: a cursor grants nothing that the list's own filters would not.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::webserver {

// scope: the list and its filters in canonical form. parts: anything; at most 255 of 64 KiB.
std::string encode_cursor(std::string_view scope, const std::vector<std::string>& parts);

// nullopt unless encode_cursor() made it with the same scope.
std::optional<std::vector<std::string>> decode_cursor(std::string_view scope, std::string_view cursor);

}  // namespace wellhead::webserver
