#include "library/converter/converter.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/converter/testing/conversion.h"
#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

using testing::Conversion;
using testing::ConversionRunner;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using testing::view_of;

std::string column(std::string_view path, std::string_view type, std::string_view tags = "") {
  return R"({"name": "v", "resource": "Patient", "select": [{"column": [{"name": "c", "path": ")" + std::string(path) +
         R"(", "type": ")" + std::string(type) + R"(", "tag": [)" + std::string(tags) + "]}]}]}";
}

std::string patient(std::string_view fields) {
  return R"({"resourceType": "Patient", "id": "p1", )" + std::string(fields) + "}";
}

TEST(Converter, WritesRowsWithDigestAndTrailingFields) {
  ConversionRunner run({view_of({{"id", "id"}, {"family", "name.family"}})});
  std::string json = patient(R"("name": [{"family": "O'Neil, \"Bob\"\nII"}])");
  const std::size_t size = json.size();
  json.append(Converter::kPadding, 'x');
  std::vector<CsvOutput> outputs(1);
  outputs[0].bytes = "kept\n";
  ASSERT_TRUE(run.converter().convert(std::string_view(json).substr(0, size), ",17,3", outputs));
  EXPECT_THAT(outputs[0].bytes, ::testing::MatchesRegex("kept\np1,\"O'Neil, \"\"Bob\"\"\nII\",[0-9a-f]+,17,3\n"));
  EXPECT_EQ(outputs[0].rows, 1U);
  EXPECT_EQ(run.converter().resource_id(), "p1");
}

TEST(Converter, TellsNullFromTheEmptyString) {
  ConversionRunner run({view_of({{"a", "a"}, {"b", "b"}, {"d", "d"}})});
  const Conversion conversion = run(patient(R"("a": "", "b": null, "d": "\\.")"));
  EXPECT_EQ(conversion["a"], "");
  EXPECT_EQ(conversion["b"], "NULL");
  EXPECT_EQ(conversion["d"], "\\.");
}

TEST(Converter, QuotesWhatPathsMake) {
  ConversionRunner run({view_of({{"a", R"('say \"x\"')"}, {"b", R"(x & '\\n')"}, {"d", R"('\\\\.')"}})});
  const Conversion conversion = run(patient(R"("x": "1")"));
  EXPECT_EQ(conversion["a"], "say \"x\"");
  EXPECT_EQ(conversion["b"], "1\n");
  EXPECT_EQ(conversion["d"], "\\.");
}

TEST(Converter, QuotesTextsOfEveryLength) {
  ConversionRunner run({view_of({{"a", "a"}, {"b", "b"}, {"d", "d"}})});
  for (std::size_t length = 1; length < 70; ++length) {
    for (std::size_t at = 0; at < length; ++at) {
      std::string text(length, 'x');
      text[at] = ',';
      const std::string plain(length, 'y');
      const Conversion conversion = run(patient(fmt::format(R"("a": "{}", "b": "{}", "d":"",",":",")", plain, text)));
      ASSERT_EQ(conversion["a"], plain);
      ASSERT_EQ(conversion["b"], text);
      ASSERT_EQ(conversion["d"], "");
    }
  }
}

TEST(Converter, KeepsDecimalsAsWritten) {
  ConversionRunner run({column("x", "decimal", R"({"name": "ansi/type", "value": "DECIMAL"})")});
  for (const char* number : {"7.40", "-0.000", "1e5", "1.2E-7", "12345678901234567890123456789012345678901234567890.5",
                             "123456789012345678901234567890123456789012345678901234567890"}) {
    EXPECT_EQ(run(patient(R"("x": )" + std::string(number)))["c"], number);
  }
  EXPECT_THAT(run(patient(R"("x": 1e999999)"))["c"], HasSubstr("beyond the digits"));
  EXPECT_THAT(run(patient(R"("x": "7.4")"))["c"], HasSubstr("not a number"));
}

TEST(Converter, ChecksWholeNumbers) {
  ConversionRunner run({column("x", "integer")});
  EXPECT_EQ(run(patient(R"("x": -2147483648)"))["c"], "-2147483648");
  for (const char* bad : {"2147483648", "1.5", "1e3", "\"1\"", "true", "{}"}) {
    EXPECT_THAT(run(patient(R"("x": )" + std::string(bad)))["c"], StartsWith("REJECTED: column c: not a ")) << bad;
  }
}

TEST(Converter, ChecksBooleansStringsAndTimes) {
  EXPECT_EQ(ConversionRunner({column("x", "boolean")})(patient(R"("x": false)"))["c"], "false");
  EXPECT_THAT(ConversionRunner({column("x", "boolean")})(patient(R"("x": "false")"))["c"],
              HasSubstr("not true or false"));
  EXPECT_THAT(ConversionRunner({column("x", "string")})(patient(R"("x": 5)"))["c"], HasSubstr("not a string"));
  EXPECT_THAT(ConversionRunner({column("x", "string")})(patient(R"("x": {"y": 5})"))["c"], HasSubstr("not a string"));
  EXPECT_EQ(ConversionRunner({column("x", "time")})(patient(R"("x": "10:11:12")"))["c"], "10:11:12");
  EXPECT_THAT(ConversionRunner({column("x", "time")})(patient(R"("x": "25:11:12")"))["c"], HasSubstr("not a time"));
}

TEST(Converter, WritesDatesByTheirTag) {
  const std::string timestamp =
      R"({"name": "ansi/type", "value": "TIMESTAMP WITH TIME ZONE"}, {"name": "wellhead/as", "value": )";
  EXPECT_EQ(
      ConversionRunner({column("x", "dateTime", timestamp + R"("earliest"})")})(patient(R"("x": "2019-02")"))["c"],
      "2019-02-01T00:00:00Z");
  EXPECT_EQ(ConversionRunner({column("x", "dateTime", timestamp + R"("latest"})")})(patient(R"("x": "2019-02")"))["c"],
            "2019-02-28T23:59:59.999999Z");
  const std::string date = R"({"name": "ansi/type", "value": "DATE"}, {"name": "wellhead/as", "value": )";
  EXPECT_EQ(ConversionRunner({column("x", "date", date + R"("latest"})")})(patient(R"("x": "2019")"))["c"],
            "2019-12-31");
  EXPECT_EQ(ConversionRunner({column("x", "date", R"({"name": "wellhead/as", "value": "precision"})")})(
                patient(R"("x": "2019")"))["c"],
            "year");
  EXPECT_EQ(ConversionRunner({column("x", "date")})(patient(R"("x": "2019")"))["c"], "2019");
  EXPECT_THAT(ConversionRunner({column("x", "date")})(patient(R"("x": "1980-02-30")"))["c"], HasSubstr("not a date"));
}

TEST(Converter, RejectsEscapesThatTextCannotHoldWhereAColumnLooks) {
  ConversionRunner run({view_of({{"family", "name.family"}})});
  const Conversion rejected = run(patient(R"("name": [{"family": "A\u0000B"}])"));
  EXPECT_THAT(rejected.rejected, HasSubstr("column family: a string holds an escape that text cannot hold"));
  EXPECT_EQ(rejected.rejected_id, "p1");
  EXPECT_THAT(run(patient(R"("name": [{"family": "A\ud800"}])")).rejected, HasSubstr("column family"));
  EXPECT_EQ(run(patient(R"("name": [{"family": "A", "given": ["\u0000"]}])"))["family"], "A");
}

TEST(Converter, RejectsBrokenJsonAnywhere) {
  ConversionRunner run({view_of({{"id", "id"}})});
  for (const char* bad : {"",
                          " ",
                          "[]",
                          "\"x\"",
                          "{",
                          R"({"resourceType": "Patient", "id": "p1")",
                          R"({"resourceType": "Patient", "id": "p1"}})",
                          R"({"resourceType": "Patient", "id": "p1"} x)",
                          R"({"resourceType": "Patient", "id": "p1",})",
                          R"({"resourceType": "Patient", "id": "p1", "z": tru})",
                          R"({"resourceType": "Patient", "id": "p1", "z": 01})",
                          R"({"resourceType": "Patient", "id": "p1", "z": [1 2]})",
                          R"({"resourceType": "Patient", "id": "p1", "z": [1,]})",
                          R"({"resourceType": "Patient", "id": "p1", "z" 1})",
                          R"({"resourceType": "Patient", "id": "p1", "z": "\x"})",
                          R"({"resourceType": "Patient", "id": "p1", "z": {"a": [}]})",
                          R"({"resourceType": "Patient", "id": "p1", "z": "open})",
                          "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"z\": \"a\tb\"}",
                          "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"z\": \"\xff\"}",
                          "{\"resourceType\": \"Patient\", \"id\": \"p1\", \"z\": \"\xed\xa0\x80\"}",
                          R"({"resourceType": "Patient", "id": "p1", "z": "a"b})"}) {
    EXPECT_THAT(run(bad).rejected, StartsWith("the resource is ")) << bad;
  }
}

