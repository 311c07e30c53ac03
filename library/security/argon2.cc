#include "library/security/argon2.h"

#include <argon2.h>

#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::security {
namespace {

// OWASP's "Password Storage Cheat Sheet": m = 19 MiB, t = 2, p = 1.
constexpr std::uint32_t kPasses = 2;
constexpr std::uint32_t kKibibytes = 19 * 1024;
constexpr std::uint32_t kLanes = 1;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;

}  // namespace

std::string argon2id(std::string_view secret) {
  const std::string salt = random_bytes(kSaltBytes);
  std::string text(argon2_encodedlen(kPasses, kKibibytes, kLanes, kSaltBytes, kHashBytes, Argon2_id), '\0');
  const int status = argon2id_hash_encoded(kPasses, kKibibytes, kLanes, secret.data(), secret.size(), salt.data(),
                                           salt.size(), kHashBytes, text.data(), text.size());
  if (status != ARGON2_OK) {
    throw meta::Error(meta::ErrorCode::internal, std::string("argon2id failed: ") + argon2_error_message(status));
  }
  text.resize(text.find('\0'));
  return text;
}

bool argon2id_matches(const std::string& hash, std::string_view secret) {
  return argon2id_verify(hash.c_str(), secret.data(), secret.size()) == ARGON2_OK;
}

}  // namespace wellhead::security
