#include "service/access/token_gate.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <fstream>
#include <functional>
#include <memory>
#include <mutex>
#include <utility>

#include "library/meta/error.h"
#include "library/security/secret.h"
#include "library/webclient/testing/scripted_server.h"
#include "library/webserver/http.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/wait.h"

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

// An RSA key of the issuer's.
class SigningKey {
 public:
  explicit SigningKey(std::string id) : id_(std::move(id)), key_(EVP_RSA_gen(2048), EVP_PKEY_free) {}

  std::string jwk() const {
    return fmt::format(R"({{"kty": "RSA", "kid": "{}", "n": "{}", "e": "{}"}})", id_, number(OSSL_PKEY_PARAM_RSA_N),
                       number(OSSL_PKEY_PARAM_RSA_E));
  }
  // as: the key that it says it is signed by.
  std::string token(const std::string& as = {}) const {
    const std::string header = fmt::format(R"({{"alg": "RS256", "kid": "{}"}})", as.empty() ? id_ : as);
    const std::string text =
        security::to_base64url(header) + "." +
        security::to_base64url(
            R"({"iss": "https://id.test", "aud": "wellhead", "sub": "ann", "exp": 4000000000, "wellhead_role": "reader"})");
    return text + "." + security::to_base64url(sign(text));
  }

 private:
  std::string number(const char* name) const {
    BIGNUM* big = nullptr;
    EVP_PKEY_get_bn_param(key_.get(), name, &big);
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(big)), '\0');
    BN_bn2bin(big, reinterpret_cast<unsigned char*>(bytes.data()));
    BN_free(big);
    return security::to_base64url(bytes);
  }
  std::string sign(const std::string& text) const {
    const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(), EVP_MD_CTX_free);
    std::string signature(256, '\0');
    std::size_t size = signature.size();
    EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key_.get());
    EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                   reinterpret_cast<const unsigned char*>(text.data()), text.size());
    return signature;
  }

  std::string id_;
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
};

// Runs on the test's thread what the gate's own thread has for it.
class TestWorker final : public webserver::Worker {
 public:
  std::size_t index() const override { return 0; }
  void post(std::function<void()> function) override {
    const std::scoped_lock lock(mutex_);
    functions_.push_back(std::move(function));
    wake_.notify_one();
  }
  void post_after(std::chrono::milliseconds, std::function<void()> function) override { post(std::move(function)); }
  bool stopping() const override { return false; }
  void run_until(const std::function<bool()>& done) {
    while (!done()) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return !functions_.empty(); });
      const auto next = std::move(functions_.front());
      functions_.pop_front();
      lock.unlock();
      next();
    }
  }

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> functions_;
};

webserver::Detached look_into(TokenGate* gate, std::string credential, webserver::Worker* worker,
                              std::optional<Verdict>* verdict) {
  auto checking = gate->check(std::move(credential), *worker);
  *verdict = co_await checking;
}

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

// RFC 7517 §5: the issuer's keys come from a URL, and are asked for again when a token names one that is not there.
TEST_F(TokenGateTest, ReadsTheIssuersKeysFromAUrl) {
  SigningKey first("first");
  SigningKey second("second");
  std::atomic<bool> renewed = false;
  const webclient::testing::ScriptedServer issuer([&](const webclient::testing::Received&) {
    const std::string keys = renewed ? first.jwk() + "," + second.jwk() : first.jwk();
    return webclient::testing::Reply{.headers = {{"Content-Type", "application/jwk-set+json"}},
                                     .body = "{\"keys\": [" + keys + "]}"};
  });
  options_.keys = issuer.url() + "/jwks.json";
  options_.rules.secret.clear();
  options_.pause = std::chrono::milliseconds(50);
  TokenGate gate(options_, others_);
  gate.start();
  fixture::wait_until([&] { return gate.known(first.token()).value_or(Verdict{}).kind == Kind::granted; });
  EXPECT_EQ(issuer.received().front().target, "/jwks.json");
  // Signed by another than it says.
  EXPECT_NE(gate.known(second.token("first")).value_or(Verdict{}).kind, Kind::granted);
  renewed = true;
  // An answer that takes a look is none yet: the keys are worth reading again.
  fixture::wait_until([&] { return !gate.known(second.token()).has_value(); });
  TestWorker worker;
  std::optional<Verdict> verdict;
  look_into(&gate, second.token(), &worker, &verdict);
  worker.run_until([&] { return verdict.has_value(); });
  EXPECT_EQ(verdict->kind, Kind::granted);
  EXPECT_EQ(gate.known(second.token()).value_or(Verdict{}).kind, Kind::granted);
  EXPECT_EQ(gate.known(first.token()).value_or(Verdict{}).kind, Kind::granted);
  gate.stop();
}

}  // namespace
}  // namespace wellhead::access
