#include "service/access/token_gate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "library/meta/error.h"
#include "library/security/secret.h"
#include "tests/fixture/directory.h"

namespace wellhead::access {
namespace {

using ::testing::ElementsAre;
using webserver::Role;
using webserver::Verdict;
using Kind = Verdict::Kind;

const std::string kSecret = "a secret that is long enough for HS256";

// Stands for the gate of keys.
class Others final : public webserver::Gatekeeper {
 public:
  std::optional<Verdict> known(std::string_view credential) override {
    return Verdict{credential.empty() ? Kind::missing : Kind::refused, nullptr};
  }
  webserver::Task<Verdict> check(std::string, webserver::Worker&) override { co_return Verdict{}; }
};

class TokenGateTest : public ::testing::Test {
 protected:
  TokenGateTest() {
    options_.rules.issuer = "https://id.test";
    options_.rules.audience = "wellhead";
    options_.rules.secret = kSecret;
  }

  static std::string token(const std::string& claims, const std::string& header = R"({"alg": "HS256"})") {
    const std::string text =
        security::to_base64url(header) + "." +
        security::to_base64url(fmt::format(
            R"({{"iss": "https://id.test", "aud": "wellhead", "sub": "ann", "exp": 4000000000{}}})", claims));
    return text + "." + security::to_base64url(security::KeyedDigest(kSecret).of(text));
  }
  Verdict verdict(const std::string& credential) {
    TokenGate gate(options_, others_);
    gate.start();
    const auto verdict = gate.known(credential);
    return verdict.value_or(Verdict{Kind::unavailable, nullptr});
  }

  fixture::TestDirectory directory_;
  TokenGateOptions options_;
  Others others_;
};

TEST_F(TokenGateTest, KnowsRolesAndZipCodes) {
  const auto reader = verdict(token(R"(, "wellhead_role": "reader")"));
  ASSERT_EQ(reader.kind, Kind::granted);
  EXPECT_EQ(reader.principal->id, "https://id.test ann");
  EXPECT_EQ(reader.principal->role, Role::read);
  EXPECT_FALSE(reader.principal->limited());
  const auto limited = verdict(token(R"(, "wellhead_role": "admin", "wellhead_zips": ["021*", "02474"])"));
  ASSERT_EQ(limited.kind, Kind::granted);
  EXPECT_EQ(limited.principal->role, Role::administer);
  EXPECT_THAT(limited.principal->zip_prefixes, ElementsAre("021", "02474"));
}

TEST_F(TokenGateTest, RefusesWhatDoesNotSayWhatItMay) {
  for (const auto* claims :
       {"", R"(, "wellhead_role": "root")", R"(, "wellhead_role": ["reader"])",
        R"(, "wellhead_role": "reader", "wellhead_zips": [])", R"(, "wellhead_role": "reader", "wellhead_zips": ["*"])",
        R"(, "wellhead_role": "reader", "wellhead_zips": "021*")"}) {
    EXPECT_EQ(verdict(token(claims)).kind, Kind::refused) << claims;
  }
}

TEST_F(TokenGateTest, LeavesEverythingElseToTheOthers) {
  EXPECT_EQ(verdict("").kind, Kind::missing);
  EXPECT_EQ(verdict("wellhead_x").kind, Kind::refused);
}

TEST_F(TokenGateTest, NeedsItsFileAndWaitsForItsUrl) {
  options_.keys = (directory_.path() / "jwks.json").string();
  EXPECT_THROW(verdict(""), meta::Error);
  std::ofstream(options_.keys) << "{}";
  EXPECT_THROW(verdict(""), meta::Error);
  std::ofstream(options_.keys) << R"({"keys": []})";
  EXPECT_EQ(verdict(token(R"(, "wellhead_role": "reader")")).kind, Kind::granted);
  options_.keys = "http://127.0.0.1:1/jwks.json";
  EXPECT_EQ(verdict(token(R"(, "wellhead_role": "reader")")).kind, Kind::unavailable);
}

}  // namespace
}  // namespace wellhead::access
