#include "library/security/jwt.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <memory>

#include "library/meta/error.h"
#include "library/security/secret.h"

namespace wellhead::security {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Key = std::shared_ptr<EVP_PKEY>;

constexpr std::int64_t kNow = 1'800'000'000;
const std::string kSecret = "a secret that is long enough for HS256";

std::string number(const Key& key, const char* name, int size = 0) {
  BIGNUM* big = nullptr;
  EXPECT_EQ(EVP_PKEY_get_bn_param(key.get(), name, &big), 1);
  std::string bytes(static_cast<std::size_t>(size > 0 ? size : BN_num_bytes(big)), '\0');
  BN_bn2binpad(big, reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(bytes.size()));
  BN_free(big);
  return to_base64url(bytes);
}

std::string sign(const Key& key, const std::string& text) {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 0;
  const auto* bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key.get());
  EVP_DigestSign(context, nullptr, &size, bytes, text.size());
  std::string signature(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, text.size());
  EVP_MD_CTX_free(context);
  signature.resize(size);
  if (EVP_PKEY_is_a(key.get(), "RSA") == 1) return signature;
  // DER to the two numbers of a JWS.
  const auto* der = reinterpret_cast<const unsigned char*>(signature.data());
  ECDSA_SIG* pair = d2i_ECDSA_SIG(nullptr, &der, static_cast<long>(signature.size()));
  std::string raw(64, '\0');
  BN_bn2binpad(ECDSA_SIG_get0_r(pair), reinterpret_cast<unsigned char*>(raw.data()), 32);
  BN_bn2binpad(ECDSA_SIG_get0_s(pair), reinterpret_cast<unsigned char*>(raw.data()) + 32, 32);
  ECDSA_SIG_free(pair);
  return raw;
}

class JwtTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rsa = Key(EVP_RSA_gen(2048), EVP_PKEY_free);
    ec = Key(EVP_EC_gen("P-256"), EVP_PKEY_free);
  }
  static void TearDownTestSuite() {
    rsa.reset();
    ec.reset();
  }

  static std::string jwks() {
    return fmt::format(
        R"({{"keys": [{{"kty": "RSA", "kid": "r", "use": "sig", "n": "{}", "e": "{}"}},
                      {{"kty": "EC", "crv": "P-256", "kid": "e", "alg": "ES256", "x": "{}", "y": "{}"}},
                      {{"kty": "RSA", "kid": "enc", "use": "enc", "n": "AQAB", "e": "AQAB"}},
                      {{"kty": "oct", "kid": "o", "k": "AQAB"}}, {{"kty": "OKP", "crv": "Ed25519", "x": "AQAB"}}]}})",
        number(rsa, OSSL_PKEY_PARAM_RSA_N), number(rsa, OSSL_PKEY_PARAM_RSA_E),
        number(ec, OSSL_PKEY_PARAM_EC_PUB_X, 32), number(ec, OSSL_PKEY_PARAM_EC_PUB_Y, 32));
  }
  static std::string claims(const std::string& more = R"("wellhead_role": "reader")",
                            const std::string& expires = std::to_string(kNow + 60)) {
    return fmt::format(R"({{"iss": "https://id.test", "aud": ["x", "wellhead"], "sub": "ann", "exp": {}, {}}})",
                       expires, more);
  }
  static std::string text(const std::string& header, const std::string& claims) {
    return to_base64url(header) + "." + to_base64url(claims);
  }
  static std::string token(const Key& key, const std::string& header, const std::string& claims) {
    const std::string signed_text = text(header, claims);
    return signed_text + "." + to_base64url(sign(key, signed_text));
  }
  static std::string shared(const std::string& header, const std::string& claims, const std::string& secret = kSecret) {
    const std::string signed_text = text(header, claims);
    return signed_text + "." + to_base64url(KeyedDigest(secret).of(signed_text));
  }
  std::string refusal(const std::string& token) const {
    const auto verified = verify(token);
    return verified ? "taken" : std::string(verified.error());
  }
  std::expected<JwtClaims, std::string_view> verify(const std::string& token) const {
    return verify_jwt(token, keys_, rules_, std::chrono::system_clock::from_time_t(kNow));
  }

  static inline Key rsa, ec;
  JwtKeys keys_ = JwtKeys::parse(jwks());
  JwtRules rules_{.issuer = "https://id.test", .audience = "wellhead"};
};

constexpr const char* kRs = R"({"alg": "RS256", "kid": "r"})";
constexpr const char* kEs = R"({"alg": "ES256", "kid": "e"})";
constexpr const char* kHs = R"({"alg": "HS256"})";
constexpr const char* kForged = "no signature of a key and algorithm that are taken here";

TEST_F(JwtTest, TakesTheThreeAlgorithms) {
  EXPECT_EQ(keys_.size(), 2);
  EXPECT_TRUE(keys_.has("r"));
  const auto verified =
      verify(token(rsa, kRs, claims(R"("wellhead_role": "reader", "wellhead_zips": ["021*", "02474"])")));
  ASSERT_TRUE(verified);
  EXPECT_EQ(verified->subject, "ann");
  EXPECT_EQ(verified->role, "reader");
  EXPECT_TRUE(verified->has_zips);
  EXPECT_THAT(verified->zips, ElementsAre("021*", "02474"));
  EXPECT_EQ(refusal(token(ec, kEs, claims())), "taken");
  EXPECT_EQ(refusal(token(ec, R"({"alg": "ES256", "typ": "at+jwt"})", claims())), "taken");
  rules_.secret = kSecret;
  EXPECT_EQ(refusal(shared(kHs, claims())), "taken");
  EXPECT_EQ(key_id_of(token(rsa, kRs, claims())), "r");
  EXPECT_EQ(key_id_of("x.y.z"), std::nullopt);
}

