#include "library/webserver/filters.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

#include "library/webserver/arguments.h"
#include "library/webserver/preferences.h"

namespace wellhead::webserver {
namespace {

Clause parsed(Operand operand, const std::string& text) {
  const auto clause = parse_clause(operand, text);
  EXPECT_TRUE(clause.has_value()) << text;
  return clause.value_or(Clause{});
}

TEST(Filters, TakeDatesWithAnOperator) {
  EXPECT_EQ(parsed(Operand::date, "1980-05-01"), (Clause{Comparison::equal, "1980-05-01", ""}));
  EXPECT_EQ(parsed(Operand::date, "ge1980-01-01"), (Clause{Comparison::at_least, "1980-01-01", ""}));
  EXPECT_EQ(parsed(Operand::date, "ne2024-02-29"), (Clause{Comparison::not_equal, "2024-02-29", ""}));
}

TEST(Filters, TakePartialDatesAsTheWholeOfThem) {
  EXPECT_EQ(parsed(Operand::date, "1980"), (Clause{Comparison::within, "1980-01-01", "1981-01-01"}));
  EXPECT_EQ(parsed(Operand::date, "eq1980-12"), (Clause{Comparison::within, "1980-12-01", "1981-01-01"}));
  EXPECT_EQ(parsed(Operand::date, "ne1980-02"), (Clause{Comparison::outside, "1980-02-01", "1980-03-01"}));
  EXPECT_EQ(parsed(Operand::date, "gt1980"), (Clause{Comparison::at_least, "1981-01-01", ""}));
  EXPECT_EQ(parsed(Operand::date, "ge1980"), (Clause{Comparison::at_least, "1980-01-01", ""}));
  EXPECT_EQ(parsed(Operand::date, "lt1980"), (Clause{Comparison::less, "1980-01-01", ""}));
  EXPECT_EQ(parsed(Operand::date, "le1980"), (Clause{Comparison::less, "1981-01-01", ""}));
  EXPECT_EQ(parsed(Operand::moment, "2024-02-29"),
            (Clause{Comparison::within, "2024-02-29T00:00:00Z", "2024-03-01T00:00:00Z"}));
  EXPECT_EQ(parsed(Operand::moment, "lt9999"), (Clause{Comparison::less, "9999-01-01T00:00:00Z", ""}));
}

TEST(Filters, TakeMomentsAndNumbersExactly) {
  EXPECT_EQ(parsed(Operand::moment, "gt2024-01-31T10:42:00.5-05:00"),
            (Clause{Comparison::greater, "2024-01-31T10:42:00.5-05:00", ""}));
  EXPECT_EQ(parsed(Operand::moment, "2024-01-31T10:42:00 01:00").value, "2024-01-31T10:42:00+01:00");
  EXPECT_EQ(parsed(Operand::number, "gt7"), (Clause{Comparison::greater, "7", ""}));
  EXPECT_EQ(parsed(Operand::number, "le-0.50"), (Clause{Comparison::at_most, "-0.50", ""}));
  EXPECT_EQ(parsed(Operand::integer, "lt-3"), (Clause{Comparison::less, "-3", ""}));
}

TEST(Filters, RefuseTheRest) {
  const std::vector<std::pair<Operand, std::string>> bad = {{Operand::date, ""},
                                                            {Operand::date, "ge"},
                                                            {Operand::date, "1980-13"},
                                                            {Operand::date, "1980-1"},
                                                            {Operand::date, "2023-02-29"},
                                                            {Operand::date, "0999"},
                                                            {Operand::date, "xx1980"},
                                                            {Operand::date, "GE1980"},
                                                            {Operand::date, "ge 1980"},
                                                            {Operand::date, "gegt1980"},
                                                            {Operand::date, "1980-01-01T00:00:00Z"},
                                                            {Operand::moment, "now"},
                                                            {Operand::moment, "2024-01-31T10:42:00"},
                                                            {Operand::number, "NaN"},
                                                            {Operand::number, "1e5"},
                                                            {Operand::number, ".5"},
                                                            {Operand::number, "5."},
                                                            {Operand::number, "+5"},
                                                            {Operand::number, "7,5"},
                                                            {Operand::number, "0x10"},
                                                            {Operand::number, std::string(31, '9')},
                                                            {Operand::integer, "1.5"},
                                                            {Operand::integer, "2147483648"}};
  for (const auto& [operand, text] : bad) EXPECT_FALSE(parse_clause(operand, text).has_value()) << text;
}

// What the OpenAPI document promises is what is enforced.
TEST(Filters, AreDescribedByTheirPatterns) {
  const std::vector<std::string> texts = {"1980",
                                          "ge1980-05",
                                          "2024-02-29",
                                          "2023-02-29",
                                          "1900-02-29",
                                          "2000-02-29",
                                          "2100-02-29",
                                          "1980-04-31",
                                          "1980-12-31",
                                          "lt2024-01-31T10:42:00Z",
                                          "2024-01-31T24:00:00Z",
                                          "0999",
                                          "2024-01-31T10:42:00+14:59",
                                          "2024-01-31T10:42:00+15:00",
                                          "7",
                                          "-7.40",
                                          "7.",
                                          "ne12",
                                          "999999999",
                                          "",
                                          "ge",
                                          "2024-02-29T00:00:00.123456789Z",
                                          "2024-00-10"};
  for (const Operand operand : {Operand::date, Operand::moment, Operand::number, Operand::integer}) {
    const std::regex pattern(clause_pattern(operand), std::regex::ECMAScript);
    for (const std::string& text : texts) {
      EXPECT_EQ(std::regex_search(text, pattern), parse_clause(operand, text).has_value())
          << text << " by " << clause_pattern(operand);
    }
  }
}

TEST(Arguments, TakeRepeatedAndListedValues) {
  const std::vector<Parameter> parameters = {
      {.name = "code", .repeatable = true},
      {.name = "value", .type = ParameterType::clause, .operand = Operand::number, .repeatable = true},
      {.name = "fields", .type = ParameterType::choices, .choices = {"id", "family"}},
      {.name = "limit", .type = ParameterType::integer}};
  const auto check = [&](const RawValues& query, Arguments& arguments) {
    const auto errors = check_arguments(parameters, {}, query, "", arguments);
    return errors.empty() ? std::string() : errors.front().field;
  };
  Arguments arguments;
  EXPECT_EQ(check({{"code", "a"}, {"value", "ge1"}, {"code", "b"}, {"fields", "family,id"}}, arguments), "");
  EXPECT_THAT(arguments.all("code"), ::testing::ElementsAre("a", "b"));
  EXPECT_EQ(arguments.text("fields"), "family,id");
  EXPECT_EQ(check({{"value", "1"}, {"value", "x"}}, arguments), "value");
  EXPECT_EQ(check({{"limit", "1"}, {"limit", "1"}}, arguments), "limit");
  for (const std::string bad : {"", ",", "id,", "id,name", "id family"}) {
    EXPECT_EQ(check({{"fields", bad}}, arguments), "fields") << bad;
  }
  const RawValues many(kMaxRepeats + 1, {"code", "a"});
  EXPECT_EQ(check(many, arguments), "code");
}

TEST(Preferences, AreReadByName) {
  EXPECT_EQ(preference("count=exact", "count"), "exact");
  EXPECT_EQ(preference("respond-async, Count = \"estimated\"; x=1, wait=10", "count"), "estimated");
  EXPECT_EQ(preference("respond-async, wait=10", "count"), "");
  EXPECT_EQ(preference(",,=;", "count"), "");
}

}  // namespace
}  // namespace wellhead::webserver
