// JSON Web Tokens as bearer tokens (RFC 7519, 7515, 7517, 8725): signed with RS256, ES256 or HS256. Nothing here does
// I/O.
//
// What a key is decides by which algorithm it is used, never the token alone: an RSA key checks RS256 and nothing else,
// a P-256 key ES256, the shared secret HS256. `none` and every other algorithm are refused, and so is a token with a
// critical header (RFC 7515 §4.1.11).
#pragma once

#include <chrono>
#include <expected>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::security {

// A set of public keys. Never changes after it is made; thread-safe.
class JwtKeys {
 public:
  JwtKeys();
  // A JWK set: keys of other types, for other uses, or with no place here (encryption, other curves) are passed over.
  // Error{invalid_setting} when it is no JWK set, a key in it is broken or an RSA key is shorter than 2048 bits.
  static JwtKeys parse(std::string_view jwks);

  std::size_t size() const;
  bool has(std::string_view key_id) const;

  struct State;
  const State& state() const { return *state_; }

 private:
  std::shared_ptr<const State> state_;
};

struct JwtRules {
  std::string issuer;    // `iss` must be it
  std::string audience;  // `aud` must be it or have it
  std::chrono::seconds leeway{30};
  std::string secret;  // for HS256, at least 32 bytes; empty: HS256 is refused
  std::string role_claim = "wellhead_role";
  std::string zips_claim = "wellhead_zips";
};

struct JwtClaims {
  std::string subject;
  std::string role;               // empty: the token has none
  std::vector<std::string> zips;  // as the token has them
  bool has_zips = false;
  std::chrono::sys_seconds expires{};
};

// Whether a text has the form of a token: three parts with dots between.
bool looks_like_jwt(std::string_view text);

// `kid` of the header, unchecked, to find out whether the keys are too old for it.
std::optional<std::string> key_id_of(std::string_view token);

// What the token says, or why it is refused (without anything of its content). A token has to expire.
std::expected<JwtClaims, std::string_view> verify_jwt(std::string_view token, const JwtKeys& keys,
                                                      const JwtRules& rules, std::chrono::system_clock::time_point now);

}  // namespace wellhead::security
