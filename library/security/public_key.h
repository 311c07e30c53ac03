// A public key that checks signatures by the one algorithm it is for. Private to jwt.cc.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

struct evp_pkey_st;  // NOLINT(readability-identifier-naming): OpenSSL's name

namespace wellhead::security {

class PublicKey {
 public:
  // Big-endian numbers, as JWKs have them. Error{invalid_setting} when they make no key; of RSA also when it is shorter
  // than 2048 bits.
  static PublicKey rsa(std::string_view modulus, std::string_view exponent);
  static PublicKey p256(std::string_view x, std::string_view y);

  // RS256 or ES256, as a JWS header says it.
  std::string_view algorithm() const { return algorithm_; }
  // signature as a JWS has it: of ES256 two numbers of 32 bytes.
  bool verifies(std::string_view text, std::string_view signature) const;

 private:
  PublicKey(std::shared_ptr<evp_pkey_st> key, std::string_view algorithm)
      : key_(std::move(key)), algorithm_(algorithm) {}

  std::shared_ptr<evp_pkey_st> key_;
  std::string_view algorithm_;
};

}  // namespace wellhead::security
