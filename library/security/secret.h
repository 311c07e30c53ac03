// Random secrets, their text, and keyed digests. Nothing here blocks or does I/O; everything is thread-safe.
//
// Error{internal} when OpenSSL has no random numbers or lacks an algorithm.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace wellhead::security {

// From OpenSSL's generator, which the system seeds.
std::string random_bytes(std::size_t count);

// RFC 4648 §5, without padding.
std::string to_base64url(std::string_view bytes);
// nullopt: another alphabet, padding, or bits left over that are not zero.
std::optional<std::string> from_base64url(std::string_view text);

// Lower-case hex digits.
std::string to_hex(std::string_view bytes);

// Takes as long wherever two texts of one length differ.
bool same_secret(std::string_view left, std::string_view right);

// HMAC-SHA256 (RFC 2104) by one key.
class KeyedDigest {
 public:
  explicit KeyedDigest(std::string_view key);
  ~KeyedDigest();
  KeyedDigest(const KeyedDigest&) = delete;
  KeyedDigest& operator=(const KeyedDigest&) = delete;

  // 32 bytes.
  std::string of(std::string_view text) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::security
