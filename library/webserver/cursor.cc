#include "library/webserver/cursor.h"

#include <chrono>
#include <cstddef>

#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::webserver {
namespace {

const security::Seal& seal_of(const CursorKey* key) {
  if (key == nullptr) throw meta::Error(meta::ErrorCode::internal, "the server has no key for cursors");
  return key->seal();
}

}  // namespace

void CursorKey::set(std::string_view key) {
  const std::scoped_lock lock(mutex_);
  if (owned_) return;
  owned_ = std::make_unique<const security::Seal>(key);
  seal_.store(owned_.get());
}

const security::Seal& CursorKey::seal() const {
  const security::Seal* seal = seal_.load();
  if (seal != nullptr) return *seal;
  meta::Error error(meta::ErrorCode::database_unreachable,
                    "the key of cursors has not been read from the database yet");
  error.set_retry_after(std::chrono::seconds(1));
  throw error;
}

std::string encode_cursor(const CursorKey* key, std::string_view scope, const std::vector<std::string>& parts) {
  std::string payload;
  for (const std::string& part : parts) {
    payload.push_back(static_cast<char>(part.size() >> 8));
    payload.push_back(static_cast<char>(part.size() & 255));
    payload.append(part);
  }
  return security::to_base64url(seal_of(key).seal(scope, payload));
}

std::optional<std::vector<std::string>> decode_cursor(const CursorKey* key, std::string_view scope,
                                                      std::string_view cursor) {
  const security::Seal& seal = seal_of(key);
  const auto bytes = security::from_base64url(cursor);
  if (!bytes) return std::nullopt;
  const auto opened = seal.open(scope, *bytes);
  if (!opened) return std::nullopt;
  std::string_view payload = *opened;
  std::vector<std::string> parts;
  while (!payload.empty()) {
    if (payload.size() < 2) return std::nullopt;
    const std::size_t length =
        static_cast<std::size_t>(static_cast<unsigned char>(payload[0])) << 8 | static_cast<unsigned char>(payload[1]);
    if (payload.size() - 2 < length) return std::nullopt;
    parts.emplace_back(payload.substr(2, length));
    payload.remove_prefix(2 + length);
  }
  return parts;
}

}  // namespace wellhead::webserver
