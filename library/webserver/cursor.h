// Opaque cursors for keyset paging: where a list goes on, sealed for the list it belongs to. A damaged or made-up
// cursor, or one of another list or other filters, is refused instead of giving wrong rows; and nobody reads in one
// what the list itself does not show.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/security/seal.h"

namespace wellhead::webserver {

// The key that cursors are sealed with, of all processes that serve one database. Thread-safe.
class CursorKey {
 public:
  // Once; what comes after the first is ignored. Until then the calls below throw Error{database_unreachable}.
  void set(std::string_view key);
  const security::Seal& seal() const;

 private:
  std::mutex mutex_;
  std::unique_ptr<const security::Seal> owned_;
  std::atomic<const security::Seal*> seal_ = nullptr;
};

// scope: the list and its filters in canonical form. parts: anything; at most 255 of 64 KiB. key: Request::cursors;
// Error{internal} when the server has none.
std::string encode_cursor(const CursorKey* key, std::string_view scope, const std::vector<std::string>& parts);

// nullopt unless encode_cursor() made it with the same key and scope.
std::optional<std::vector<std::string>> decode_cursor(const CursorKey* key, std::string_view scope,
                                                      std::string_view cursor);

}  // namespace wellhead::webserver
