#include "service/patient/address.h"

#include <gtest/gtest.h>

namespace wellhead::patient {
namespace {

std::optional<PatientHead> head(std::string json) {
  const auto size = json.size();
  json.append(64, ' ');
  return read_head(std::string_view(json).substr(0, size), meta::Zipcode::parse("02139"));
}

TEST(ReadHead, PrefersAnAddressThatIsNotOld) {
  const auto found = head(R"({"id":"a","address":[{"postalCode":"02115"},{"use":"old","postalCode":"02139"},
                             {"use":"home","postalCode":"02139-1234"}]})");
  ASSERT_TRUE(found && found->address);
  EXPECT_EQ(found->id, "a");
  EXPECT_EQ(found->address->index, 2);
  EXPECT_EQ(found->address->postal_code, "02139-1234");
}

TEST(ReadHead, TakesAnOldAddressIfNoOtherMatches) {
  const auto found = head(R"({"id":"a","address":[{"postalCode":"02115"},{"use":"old","postalCode":"02139"}]})");
  ASSERT_TRUE(found && found->address);
  EXPECT_EQ(found->address->index, 1);
}

TEST(ReadHead, LongerPostalCodeIsAnotherZip) {
  const auto found = head(R"({"id":"a","address":[{"postalCode":"021390"},7,{"postalCode":null}]})");
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->address);
}

TEST(ReadHead, ToleratesWhatIsMissingOrMistyped) {
  EXPECT_FALSE(head("{\"id\":"));
  EXPECT_FALSE(head("[]"));
  const auto found = head(R"({"id":7,"address":{"postalCode":"02139"}})");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->id, "");
  EXPECT_FALSE(found->address);
}

}  // namespace
}  // namespace wellhead::patient
