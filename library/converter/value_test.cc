// Numbers, dates and escapes: the rules for single values.
#include <gtest/gtest.h>

#include "library/converter/decimal.h"
#include "library/converter/document.h"
#include "library/converter/evaluator.h"
#include "library/converter/fhir_time.h"

namespace wellhead::converter {
namespace {

TEST(Decimal, ComparesByValueNotBySpelling) {
  EXPECT_TRUE(compare_decimals("7.40", "7.4") == 0);
  EXPECT_TRUE(compare_decimals("1e3", "1000.0") == 0);
  EXPECT_TRUE(compare_decimals("-0", "0.000") == 0);
  EXPECT_TRUE(compare_decimals("0.001e3", "1") == 0);
  EXPECT_TRUE(compare_decimals("9", "10") < 0);
  EXPECT_TRUE(compare_decimals("-9", "-10") > 0);
  EXPECT_TRUE(compare_decimals("-1", "0.5") < 0);
  EXPECT_TRUE(compare_decimals("1e-400", "0") > 0);
  EXPECT_TRUE(compare_decimals("123456789012345678901234567890.1", "123456789012345678901234567890.2") < 0);
  EXPECT_TRUE(compare_decimals("1e99999999999999999999", "1e5") > 0);
  EXPECT_TRUE(compare_decimals("1e-99999999999999999999", "1e5") < 0);
}

TEST(Decimal, KnowsWhatNumericHolds) {
  EXPECT_TRUE(fits_numeric("7.40"));
  EXPECT_TRUE(fits_numeric("-1.5e10"));
  EXPECT_TRUE(fits_numeric("1e131071"));
  EXPECT_FALSE(fits_numeric("1e131073"));
  EXPECT_TRUE(fits_numeric("1e-16383"));
  EXPECT_FALSE(fits_numeric("1e-16384"));
  EXPECT_FALSE(fits_numeric("0e9999999999"));
  EXPECT_FALSE(fits_numeric("0." + std::string(20000, '1')));
  EXPECT_TRUE(fits_numeric(std::string(50, '9') + "." + std::string(50, '9')));
}

TEST(Decimal, KnowsWholeNumbers) {
  EXPECT_TRUE(fits_integer("-5", -10, 10));
  EXPECT_FALSE(fits_integer("11", -10, 10));
  EXPECT_FALSE(fits_integer("1.0", -10, 10));
  EXPECT_FALSE(fits_integer("1e0", -10, 10));
  EXPECT_FALSE(fits_integer("99999999999999999999", -10, 10));
}

TEST(JsonNumber, FollowsTheGrammar) {
  for (const char* good : {"0", "-0", "10", "1.5", "1e5", "1E+5", "1.0e-10", "-12.34"})
    EXPECT_TRUE(is_json_number(good)) << good;
  for (const char* bad : {"", "-", "01", "1.", ".5", "1e", "1e+", "+1", "1x", "0x1", "1 2", "NaN"}) {
    EXPECT_FALSE(is_json_number(bad)) << bad;
  }
}

TEST(FhirId, IsCheckedAtEveryPlace) {
  const std::string allowed = "abcXYZ019-.";
  for (std::size_t length = 1; length <= 64; ++length) {
    std::string id;
    for (std::size_t i = 0; i < length; ++i) id += allowed[i % allowed.size()];
    ASSERT_TRUE(is_fhir_id(id)) << id;
    for (std::size_t at = 0; at < length; ++at) {
      for (const char bad : {'_', '/', '@', '[', '`', '{', ':', ',', ' ', '\0', '\xC3'}) {
        std::string other = id;
        other[at] = bad;
        ASSERT_FALSE(is_fhir_id(other)) << other;
      }
    }
  }
  EXPECT_FALSE(is_fhir_id(""));
  EXPECT_FALSE(is_fhir_id(std::string(65, 'a')));
}

std::string earliest(std::string_view text) {
  const auto time = parse_date_time(text);
  char out[kMaxTimeLength];
  return time ? std::string(out, write_timestamp(*time, false, out)) : "refused";
}

std::string latest(std::string_view text) {
  const auto time = parse_date_time(text);
  char out[kMaxTimeLength];
  return time ? std::string(out, write_timestamp(*time, true, out)) : "refused";
}

TEST(FhirTime, FillsUpPartialDates) {
  EXPECT_EQ(earliest("1980"), "1980-01-01T00:00:00Z");
  EXPECT_EQ(earliest("1980-05"), "1980-05-01T00:00:00Z");
  EXPECT_EQ(earliest("1980-05-17"), "1980-05-17T00:00:00Z");
  EXPECT_EQ(earliest("1980-05-17T10:11+02:00"), "1980-05-17T10:11:00+02:00");
  EXPECT_EQ(latest("1980"), "1980-12-31T23:59:59.999999Z");
  EXPECT_EQ(latest("1980-02"), "1980-02-29T23:59:59.999999Z");
  EXPECT_EQ(latest("1980-05-17T10:11Z"), "1980-05-17T10:11:59.999999Z");
  EXPECT_EQ(latest("1980-05-17T10:11:12Z"), "1980-05-17T10:11:12Z");
}

TEST(FhirTime, KnowsMomentsThatStayAsTheyAre) {
  for (const char* text : {"2018-06-14T16:25:50+00:00", "2018-06-14T16:25:50.253Z", "2000-02-29T00:00:00-12:00",
                           "9999-12-31T23:59:59.999999999+14:00"}) {
    const auto precision = precision_of_moment(text);
    ASSERT_TRUE(precision) << text;
    EXPECT_EQ(*precision, parse_date_time(text)->precision) << text;
    EXPECT_EQ(earliest(text), text);
    EXPECT_EQ(latest(text), text);
  }
  // What is no dateTime at all, and what is written otherwise than it stands.
  for (const char* text : {"",
                           "2018",
                           "2018-06-14",
                           "2018-06-14T16:25Z",
                           "2018-06-14T16:25:50",
                           "2018-06-14T16:25:60Z",
                           "2016-12-31T23:59:60.5Z",
                           "2018-06-14T16:25:50.1234567891Z",
                           "2018-06-14T16:25:50.Z",
                           "0000-06-14T16:25:50Z",
                           "2018-00-14T16:25:50Z",
                           "2018-13-14T16:25:50Z",
                           "2018-06-00T16:25:50Z",
                           "2018-06-31T16:25:50Z",
                           "2019-02-29T16:25:50Z",
                           "2018-06-14T24:25:50Z",
                           "2018-06-14T16:60:50Z",
                           "2018-06-14T16:25:50+14:01",
                           "2018-06-14 16:25:50Z",
                           "2018-06-14t16:25:50Z",
                           "2018/06-14T16:25:50Z",
                           "2018-06-14T16.25:50Z",
                           "2018-06-14T16:25:5:Z",
                           "201:-06-14T16:25:50Z",
                           "2018-06-1/T16:25:50Z",
                           "2018-06-14T16:25:50Zx",
                           "2018-06-14T16:25:50z",
                           "\262018-06-14T16:25:5Z"}) {
    EXPECT_FALSE(precision_of_moment(text)) << text;
  }
}

TEST(FhirTime, TakesWhatIsRareButRight) {
  EXPECT_EQ(earliest("2016-12-31T23:59:60Z"), "2016-12-31T23:59:60Z");
  EXPECT_EQ(earliest("2020-01-01T00:00:00.123456789+14:00"), "2020-01-01T00:00:00.123456789+14:00");
  EXPECT_EQ(earliest("2020-01-01T00:00:00.12345678999-12:00"), "2020-01-01T00:00:00.123456789-12:00");
  EXPECT_EQ(earliest("2016-12-31T23:59:60.5Z"), "2016-12-31T23:59:60Z");
  EXPECT_EQ(earliest("2999-01-01"), "2999-01-01T00:00:00Z");
  EXPECT_EQ(earliest("2000-02-29"), "2000-02-29T00:00:00Z");
  EXPECT_EQ(earliest("2019-01-03T15:28:03"), "2019-01-03T15:28:03Z");
}

TEST(FhirTime, RefusesWhatTheCalendarDoesNotHave) {
  for (const char* bad : {"1980-02-30",
                          "1980-13",
                          "1980-00",
                          "1980-01-00",
                          "1900-02-29",
                          "0000",
                          "80",
                          "19800",
                          "1980-5",
                          "1980-05-1",
                          "",
                          "1980-05-17T",
                          "1980-05-17T24:00:00Z",
                          "1980-05-17T10:60:00Z",
                          "1980-05-17T10:11:61Z",
                          "1980-05-17T10:11:12.Z",
                          "1980-05-17T10:11:12+14:01",
                          "1980-05-17T10:11:12+15:00",
                          "1980-05-17T10:11:12+1:00",
                          "1980-05-17 10:11:12Z",
                          "1980-05-17T10:11:12Zx",
                          " 1980",
                          "1980 ",
                          "-980",
                          "1980-05-17T10:11:12,5Z"}) {
    EXPECT_EQ(earliest(bad), "refused") << bad;
  }
}

TEST(FhirTime, TellsThePrecision) {
  const auto precision = [](std::string_view text) { return to_string(parse_date_time(text).value().precision); };
  EXPECT_EQ(precision("1980"), "year");
  EXPECT_EQ(precision("1980-05"), "month");
  EXPECT_EQ(precision("1980-05-17"), "day");
  EXPECT_EQ(precision("1980-05-17T10:11Z"), "minute");
  EXPECT_EQ(precision("1980-05-17T10:11:12Z"), "second");
  EXPECT_EQ(precision("1980-05-17T10:11:12.5Z"), "fraction");
}

TEST(FhirTime, KnowsTimesOfDay) {
  EXPECT_TRUE(parse_time("23:59:59"));
  EXPECT_TRUE(parse_time("00:00:00.125"));
  EXPECT_TRUE(parse_time("23:59:60"));
  for (const char* bad : {"24:00:00", "10:11", "10:11:12Z", "1:2:3", ""}) EXPECT_FALSE(parse_time(bad)) << bad;
}

std::string decoded(std::string_view text) {
  std::string out(text.size(), '\0');
  const auto length = decode_escapes(text, out.data());
  return length < 0 ? "refused" : out.substr(0, static_cast<std::size_t>(length));
}

TEST(JsonEscapes, AreDecodedToUtf8) {
  EXPECT_EQ(decoded(R"(a\"b\\c\/\b\f\n\r\t)"), "a\"b\\c/\b\f\n\r\t");
  EXPECT_EQ(decoded(R"(\u0041\u00e9\u20AC\ud83d\ude00)"), "A\u00e9\u20ac\U0001F600");
}

TEST(JsonEscapes, AreRefusedWhenTextCannotHoldThem) {
  for (const char* bad :
       {R"(\u0000)", R"(\ud83d)", R"(\ude00)", R"(\ud83dx)", R"(\ud83d\u0041)", R"(\u12)", R"(\x)", "\\"}) {
    EXPECT_EQ(decoded(bad), "refused") << bad;
  }
}

}  // namespace
}  // namespace wellhead::converter