TEST(Converter, BoundsTheDepthOfAResource) {
  ConversionRunner run({view_of({{"id", "id"}})});
  const auto nested = [](int depth) {
    return patient(R"("z": )" + std::string(static_cast<std::size_t>(depth), '[') +
                   std::string(static_cast<std::size_t>(depth), ']'));
  };
  EXPECT_EQ(run(nested(150))["id"], "p1");
  EXPECT_EQ(run(nested(100000)).rejected, "the resource is nested too deep");
}

TEST(Converter, RejectsAWantedFieldThatStandsTwice) {
  ConversionRunner run({view_of({{"id", "id"}, {"a", "a"}})});
  EXPECT_THAT(run(patient(R"("a": 1, "a": 2)")).rejected, HasSubstr("the same field twice"));
  EXPECT_EQ(run(patient(R"("a": 1, "b": 2, "b": 3)"))["a"], "1");
}

TEST(Converter, ReadsFieldNamesWithEscapesAndBlanks) {
  ConversionRunner run({view_of({{"family", "name.family"}})});
  EXPECT_EQ(run("{ \"resourceType\" : \"Patient\" , \"n\\u0061me\"\n:\t[ { \"family\" : \"A\" } ] }")["family"], "A");
}

TEST(Converter, RejectsOtherResourceTypes) {
  ConversionRunner run({view_of({{"id", "id"}})});
  EXPECT_EQ(run(R"({"resourceType": "Group", "id": "g"})").rejected, "resourceType is not that of the view");
  EXPECT_EQ(run(R"({"id": "g"})").rejected, "resourceType is not that of the view");
  EXPECT_EQ(run(R"({"resourceType": 5, "id": "g"})").rejected, "resourceType is not that of the view");
}

