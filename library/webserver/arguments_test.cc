#include "library/webserver/arguments.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/webserver/cursor.h"
#include "library/webserver/http.h"

namespace wellhead::webserver {
namespace {

std::optional<std::string> checked(ParameterType type, const std::string& value) {
  const std::vector<Parameter> parameters = {{.name = "it", .type = type, .choices = {"a", "b"}}};
  Arguments arguments;
  const auto errors = check_arguments(parameters, {}, {{"it", value}}, "", arguments);
  if (!errors.empty()) return std::nullopt;
  return std::string(*arguments.text("it"));
}

std::string from_body(ParameterType type, const std::string& json) {
  const std::vector<Parameter> parameters = {{.name = "it", .in = ParameterIn::body, .type = type}};
  Arguments arguments;
  const auto errors = check_arguments(parameters, {}, {}, "{\"it\":" + json + "}", arguments);
  return errors.empty() ? std::string(*arguments.text("it")) : "error: " + errors.front().message;
}

TEST(Arguments, TakeDatesThatExist) {
  EXPECT_EQ(checked(ParameterType::date, "2024-02-29"), "2024-02-29");
  for (const std::string bad : {"2023-02-29", "2024-13-01", "2024-00-10", "2024-1-1", "0000-01-01",
                                "2024-01-01T00:00:00Z", "infinity", "now"}) {
    EXPECT_EQ(checked(ParameterType::date, bad), std::nullopt) << bad;
  }
}

TEST(Arguments, TakeMomentsOfRfc3339) {
  EXPECT_EQ(checked(ParameterType::date_time, "2024-02-29T23:59:59.123456789-05:00"),
            "2024-02-29T23:59:59.123456789-05:00");
  EXPECT_EQ(checked(ParameterType::date_time, "2024-02-29T00:00:00 02:00"), "2024-02-29T00:00:00+02:00");
  for (const std::string bad :
       {"2024-02-29", "2024-02-29T24:00:00Z", "2024-02-29T00:60:00Z", "2024-02-29T00:00:60Z", "2024-02-29T00:00:00",
        "2024-02-29T00:00:00.Z", "2024-02-29T00:00:00+15:00", "2024-02-29T00:00:00+0200", "2024-02-29 00:00:00Z"}) {
    EXPECT_EQ(checked(ParameterType::date_time, bad), std::nullopt) << bad;
  }
}

TEST(Arguments, TakeZipcodes) {
  EXPECT_EQ(checked(ParameterType::zipcode, "02139"), "02139");
  EXPECT_EQ(checked(ParameterType::zipcode, "2139"), std::nullopt);
  EXPECT_EQ(from_body(ParameterType::zipcode, "\"02139\""), "02139");
  EXPECT_EQ(from_body(ParameterType::zipcode, "2139"), "02139");
  for (const std::string bad : {"\"2139\"", "-1", "100000", "2139.5", "null", "[2139]", "true", "\"\""}) {
    EXPECT_THAT(from_body(ParameterType::zipcode, bad), ::testing::StartsWith("error: ")) << bad;
  }
}

TEST(Arguments, TakeChoicesAndBooleansAsTheyAreWritten) {
  EXPECT_EQ(checked(ParameterType::choice, "b"), "b");
  EXPECT_EQ(checked(ParameterType::choice, "B"), std::nullopt);
  EXPECT_EQ(checked(ParameterType::boolean, "true"), "true");
  EXPECT_EQ(checked(ParameterType::boolean, "1"), std::nullopt);
  EXPECT_EQ(from_body(ParameterType::boolean, "false"), "false");
  EXPECT_EQ(from_body(ParameterType::integer, "-3"), "-3");
  EXPECT_EQ(from_body(ParameterType::integer, "\"3\""), "error: is no integer");
  EXPECT_EQ(from_body(ParameterType::integer, "3.0"), "3");
  EXPECT_EQ(from_body(ParameterType::integer, "3.5"), "error: has the wrong type");
  EXPECT_EQ(from_body(ParameterType::integer, "1e300"), "error: has the wrong type");
  EXPECT_EQ(from_body(ParameterType::zipcode, "2139.0"), from_body(ParameterType::zipcode, "2139"));
}

TEST(Arguments, NameWhatIsWrongInFewWords) {
  const std::vector<Parameter> parameters = {{.name = "it"}, {.name = "word", .in = ParameterIn::body}};
  Arguments arguments;
  const auto nameless = check_arguments(parameters, {}, {{"", "x"}}, R"({"": 1})", arguments);
  ASSERT_EQ(nameless.size(), 2U);
  EXPECT_EQ(nameless[0].field, "query");
  EXPECT_EQ(nameless[1].field, "body");
  // Cut between characters: the answer is UTF-8.
  std::string name = "x";
  for (int i = 0; i < 80; ++i) name += "\xc3\xa9";
  EXPECT_EQ(check_arguments(parameters, {}, {{name, ""}}, "{}", arguments).front().field, name.substr(0, 99));
  EXPECT_EQ(check_arguments(parameters, {}, RawValues(5'000, {"no", ""}), "{}", arguments).size(), 20U);
}

TEST(PercentCoding, GoesBothWays) {
  const std::string text = "a b/c?d&e=f+g%h\xc3\xa9~";
  EXPECT_EQ(decode_percent(encode_percent(text), true), text);
  EXPECT_EQ(encode_percent("a b&\xc3\xa9"), "a%20b%26%C3%A9");
  EXPECT_EQ(decode_percent("%4", false), std::nullopt);
  EXPECT_EQ(decode_percent("a%2", false), std::nullopt);
}

class Cursor : public ::testing::Test {
 protected:
  Cursor() { key_.set("secret"); }
  CursorKey key_;
};

TEST_F(Cursor, ComesBackOnlyAsItWasMadeAndForItsList) {
  const std::vector<std::string> parts = {"patient-1", "", "7"};
  const std::string cursor = encode_cursor(&key_, "patients?zipcode=02139", parts);
  EXPECT_EQ(decode_cursor(&key_, "patients?zipcode=02139", cursor), parts);
  EXPECT_EQ(decode_cursor(&key_, "patients?zipcode=02140", cursor), std::nullopt);
  EXPECT_EQ(encode_percent(cursor), cursor);
}

TEST_F(Cursor, IsRefusedWithAnyByteChangedOrMissing) {
  const std::string cursor = encode_cursor(&key_, "list", {"key"});
  for (std::size_t i = 0; i < cursor.size(); ++i) {
    for (const char other : std::string("AZaz09-_=. ")) {
      std::string changed = cursor;
      if (changed[i] == other) continue;
      changed[i] = other;
      EXPECT_EQ(decode_cursor(&key_, "list", changed), std::nullopt) << changed;
    }
    EXPECT_EQ(decode_cursor(&key_, "list", cursor.substr(0, i)), std::nullopt);
  }
  EXPECT_EQ(decode_cursor(&key_, "list", cursor + "A"), std::nullopt);
}

TEST_F(Cursor, IsOfOneKey) {
  CursorKey same;
  same.set("secret");
  same.set("what comes later");
  CursorKey other;
  other.set("another");
  const std::string cursor = encode_cursor(&key_, "list", {"key"});
  EXPECT_EQ(encode_cursor(&same, "list", {"key"}), cursor);
  EXPECT_EQ(decode_cursor(&other, "list", cursor), std::nullopt);
  const CursorKey none;
  EXPECT_THROW(encode_cursor(&none, "list", {"key"}), meta::Error);
  EXPECT_THROW(encode_cursor(nullptr, "list", {"key"}), meta::Error);
}

TEST(Accept, ChoosesTheClosestRange) {
  EXPECT_TRUE(accepts("", "text/html"));
  EXPECT_TRUE(accepts("text/html; charset=utf-8, */*;q=0.1", "application/json"));
  EXPECT_TRUE(accepts("APPLICATION/JSON", "application/json; charset=utf-8"));
  EXPECT_FALSE(accepts("text/html", "application/json"));
  EXPECT_FALSE(accepts("application/json;q=0.0, */*", "application/json"));
  EXPECT_FALSE(accepts("application/*;q=0, */*;q=1", "application/json"));
  EXPECT_FALSE(accepts(",", "application/json"));
}

}  // namespace
}  // namespace wellhead::webserver
