#include "library/webserver/cursor.h"

#include <cstdint>

#include "library/meta/digest.h"
#include "library/security/secret.h"

namespace wellhead::webserver {
namespace {

constexpr std::uint64_t kSeed = 0x77656c6c68656164;  // changes with the format: older cursors are refused then
constexpr std::size_t kChecksumBytes = 8;

std::string checksum(std::string_view scope, std::string_view payload) {
  std::string text;
  text.append(std::to_string(scope.size())).append(":").append(scope).append(payload);
  return std::string(meta::row_digest(text, kSeed).hex().data(), kChecksumBytes * 2);
}

}  // namespace

std::string encode_cursor(std::string_view scope, const std::vector<std::string>& parts) {
  std::string payload;
  for (const std::string& part : parts) {
    payload.push_back(static_cast<char>(part.size() >> 8));
    payload.push_back(static_cast<char>(part.size() & 255));
    payload.append(part);
  }
  return security::to_base64url(payload + checksum(scope, payload));
}

std::optional<std::vector<std::string>> decode_cursor(std::string_view scope, std::string_view cursor) {
  const auto bytes = security::from_base64url(cursor);
  if (!bytes || bytes->size() < kChecksumBytes * 2) return std::nullopt;
  std::string_view payload = *bytes;
  const std::string_view sum = payload.substr(payload.size() - kChecksumBytes * 2);
  payload.remove_suffix(kChecksumBytes * 2);
  if (sum != checksum(scope, payload)) return std::nullopt;
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
