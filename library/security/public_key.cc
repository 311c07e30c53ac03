#include "library/security/public_key.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <string>

#include "library/meta/error.h"

namespace wellhead::security {
namespace {

constexpr int kLeastRsaBits = 2048;
constexpr std::size_t kNumberBytes = 32;  // of P-256

const unsigned char* octets_of(std::string_view text) { return reinterpret_cast<const unsigned char*>(text.data()); }

template <class T, void (*Free)(T*)>
struct Freeing {
  void operator()(T* object) const { Free(object); }
};
using Number = std::unique_ptr<BIGNUM, Freeing<BIGNUM, BN_free>>;
using Builder = std::unique_ptr<OSSL_PARAM_BLD, Freeing<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free>>;
using Parameters = std::unique_ptr<OSSL_PARAM, Freeing<OSSL_PARAM, OSSL_PARAM_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freeing<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freeing<EVP_MD_CTX, EVP_MD_CTX_free>>;
using EcdsaSignature = std::unique_ptr<ECDSA_SIG, Freeing<ECDSA_SIG, ECDSA_SIG_free>>;

[[noreturn]] void bad_key(const char* why) {
  throw meta::Error(meta::ErrorCode::invalid_setting, std::string("a key of the JWK set is of no use: ") + why,
                    "Give the set that the issuer publishes");
}

Number number(std::string_view bytes) {
  return Number(BN_bin2bn(octets_of(bytes), static_cast<int>(bytes.size()), nullptr));
}

std::shared_ptr<EVP_PKEY> make_key(const char* type, OSSL_PARAM_BLD* builder) {
  const Parameters parameters(OSSL_PARAM_BLD_to_param(builder));
  const KeyContext context(EVP_PKEY_CTX_new_from_name(nullptr, type, nullptr));
  EVP_PKEY* key = nullptr;
  if (parameters == nullptr || context == nullptr || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_PUBLIC_KEY, parameters.get()) != 1) {
    bad_key("its numbers make no key");
  }
  return {key, EVP_PKEY_free};
}

// OpenSSL takes ECDSA's two numbers as DER.
std::string to_der(std::string_view signature) {
  if (signature.size() != 2 * kNumberBytes) return {};
  const EcdsaSignature pair(ECDSA_SIG_new());
  Number r = number(signature.substr(0, kNumberBytes));
  Number s = number(signature.substr(kNumberBytes));
  if (pair == nullptr || r == nullptr || s == nullptr || ECDSA_SIG_set0(pair.get(), r.get(), s.get()) != 1) return {};
  // They are the pair's now.
  static_cast<void>(r.release());  // NOLINT(bugprone-unused-return-value)
  static_cast<void>(s.release());  // NOLINT(bugprone-unused-return-value)
  unsigned char* der = nullptr;
  const int length = i2d_ECDSA_SIG(pair.get(), &der);
  if (length <= 0) return {};
  std::string out(reinterpret_cast<const char*>(der), static_cast<std::size_t>(length));
  OPENSSL_free(der);
  return out;
}

}  // namespace

PublicKey PublicKey::rsa(std::string_view modulus, std::string_view exponent) {
  const Builder builder(OSSL_PARAM_BLD_new());
  const Number n = number(modulus);
  const Number e = number(exponent);
  if (builder == nullptr || n == nullptr || e == nullptr ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, n.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, e.get()) != 1) {
    bad_key("its numbers make no RSA key");
  }
  auto key = make_key("RSA", builder.get());
  if (EVP_PKEY_get_bits(key.get()) < kLeastRsaBits) bad_key("it has fewer than 2048 bits");
  return {std::move(key), "RS256"};
}

PublicKey PublicKey::p256(std::string_view x, std::string_view y) {
  if (x.size() != kNumberBytes || y.size() != kNumberBytes) bad_key("a number of P-256 has 32 bytes");
  std::string point = "\x04";  // SEC 1 §2.3.3: uncompressed
  point.append(x).append(y);
  const Builder builder(OSSL_PARAM_BLD_new());
  if (builder == nullptr ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    bad_key("its numbers make no P-256 key");
  }
  return {make_key("EC", builder.get()), "ES256"};
}

bool PublicKey::verifies(std::string_view text, std::string_view signature) const {
  std::string der;
  if (algorithm_ == "ES256") {
    der = to_der(signature);
    signature = der;
  }
  const DigestContext context(EVP_MD_CTX_new());
  return context != nullptr && !signature.empty() &&
         EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get()) == 1 &&
         EVP_DigestVerify(context.get(), octets_of(signature), signature.size(), octets_of(text), text.size()) == 1;
}

}  // namespace wellhead::security
