#include "library/meta/digest.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include "library/meta/error.h"

namespace wellhead::meta {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

}  // namespace

struct Sha256::State {
  State() : context(EVP_MD_CTX_new()) {
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1) {
      throw Error(ErrorCode::internal, "OpenSSL offers no SHA-256");
    }
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  EVP_MD_CTX* context;
};

Sha256::Sha256() : state_(std::make_unique<State>()) {}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) { EVP_DigestUpdate(state_->context, bytes.data(), bytes.size()); }

std::string Sha256::finish() {
  std::array<unsigned char, 32> bytes{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(state_->context, bytes.data(), &length);
  std::string hex;
  hex.reserve(64);
  for (const unsigned char byte : bytes) {
    hex.push_back(kHexDigits[byte >> 4]);
    hex.push_back(kHexDigits[byte & 15]);
  }
  return hex;
}

std::string sha256_hex(std::string_view bytes) {
  Sha256 digest;
  digest.update(bytes);
  return digest.finish();
}

std::array<char, 32> RowDigest::hex() const {
  std::array<char, 32> out{};
  for (int i = 0; i < 16; ++i) {
    out[static_cast<std::size_t>(i)] = kHexDigits[(high >> (60 - 4 * i)) & 15];
    out[static_cast<std::size_t>(i) + 16] = kHexDigits[(low >> (60 - 4 * i)) & 15];
  }
  return out;
}

RowDigest row_digest(std::string_view bytes, std::uint64_t seed) {
  const XXH128_hash_t hash = XXH3_128bits_withSeed(bytes.data(), bytes.size(), seed);
  return {hash.high64, hash.low64};
}

}  // namespace wellhead::meta
