#include "library/security/secret.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/security/argon2.h"

namespace wellhead::security {
namespace {

using ::testing::StartsWith;

TEST(Secret, WritesAndReadsBase64url) {
  EXPECT_EQ(to_base64url(""), "");
  EXPECT_EQ(to_base64url("f"), "Zg");
  EXPECT_EQ(to_base64url("foob"), "Zm9vYg");
  EXPECT_EQ(to_base64url("\xfb\xff"), "-_8");
  for (std::size_t size = 0; size < 70; ++size) {
    const std::string bytes = random_bytes(size);
    EXPECT_EQ(from_base64url(to_base64url(bytes)), bytes);
  }
  for (const auto* bad : {"Z", "Zh", "Zg==", "Z g", "-+", "\xff\xff"}) EXPECT_EQ(from_base64url(bad), std::nullopt);
}

TEST(Secret, ComparesAndDrawsAnew) {
  EXPECT_TRUE(same_secret("abc", "abc"));
  EXPECT_FALSE(same_secret("abc", "abd"));
  EXPECT_FALSE(same_secret("abc", "ab"));
  EXPECT_NE(random_bytes(32), random_bytes(32));
}

// RFC 4231 §4.3.
TEST(Secret, DigestsByAKey) {
  const KeyedDigest digest("Jefe");
  EXPECT_EQ(to_hex(digest.of("what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(digest.of("a"), digest.of("a"));
  EXPECT_NE(digest.of("a"), digest.of("b"));
}

TEST(Argon2, MatchesOnlyItsSecret) {
  const std::string hash = argon2id("secret");
  EXPECT_THAT(hash, StartsWith("$argon2id$v=19$m=19456,t=2,p=1$"));
  EXPECT_TRUE(argon2id_matches(hash, "secret"));
  EXPECT_FALSE(argon2id_matches(hash, "secreT"));
  EXPECT_FALSE(argon2id_matches("secret", "secret"));
  EXPECT_FALSE(argon2id_matches("", ""));
  EXPECT_NE(argon2id("secret"), hash);
}

}  // namespace
}  // namespace wellhead::security