TEST_F(JwtTest, RefusesConfusedAlgorithms) {
  // A public key is no secret: as an HMAC's key it must prove nothing, whatever stands for it.
  rules_.secret = kSecret;
  EXPECT_EQ(refusal(shared(kHs, claims(), number(rsa, OSSL_PKEY_PARAM_RSA_N))), kForged);
  EXPECT_EQ(refusal(shared(R"({"alg": "HS256", "kid": "r"})", claims(), jwks())), kForged);
  rules_.secret.clear();
  EXPECT_EQ(refusal(shared(kHs, claims())), kForged);
  EXPECT_EQ(refusal(shared(kHs, claims(), "")), kForged);
  for (const auto* algorithm : {"none", "None", "NONE", "", "RS512", "PS256", "ES384", "HS512", "rs256"}) {
    const std::string header = fmt::format(R"({{"alg": "{}", "kid": "r"}})", algorithm);
    EXPECT_EQ(refusal(token(rsa, header, claims())), kForged) << algorithm;
    EXPECT_EQ(refusal(text(header, claims()) + "."), kForged) << algorithm;
  }
  EXPECT_EQ(refusal(token(rsa, R"({"alg": "ES256"})", claims())), kForged);
  EXPECT_EQ(refusal(token(ec, R"({"alg": "RS256"})", claims())), kForged);
  EXPECT_EQ(refusal(token(rsa, R"({"alg": "RS256", "kid": "e"})", claims())), kForged);
  EXPECT_EQ(refusal(token(rsa, R"({"alg": "RS256", "kid": "unknown"})", claims())), kForged);
  EXPECT_EQ(refusal(token(rsa, R"({"alg": "RS256", "crit": ["exp"], "exp": 1})", claims())), "a critical header");
  EXPECT_EQ(refusal(token(rsa, R"({"alg": "none", "alg": "RS256"})", claims())), "malformed");
}

TEST_F(JwtTest, RefusesAChangedToken) {
  const std::string good = token(rsa, kRs, claims());
  std::string other_claims = good;
  other_claims[good.find('.') + 9] ^= 1;
  EXPECT_NE(refusal(other_claims), "taken");
  EXPECT_NE(refusal(good + "A"), "taken");
  EXPECT_NE(refusal(good + "."), "taken");
  EXPECT_NE(refusal(good.substr(0, good.size() - 4)), "taken");
  for (const auto* bad : {"", ".", "..", "a.b", "a.b.c.d", "\xff.\xff.\xff"}) EXPECT_NE(refusal(bad), "taken") << bad;
  EXPECT_EQ(refusal(std::string(9000, 'A') + ".A.A"), "no token");
}

TEST_F(JwtTest, LooksAtIssuerAudienceAndTime) {
  const auto with = [&](const std::string& json) { return refusal(token(rsa, kRs, json)); };
  EXPECT_EQ(with(R"({"iss": "https://evil.test", "aud": "wellhead", "sub": "a", "exp": 1900000000})"),
            "another issuer");
  EXPECT_EQ(with(R"({"iss": "https://id.test", "aud": "other", "sub": "a", "exp": 1900000000})"), "another audience");
  EXPECT_EQ(with(R"({"iss": "https://id.test", "sub": "a", "exp": 1900000000})"), "another audience");
  EXPECT_EQ(with(R"({"iss": "https://id.test", "aud": "wellhead", "sub": "a"})"), "no expiry");
  EXPECT_EQ(with(R"({"iss": "https://id.test", "aud": "wellhead", "exp": 1900000000})"), "no subject");
  EXPECT_EQ(with(R"([1])"), "malformed");
  EXPECT_EQ(with(claims(R"("a": 1)", std::to_string(kNow - 29))), "taken");
  EXPECT_EQ(with(claims(R"("a": 1)", std::to_string(kNow - 30))), "expired");
  for (const auto* expires : {"-1", "1e300", "\"1900000000\"", "null"}) {
    EXPECT_EQ(with(claims(R"("a": 1)", expires)), "no expiry") << expires;
  }
  EXPECT_EQ(with(claims(fmt::format("\"nbf\": {}", kNow + 30))), "taken");
  EXPECT_EQ(with(claims(fmt::format("\"nbf\": {}", kNow + 31))), "not valid yet");
  EXPECT_EQ(with(claims(R"("iat": "x")")), "not valid yet");
  EXPECT_EQ(with(claims(R"("wellhead_zips": "021*")")), "zip codes that are no list of texts");
  EXPECT_EQ(with(claims(R"("exp": 1900000000)")), "malformed");  // twice
}

TEST(JwtKeys, RefusesWhatIsOfNoUse) {
  for (const std::string& bad :
       {std::string(), std::string("{}"), std::string(R"({"keys": 1})"), std::string(R"({"keys": [1]})"),
        std::string(R"({"keys": [{"kty": "RSA", "n": "AQAB", "e": "AQAB"}]})"),
        std::string(R"({"keys": [{"kty": "RSA", "e": "AQAB"}]})"),
        std::string(R"({"keys": [{"kty": "EC", "crv": "P-256", "x": "AQAB", "y": "AQAB"}]})"),
        R"({"keys": [{"kty": "EC", "crv": "P-256", "x": ")" + to_base64url(std::string(32, 'a')) + R"(", "y": ")" +
            to_base64url(std::string(32, 'b')) + R"("}]})"}) {
    EXPECT_THROW(JwtKeys::parse(bad), meta::Error) << bad;
  }
  EXPECT_EQ(JwtKeys::parse(R"({"keys": []})").size(), 0);
}

}  // namespace
}  // namespace wellhead::security
