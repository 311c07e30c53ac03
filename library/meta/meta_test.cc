#include <gtest/gtest.h>

#include "library/meta/clock.h"
#include "library/meta/describe.h"
#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/meta/ids.h"
#include "library/meta/json_value.h"

namespace wellhead::meta {
namespace {

TEST(Zipcode, TakesFiveDigitsOnly) {
  EXPECT_EQ(Zipcode::parse("02139").text(), "02139");
  for (const auto* text : {"", "2139", "021390", "02139-1234", "0213a", " 2139", "٠٢١٣٩"}) {
    EXPECT_THROW(Zipcode::parse(text), Error) << text;
  }
}

TEST(Zipcode, PutsLeadingZerosBack) {
  EXPECT_EQ(Zipcode::from_number(2139).text(), "02139");
  EXPECT_THROW(Zipcode::from_number(100000), Error);
  EXPECT_THROW(Zipcode::from_number(-1), Error);
}

TEST(Zipcode, MatchesZipPlusFourButNoLongerCode) {
  const auto zipcode = Zipcode::parse("02139");
  EXPECT_TRUE(zipcode.matches("02139"));
  EXPECT_TRUE(zipcode.matches("02139-1234"));
  EXPECT_TRUE(zipcode.matches(" 02139 "));
  EXPECT_FALSE(zipcode.matches("021390"));
  EXPECT_FALSE(zipcode.matches("02139-12345"));
  EXPECT_FALSE(zipcode.matches(""));
  EXPECT_FALSE(Zipcode().matches("02139"));
}

TEST(Error, SaysWhatToDoAndWhetherToRetry) {
  const Error busy(ErrorCode::source_busy, "the server is busy", "Wait");
  EXPECT_STREQ(busy.what(), "the server is busy. Wait");
  EXPECT_TRUE(busy.retryable());
  EXPECT_FALSE(Error(busy).no_retry().retryable());
  EXPECT_EQ(Error(ErrorCode::not_found, "no run 7").http_status(), 404);
  EXPECT_EQ(error_code_from_string(to_string(ErrorCode::lease_lost)), ErrorCode::lease_lost);
  EXPECT_EQ(error_code_from_string("no such code"), std::nullopt);
}

TEST(Error, RedactsUrls) {
  EXPECT_EQ(redacted_url("https://ann:secret@host/fhir/Patient?name=Smith&_count=5"),
            "https://host/fhir/Patient?name=…&_count=…");
  EXPECT_EQ(redacted_url("http://host:8080/fhir"), "http://host:8080/fhir");
  EXPECT_EQ(redacted_url("http://host/a@b"), "http://host/a@b");
}

TEST(Digest, KnownAnswers) {
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto hex = row_digest("abc").hex();
  EXPECT_EQ(std::string(hex.data(), hex.size()), "06b05ab6733a618578af5f94892f3950");
  EXPECT_NE(row_digest("abc"), row_digest("abc", 1));
}

struct Inner {
  std::optional<std::string> name;
  std::vector<int> numbers;
  static constexpr auto kFields = fields(field("name", &Inner::name), field("numbers", &Inner::numbers));
};

struct Outer {
  RunId run;
  Zipcode zipcode;
  std::chrono::milliseconds wait{};
  std::map<std::string, Inner> parts;
  bool flag = true;
  static constexpr auto kFields =
      fields(field("run", &Outer::run), field("zipcode", &Outer::zipcode), field("wait", &Outer::wait),
             field("parts", &Outer::parts), field("flag", &Outer::flag));
};

TEST(Describe, GoesThereAndBack) {
  const Outer outer{
      RunId{7}, Zipcode::parse("02139"), std::chrono::milliseconds(20), {{"a", {"x\n", {1, 2}}}, {"b", {}}}, false};
  const auto text = to_json(outer);
  EXPECT_EQ(
      text,
      R"({"run":7,"zipcode":"02139","wait":20,"parts":{"a":{"name":"x\n","numbers":[1,2]},"b":{"numbers":[]}},"flag":false})");
  EXPECT_EQ(to_json(from_json<Outer>(text)), text);
}

TEST(Describe, MissingKeepsDefaultAndWrongTypeNamesTheField) {
  EXPECT_TRUE(from_json<Outer>(R"({"later":1})").flag);
  try {
    from_json<Outer>(R"({"parts":{"a":{"numbers":["x"]}}})");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("numbers"), std::string::npos);
  }
  EXPECT_THROW(from_json<Outer>("{"), Error);
}

TEST(JsonValue, GivesWhatIsThereAndNothingElse) {
  const JsonDocument document(R"({"run": {"steps": [{"name": "load", "rows": -3}]}, "ratio": 0.5, "note": null})");
  const JsonValue root = document.root();
  std::string_view name;
  ASSERT_TRUE(root.at("/run/steps/0/name")->get(name));
  EXPECT_EQ(name, "load");
  std::int64_t rows = 0;
  EXPECT_TRUE(root.at("/run/steps/0/rows")->get(rows));
  EXPECT_EQ(rows, -3);
  std::uint64_t positive = 7;
  EXPECT_FALSE(root.at("/run/steps/0/rows")->get(positive));
  EXPECT_EQ(positive, 7U);
  EXPECT_FALSE(root.at("/run/steps/1"));
  EXPECT_FALSE(root.member("runs"));
  EXPECT_FALSE(root.member("ratio")->member("of"));
  EXPECT_TRUE(root.member("note")->is_null());
  std::vector<std::pair<std::string_view, JsonValue>> members;
  ASSERT_TRUE(root.get(members));
  EXPECT_EQ(members.size(), 3U);
  EXPECT_EQ(members[1].first, "ratio");
  std::vector<JsonValue> items;
  EXPECT_FALSE(root.get(items));
  EXPECT_THROW(JsonDocument("{\"run\": "), Error);
}

TEST(Clock, WritesRfc3339) {
  EXPECT_EQ(to_rfc3339(Time(std::chrono::microseconds(1'000'000'000'000'001))), "2001-09-09T01:46:40.000001Z");
}

}  // namespace
}  // namespace wellhead::meta
