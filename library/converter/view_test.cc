#include "library/converter/view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The message with which the definition is refused.
std::string refusal(std::string_view json) {
  try {
    View::parse(json);
  } catch (const meta::Error& error) {
    EXPECT_EQ(error.code(), meta::ErrorCode::invalid_view);
    return error.message();
  }
  return "accepted";
}

std::string with_column(const std::string& column) {
  return R"({"name": "v", "resource": "Patient", "select": [{"column": [)" + column + "]}]}";
}

std::string with_path(const std::string& path) { return with_column(R"({"name": "c", "path": ")" + path + R"("})"); }

TEST(View, TellsItsTableAndColumns) {
  const View view = View::parse(R"json({
    "resourceType": "ViewDefinition", "status": "active", "name": "people", "resource": "Patient", "description": "People.",
    "select": [
      {"column": [
        {"name": "id", "path": "getResourceKey()", "type": "id", "description": "The key",
         "tag": [{"name": "wellhead/key", "value": "primary"}, {"name": "wellhead/required", "value": "true"}]},
        {"name": "born", "path": "birthDate", "type": "date",
         "tag": [{"name": "ansi/type", "value": "date"}, {"name": "wellhead/as", "value": "earliest"},
                 {"name": "wellhead/filter", "value": "exact"}]},
        {"name": "born_text", "path": "birthDate", "type": "date"}]
},
      {"forEach": "name", "column": [
        {"name": "family", "path": "family", "type": "string",
         "tag": [{"name": "wellhead/filter", "value": "prefix"}, {"name": "wellhead/api", "value": "hidden"}]},
        {"name": "amount", "path": "x", "type": "decimal", "tag": [{"name": "ansi/type", "value": "DECIMAL(18,4)"}]}]}]
})json");
  ;
  EXPECT_EQ(view.name(), "people");
  EXPECT_EQ(view.resource(), "Patient");
  EXPECT_EQ(view.description(), "People.");
  std::vector<std::string> types;
  for (const Column& column : view.columns()) types.push_back(column.name + " " + column.sql_type);
  EXPECT_THAT(types, ElementsAre("id text", "born date", "born_text text", "family text", "amount numeric"));
  EXPECT_EQ(view.columns()[0].key, KeyKind::primary);
  EXPECT_TRUE(view.columns()[0].required);
  EXPECT_EQ(view.columns()[0].description, "The key");
  EXPECT_EQ(view.columns()[1].filter, FilterKind::exact);
  EXPECT_EQ(view.columns()[3].filter, FilterKind::prefix);
  EXPECT_TRUE(view.columns()[3].hidden_in_api);
}

TEST(View, GivesTheSpecificationsDefaultTypes) {
  const auto type = [](const std::string& fhir) {
    return View::parse(with_column(R"({"name": "c", "path": "x", "type": ")" + fhir + R"("})")).columns()[0].sql_type;
  };
  EXPECT_EQ(type("boolean"), "boolean");
  EXPECT_EQ(type("positiveInt"), "integer");
  EXPECT_EQ(type("integer64"), "bigint");
  EXPECT_EQ(type("decimal"), "text");
  EXPECT_EQ(type("dateTime"), "text");
  EXPECT_EQ(type("instant"), "timestamptz");
  EXPECT_EQ(type("http://hl7.org/fhirpath/System.String/string"), "text");
}

TEST(View, HasADigestOfWhatDecidesTheRows) {
  const auto digest = [](const std::string& column) { return View::parse(with_column(column)).digest(); };
  const std::string base = digest(R"({"name": "c", "path": "name.family", "type": "string"})");
  EXPECT_EQ(base.size(), 64U);
  EXPECT_EQ(digest(R"({"type":"string","path":" name . family","name":"c","description":"another word"})"), base);
  EXPECT_NE(digest(R"({"name": "c", "path": "name.given", "type": "string"})"), base);
  EXPECT_NE(digest(R"({"name": "d", "path": "name.family", "type": "string"})"), base);
  EXPECT_NE(digest(R"({"name": "c", "path": "name.family", "type": "string",
                       "tag": [{"name": "wellhead/required", "value": "true"}]})"),
            base);
}

TEST(View, NamesViewColumnPathAndPlaceOfAMistake) {
  EXPECT_EQ(refusal(with_path("name.wher(use = 1)")),
            "view v, select[0].column[0] (c), path `name.wher(use = 1)`: the function wher() is not supported at "
            "character 6");
  EXPECT_THAT(refusal(with_path("name[")),
              HasSubstr("path `name[`: the path ends where more is expected at character 6"));
  EXPECT_THAT(refusal(with_path("%nowhere")), HasSubstr("the constant %nowhere is not defined"));
  EXPECT_THAT(refusal(with_path("name.first(1)")), HasSubstr("first() has the wrong number of arguments"));
  EXPECT_THAT(refusal(with_path("name.ofType('x')")), HasSubstr("the name of a type is expected"));
  EXPECT_THAT(refusal(with_path("name.now()")), HasSubstr("now() cannot be used in a view: a row must depend"));
  EXPECT_THAT(refusal(with_path("link.other.getReferenceKey(Pateint)")),
              HasSubstr("FHIR R4 has no resource type `Pateint` at character 28"));
  EXPECT_THAT(refusal(with_path("name.matches('(a')")), HasSubstr("regular expression is not understood: missing )"));
  EXPECT_THAT(refusal(with_path("name.matches(family)")), HasSubstr("as a string literal or constant at character 14"));
  EXPECT_THAT(refusal(with_path("birthDate = @2000-02-30")), HasSubstr("`@2000-02-30` is no date of the calendar"));
}