TEST(Converter, RejectsIdsOutsideFhirsRule) {
  ConversionRunner run({column("id", "id", R"({"name": "wellhead/required", "value": "true"})")});
  for (const std::string& bad : {std::string(R"("")"), std::string(R"("a b")"), std::string(R"("a/b")"),
                                 std::string(R"("é")"), '"' + std::string(65, 'a') + '"', std::string("7")}) {
    const Conversion conversion = run(R"({"resourceType": "Patient", "id": )" + bad + "}");
    EXPECT_THAT(conversion.rejected, StartsWith("column c: not a")) << bad;
    EXPECT_EQ(conversion.rejected_id, "");
  }
  EXPECT_THAT(run(R"({"resourceType": "Patient"})").rejected, StartsWith("column c: required"));
  EXPECT_EQ(run(R"({"resourceType": "Patient", "id": "A-z.09"})")["c"], "A-z.09");
  const std::string longest(64, 'a');
  EXPECT_EQ(run(R"({"resourceType": "Patient", "id": ")" + longest + "\"}")["c"], longest);
}

TEST(Converter, RejectsPlainValuesWhereAPathWantsAnObject) {
  ConversionRunner run({view_of({{"family", "name.family"}})});
  EXPECT_THAT(run(patient(R"("name": "Bob")")).rejected, HasSubstr("column family: an element is a plain value"));
  EXPECT_THAT(run(patient(R"("name": [5])")).rejected, HasSubstr("column family: an element is a plain value"));
  EXPECT_THAT(run(patient(R"("name": [[{"family": "A"}]])")).rejected,
              HasSubstr("an array stands directly in an array"));
}

TEST(Converter, ReferencesCountOnlyOnTheirOwnServer) {
  ConversionRunner run({column("link.getReferenceKey(Patient)", "id")}, "https://fhir.example/r4/");
  const auto key = [&](std::string_view reference) {
    return run(patient(R"("link": {"reference": ")" + std::string(reference) + "\"}"))["c"];
  };
  EXPECT_EQ(key("Patient/7"), "7");
  EXPECT_EQ(key("Patient/7/_history/1"), "7");
  EXPECT_EQ(key("https://fhir.example/r4/Patient/7"), "7");
  EXPECT_EQ(key("https://fhir.example/r4/Patient/7/_history/2"), "7");
  for (const char* other :
       {"https://other.example/r4/Patient/7", "https://fhir.example/r4x/Patient/7", "Group/7", "#p", "Patient/",
        "Patient", "urn:uuid:53fefa32-fcbb-4ff8-8a92-55ee120877b7", "/Patient/7", "Patient/7/8", "Patient/a b", ""}) {
    EXPECT_EQ(key(other), "NULL") << other;
  }
}

