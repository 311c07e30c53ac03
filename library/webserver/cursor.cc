#include "library/webserver/cursor.h"

#include <array>
#include <cstdint>

#include "library/meta/digest.h"

namespace wellhead::webserver {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::uint64_t kSeed = 0x77656c6c68656164;  // changes with the format: older cursors are refused then
constexpr std::size_t kChecksumBytes = 8;

// base64url without padding, RFC 4648 §5
std::string to_base64url(std::string_view bytes) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : bytes) {
    bits = (bits << 8) | static_cast<unsigned char>(c);
    for (count += 8; count >= 6; count -= 6) out.push_back(kAlphabet[(bits >> (count - 6)) & 63]);
  }
  if (count > 0) out.push_back(kAlphabet[(bits << (6 - count)) & 63]);
  return out;
}

std::optional<std::string> from_base64url(std::string_view text) {
  std::string out;
  std::uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const auto digit = kAlphabet.find(c);
    if (digit == std::string_view::npos) return std::nullopt;
    bits = (bits << 6) | static_cast<std::uint32_t>(digit);
    count += 6;
    if (count < 8) continue;
    count -= 8;
    out.push_back(static_cast<char>((bits >> count) & 255));
  }
  // The bits left over are zero in what to_base64url() makes.
  if (count >= 6 || (bits & ((1U << count) - 1)) != 0) return std::nullopt;
  return out;
}

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
  return to_base64url(payload + checksum(scope, payload));
}

std::optional<std::vector<std::string>> decode_cursor(std::string_view scope, std::string_view cursor) {
  const auto bytes = from_base64url(cursor);
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
