// Tokens as a client may send them: whatever the bytes are, they are refused without harm, for none is signed.
#include "library/security/jwt.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace security = wellhead::security;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // RFC 7515 §A.3's key, and a secret that the corpus does not know.
  static const auto keys = security::JwtKeys::parse(
      R"({"keys": [{"kty": "EC", "crv": "P-256", "kid": "e", "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
          "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]})");
  static const security::JwtRules rules{
      .issuer = "i", .audience = "a", .secret = "no token of the corpus is signed by this secret"};
  const std::string_view token(reinterpret_cast<const char*>(data), size);
  static_cast<void>(security::key_id_of(token));
  if (security::verify_jwt(token, keys, rules, std::chrono::system_clock::from_time_t(0))) std::abort();
  return 0;
}