TEST(Converter, TheFirstViewGivesExactlyOneRow) {
  ConversionRunner run(
      {R"({"name": "v", "resource": "Patient", "select": [{"forEach": "name", "column": [{"name": "a", "path": "family"}]}]})"});
  EXPECT_EQ(run(patient(R"("name": [{"family": "A"}])"))["a"], "A");
  EXPECT_EQ(run(patient(R"("name": [])")).rejected, "the view does not give exactly one row");
  EXPECT_EQ(run(patient(R"("name": [{}, {}])")).rejected, "the view does not give exactly one row");
}

TEST(Converter, ARejectedResourceLeavesNoRowInAnyView) {
  ConversionRunner run(
      {column("id", "id"), R"({"name": "w", "resource": "Patient", "select": [{"forEach": "name", "column": [
    {"name": "given", "path": "given", "type": "string"}]}]})"});
  const Conversion conversion = run(patient(R"("name": [{"given": ["A"]}, {"given": 5}])"));
  EXPECT_THAT(conversion.rejected, HasSubstr("column given: not a string"));
  EXPECT_TRUE(conversion.views[0].empty());
  EXPECT_TRUE(conversion.views[1].empty());
}

TEST(Converter, TheDigestCoversValuesChildrenAndViewsButNotTheRest) {
  constexpr std::string_view kChildren =
      R"({"name": "w", "resource": "Patient", "select": [{"forEach": "name", "column": [
    {"name": "family", "path": "family"}]}]})";
  ConversionRunner run({view_of({{"id", "id"}, {"active", "active"}}), kChildren});
  const auto digest = [&](std::string_view fields) { return run(patient(fields))["digest"]; };
  const std::string base = digest(R"("active": true, "name": [{"family": "A"}, {"family": "B"}])");
  EXPECT_EQ(digest(R"("gender": "male", "name": [{"family": "A"}, {"family": "B"}], "active": true)"), base);
  EXPECT_NE(digest(R"("active": false, "name": [{"family": "A"}, {"family": "B"}])"), base);
  EXPECT_NE(digest(R"("active": true, "name": [{"family": "A"}])"), base);
  EXPECT_NE(digest(R"("active": true, "name": [{"family": "B"}, {"family": "A"}])"), base);
  EXPECT_NE(digest(R"("active": true)"), base);
  ConversionRunner other({view_of({{"id", "id"}, {"alive", "active"}}), kChildren});
  EXPECT_NE(other(patient(R"("active": true, "name": [{"family": "A"}, {"family": "B"}])"))["digest"], base);
}

TEST(Converter, CopiesGiveTheSameRows) {
  ConversionRunner run({view_of({{"id", "id"}, {"family", "name.family"}})});
  Converter copy(run.converter());
  std::string json = patient(R"("name": [{"family": "A"}])");
  const std::size_t size = json.size();
  json.append(Converter::kPadding, ' ');
  std::vector<CsvOutput> first(1);
  std::vector<CsvOutput> second(1);
  ASSERT_TRUE(run.converter().convert(std::string_view(json).substr(0, size), "", first));
  ASSERT_TRUE(copy.convert(std::string_view(json).substr(0, size), "", second));
  EXPECT_EQ(first[0].bytes, second[0].bytes);
}

TEST(Converter, RefusesViewsOfDifferentResources) {
  std::vector<View> views = {
      View::parse(view_of({{"id", "id"}})),
      View::parse(R"({"name": "w", "resource": "Group", "select": [{"column": [{"name": "id", "path": "id"}]}]})")};
  EXPECT_THROW(Converter(views, {}), meta::Error);
  EXPECT_THROW(Converter({}, {}), meta::Error);
}

TEST(Converter, TakesLargeResources) {
  ConversionRunner run({view_of({{"id", "id"}, {"count", "name.count()"}})});
  std::string names;
  for (int i = 0; i < 20000; ++i) names += std::string(i > 0 ? "," : "") + R"({"family": "F", "given": ["a", "b"]})";
  EXPECT_EQ(run(patient(R"("name": [)" + names + "]"))["count"], "20000");
  EXPECT_EQ(run(patient(R"("name": [{}])"))["count"], "1");
}

}  // namespace
}  // namespace wellhead::converter