TEST(View, ShowsOfALongPathWhatIsWrong) {
  const std::string long_part(1'000, 'x');
  const std::string message = refusal(with_path("name." + long_part + ".wher(use = 1) = '" + long_part + "'"));
  EXPECT_THAT(message, HasSubstr("path `…xxx"));
  EXPECT_THAT(message, HasSubstr(".wher(use = 1) = 'xxx"));
  EXPECT_THAT(message, HasSubstr("xxx…`: the function wher() is not supported at character 1007"));
  EXPECT_LT(message.size(), 400U);
}

TEST(View, FindsMistakesOfTypeBeforeThereIsAResource) {
  EXPECT_THAT(refusal(with_path("1 + 'a'")),
              HasSubstr("the operator + is not for a number and a string at character 3"));
  EXPECT_THAT(refusal(with_path("name.exists() < 5")), HasSubstr("the operator < is not for a boolean and a number"));
  EXPECT_THAT(refusal(with_path("'a' * 'b'")), HasSubstr("the operator * is not for a string and a string"));
  EXPECT_THAT(refusal(with_path("name.count().startsWith('a')")), HasSubstr("startsWith() is not for a number"));
  EXPECT_THAT(refusal(with_path("-'a'")), HasSubstr("the sign - is not for a string"));
  EXPECT_THAT(refusal(with_path("name['a']")), HasSubstr("an index is a whole number"));
  EXPECT_THAT(refusal(with_path("address.ofType(Address)")), HasSubstr("only choice elements, such as value, tell"));
  EXPECT_EQ(refusal(with_path("name.where(use is Coding).family")),
            "view v, select[0].column[0] (c), path `name.where(use is Coding).family`: whether this is a Coding cannot "
            "be known: only choice elements, such as value, tell their type at character 19");
  EXPECT_EQ(
      refusal(with_column(R"json({"name": "c", "path": "name.exists()", "type": "integer"})json")),
      "view v, select[0].column[0] (c), path `name.exists()`: it gives a boolean, but the column's type is integer");
  EXPECT_THAT(refusal(R"json({"name": "v", "resource": "Patient", "where": [{"path": "name.count()"}],
                          "select": [{"column": [{"name": "c", "path": "id"}]}]})json"),
              HasSubstr("where[0], path `name.count()`: a condition is expected, not a number"));
}

TEST(View, RefusesWhatIsNoViewDefinition) {
  EXPECT_THAT(refusal("{"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("[]"), HasSubstr("an object is expected"));
  EXPECT_THAT(refusal(R"({"resource": "Patient", "select": []})"), HasSubstr("`name` is missing"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Pateint", "select": []})"),
              HasSubstr("FHIR R4 has no resource type `Pateint`"));
  EXPECT_THAT(refusal(R"({"name": "a b", "resource": "Patient"})"), HasSubstr("no SQL name"));
  EXPECT_THAT(refusal(R"({"name": "v", "select": []})"), HasSubstr("`resource` is missing"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "select": []})"), HasSubstr("no column"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "select": {}})"),
              HasSubstr("select: an array is expected"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "selects": []})"),
              HasSubstr("unknown element `selects`"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "select": [{"forEach": 1}]})"),
              HasSubstr("is not a string"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "select": [{"forEach": "a", "forEachOrNull": "b"}]})"),
              HasSubstr("only one of forEach"));
  EXPECT_THAT(refusal(R"({"name": "v", "resource": "Patient", "constant": [{"name": "k"}]})"),
              HasSubstr("has no value"));
}

TEST(View, RefusesWrongColumns) {
  EXPECT_THAT(refusal(with_column(R"({"name": "c", "path": "a"}, {"name": "c", "path": "b"})")),
              HasSubstr("two columns are named c"));
  EXPECT_THAT(refusal(with_column(R"({"name": "1c", "path": "a"})")), HasSubstr("no SQL name"));
  EXPECT_THAT(refusal(with_column(R"({"path": "a"})")), HasSubstr("`name` is missing"));
  EXPECT_THAT(refusal(with_column(R"({"name": "c"})")), HasSubstr("`path` is missing"));
  EXPECT_THAT(refusal(with_column(R"({"name": "c", "path": "a", "type": "Quantity"})")),
              HasSubstr("unknown type `Quantity`"));
  EXPECT_THAT(refusal(with_column(
                  R"({"name": "c", "path": "a", "type": "string", "tag": [{"name": "ansi/type", "value": "DATE"}]})")),
              HasSubstr("a string cannot be written as date"));
  EXPECT_THAT(
      refusal(with_column(R"({"name": "c", "path": "a", "tag": [{"name": "wellhead/kee", "value": "primary"}]})")),
      HasSubstr("unknown tag `wellhead/kee`"));
  EXPECT_THAT(refusal(with_column(R"({"name": "c", "path": "a", "tag": [{"name": "wellhead/key", "value": "main"}]})")),
              HasSubstr("unknown value"));
  EXPECT_THAT(refusal(with_column(R"({"name": "c", "path": "a", "tag": [{"name": "ansi/type", "value": "BLOB"}]})")),
              HasSubstr("unknown SQL type `BLOB`"));
}

TEST(View, RefusesUnionsOfUnlikeColumns) {
  EXPECT_THAT(
      refusal(R"({"name": "v", "resource": "Patient", "select": [{"unionAll": [
                {"column": [{"name": "a", "path": "x"}]}, {"column": [{"name": "b", "path": "x"}]}]}]})"),
      HasSubstr("select[0].unionAll[1]: the columns differ from those of the first select of the unionAll: b text "
                "instead of a text"));
}

}  // namespace
}  // namespace wellhead::converter
