#include "library/security/seal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace wellhead::security {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Seal, OpensWhatItSealed) {
  const Seal seal("key");
  for (const std::string& text : {std::string(), std::string("a"), std::string(1, '\0'), std::string(70'000, 'x')}) {
    EXPECT_EQ(seal.open("list", seal.seal("list", text)), text);
    EXPECT_EQ(seal.open("", seal.seal("", text)), text);
  }
}

TEST(Seal, ShowsNothingOfTheText) {
  const std::string text = "a patient's id that is long";
  const std::string sealed = Seal("key").seal("list", text);
  EXPECT_EQ(sealed.size(), text.size() + 17);
  for (std::size_t i = 0; i + 4 <= text.size(); ++i) EXPECT_THAT(sealed, Not(HasSubstr(text.substr(i, 4))));
}

TEST(Seal, IsTheSameForTheSame) {
  EXPECT_EQ(Seal("key").seal("list", "text"), Seal("key").seal("list", "text"));
  EXPECT_NE(Seal("key").seal("list", "text"), Seal("key").seal("lisu", "text"));
}

TEST(Seal, OpensNothingElse) {
  const Seal seal("key");
  const std::string sealed = seal.seal("list", "text");
  EXPECT_EQ(seal.open("other", sealed), std::nullopt);
  EXPECT_EQ(seal.open("", sealed), std::nullopt);
  EXPECT_EQ(Seal("another key").open("list", sealed), std::nullopt);
  for (std::size_t i = 0; i < sealed.size(); ++i) {
    std::string changed = sealed;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    EXPECT_EQ(seal.open("list", changed), std::nullopt);
    EXPECT_EQ(seal.open("list", sealed.substr(0, i)), std::nullopt);
  }
  EXPECT_EQ(seal.open("list", sealed + "a"), std::nullopt);
}

}  // namespace
}  // namespace wellhead::security
