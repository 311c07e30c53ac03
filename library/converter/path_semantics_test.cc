// What paths mean, by the rows they give.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/converter/testing/conversion.h"

namespace wellhead::converter {
namespace {

using testing::Conversion;
using testing::ConversionRunner;
using testing::view_of;

constexpr std::string_view kPatient = R"({
  "resourceType": "Patient", "id": "p1", "active": true,
  "name": [{"use": "official", "family": "Adams", "given": ["Ann", "Berta"]},
           {"use": "old", "family": "Brown", "given": ["Ann"]},
           {"family": "Clark", "text": "C. \"the\" Clark, \u00e9"}],
  "address": [null, {"city": "Boston"}],
  "multipleBirthInteger": 2,
  "extension": [{"url": "http://a", "valueString": "one"}, {"url": "http://b", "valueDecimal": 7.40}],
  "contact": [{"relationship": [{"coding": [{"code": "N"}, {"code": "E"}]}]}],
  "generalPractitioner": [{"reference": "Practitioner/d1"}, {"reference": "Organization/o1"}],
  "contained": [{"resourceType": "Organization", "id": "c1"}, {"resourceType": "Practitioner", "id": "c2"}]
})";

// The value of one path over kPatient.
std::string value(std::string_view path) { return ConversionRunner({view_of({{"c", path}})})(kPatient)["c"]; }

TEST(PathSemantics, MembersGoThroughCollections) {
  EXPECT_EQ(value("name.given.join('+')"), "Ann+Berta+Ann");
  EXPECT_EQ(value("contact.relationship.coding.code.join()"), "NE");
  EXPECT_EQ(value("address.city"), "Boston");
  EXPECT_EQ(value("nothing.here"), "NULL");
  EXPECT_EQ(value("Patient.active"), "true");
}

TEST(PathSemantics, Subsets) {
  EXPECT_EQ(value("name.family.first()"), "Adams");
  EXPECT_EQ(value("name.family.last()"), "Clark");
  EXPECT_EQ(value("name[1].family"), "Brown");
  EXPECT_EQ(value("name[7].family"), "NULL");
  EXPECT_EQ(value("name.family.tail().join(' ')"), "Brown Clark");
  EXPECT_EQ(value("name.family.skip(2)"), "Clark");
  EXPECT_EQ(value("name.family.take(2).join(' ')"), "Adams Brown");
  EXPECT_EQ(value("name.where(use = 'old').single().family"), "Brown");
  EXPECT_EQ(value("name.given.distinct().join(' ')"), "Ann Berta");
  EXPECT_EQ(value("name.family.combine(name.given).count()"), "6");
  EXPECT_EQ(value("(name.given | name.family).join(' ')"), "Ann Berta Adams Brown Clark");
}

TEST(PathSemantics, RepeatEndsWithPlainValues) {
  EXPECT_EQ(value("name.repeat(given).join(' ')"), "Ann Berta");
  EXPECT_EQ(value("contact.repeat(relationship | coding | code).count()"), "5");
}

TEST(PathSemantics, EmptyIsNeitherTrueNorFalse) {
  EXPECT_EQ(value("name.where(use = 'old').family"), "Brown");
  EXPECT_EQ(value("name.where(use != 'old').family"), "Adams");  // without a use the criterion is empty
  EXPECT_EQ(value("name.where(use.empty() or use != 'old').family.join(' ')"), "Adams Clark");
  EXPECT_EQ(value("nothing = 'x'"), "NULL");
  EXPECT_EQ(value("nothing.not()"), "NULL");
  EXPECT_EQ(value("nothing.exists()"), "false");
  EXPECT_EQ(value("nothing and false"), "false");
  EXPECT_EQ(value("nothing and true"), "NULL");
  EXPECT_EQ(value("nothing or true"), "true");
  EXPECT_EQ(value("nothing or false"), "NULL");
  EXPECT_EQ(value("nothing xor true"), "NULL");
  EXPECT_EQ(value("active xor false"), "true");
  EXPECT_EQ(value("nothing implies true"), "true");
  EXPECT_EQ(value("false implies nothing"), "true");
  EXPECT_EQ(value("true implies nothing"), "NULL");
}

TEST(PathSemantics, Questions) {
  EXPECT_EQ(value("name.exists(use = 'old')"), "true");
  EXPECT_EQ(value("name.exists(use = 'temp')"), "false");
  EXPECT_EQ(value("name.all(family.exists())"), "true");
  EXPECT_EQ(value("name.all(use.exists())"), "false");
  EXPECT_EQ(value("name.family = name.family"), "true");
  EXPECT_EQ(value("name.family = name.given"), "false");
  EXPECT_EQ(value("multipleBirth.ofType(integer) >= 2"), "true");
  EXPECT_EQ(value("extension('http://b').value.ofType(decimal) = 7.4"), "true");
  EXPECT_EQ(value("extension('http://b').value.ofType(decimal) < -7.4"), "false");
  EXPECT_EQ(value("name[0].family.startsWith('Ad') and name[0].family.endsWith('s') and name[0].family.contains('am')"),
            "true");
  EXPECT_EQ(value("name.where($index = 1).family"), "Brown");
}

TEST(PathSemantics, Choices) {
  EXPECT_EQ(value("multipleBirth.ofType(integer)"), "2");
  EXPECT_EQ(value("multipleBirth as integer"), "2");
  EXPECT_EQ(value("multipleBirth.ofType(boolean)"), "NULL");
  EXPECT_EQ(value("contained.ofType(Practitioner).id"), "c2");
  EXPECT_EQ(value("iif(active, name.first(), name.last()).family"), "Adams");
  EXPECT_EQ(value("iif(nothing.exists(), 'a')"), "NULL");
}

TEST(PathSemantics, Texts) {
  EXPECT_EQ(value("name.text"), "C. \"the\" Clark, \u00e9");
  EXPECT_EQ(value("name.text & '|' & nothing"), "C. \"the\" Clark, \u00e9|");
  EXPECT_EQ(value("multipleBirth.ofType(integer).toString() & 'x'"), "2x");
  EXPECT_EQ(value("nothing.join(',')"), "");
}

TEST(PathSemantics, Keys) {
  EXPECT_EQ(value("getResourceKey()"), "p1");
  EXPECT_EQ(value("generalPractitioner.getReferenceKey(Organization)"), "o1");
  EXPECT_EQ(value("generalPractitioner.getReferenceKey().join(' ')"), "d1 o1");
  EXPECT_EQ(value("%resource.id"), "p1");
}

TEST(PathSemantics, MoreThanOneValueIsRejectedUnlessACollection) {
  EXPECT_EQ(value("name.family"), "REJECTED: column c: more than one value (path name.family)");
  EXPECT_EQ(value("active and name"),
            "REJECTED: column c: more than one item where one is expected (path active and name)");
  ConversionRunner run({R"json({"name": "v", "resource": "Patient", "select": [{"column": [
    {"name": "c", "path": "name.text.combine(name.given)", "type": "string", "collection": true}]}]})json"});
  EXPECT_EQ(run(kPatient)["c"], R"(["C. \"the\" Clark, é","Ann","Berta","Ann"])");
}

TEST(PathSemantics, UnitesTheFieldsThatBothSidesOfAUnionWant) {
  EXPECT_EQ(value("name.where(use = 'x').combine(contact.name).combine(name).first().family"), "Adams");
  EXPECT_EQ(value("contained.combine(generalPractitioner).where(id.exists()).resourceType.join(' ')"),
            "Organization Practitioner");
}

// Rows of a Patient view whose select is given, joined as text.
std::string rows(std::string_view select) {
  const std::string view = R"({"name": "v", "resource": "Patient", "select": )" + std::string(select) + "}";
  ConversionRunner run({view_of({{"id", "id"}}), view});
  const Conversion conversion = run(kPatient);
  if (!conversion.rejected.empty()) return conversion.rejected;
  std::string out;
  for (const auto& row : conversion.views[1]) {
    for (const auto& [name, field] : row) {
      if (name != "digest") out += field.value_or("-") + " ";
    }
    out += "/ ";
  }
  return out;
}

TEST(Selects, ForEachGivesARowAnItem) {
  EXPECT_EQ(
      rows(R"([{"forEach": "name", "column": [{"name": "a", "path": "family"}, {"name": "b", "path": "%rowIndex"}]}])"),
      "Adams 0 / Brown 1 / Clark 2 / ");
  EXPECT_EQ(rows(R"([{"forEach": "photo", "column": [{"name": "a", "path": "url"}]}])"), "");
  EXPECT_EQ(
      rows(
          R"([{"forEachOrNull": "photo", "column": [{"name": "a", "path": "url"}, {"name": "b", "path": "%rowIndex"}]}])"),
      "- 0 / ");
}

TEST(Selects, SiblingsMultiply) {
  EXPECT_EQ(rows(R"json([{"forEach": "name.given", "column": [{"name": "a", "path": "$this"}]},
                         {"forEach": "generalPractitioner", "column": [{"name": "b", "path": "getReferenceKey()"}]}])json"),
            "Ann d1 / Ann o1 / Berta d1 / Berta o1 / Ann d1 / Ann o1 / ");
  EXPECT_EQ(rows(R"([{"forEach": "name", "column": [{"name": "a", "path": "family"}],
                      "select": [{"forEach": "given", "column": [{"name": "b", "path": "$this"}]}]},
                     {"column": [{"name": "c", "path": "id"}]}])"),
            "Adams Ann p1 / Adams Berta p1 / Brown Ann p1 / ");
}

TEST(Selects, UnionAllPutsBranchesOneBehindTheOther) {
  EXPECT_EQ(rows(R"([{"column": [{"name": "a", "path": "id"}],
                      "unionAll": [{"forEach": "photo", "column": [{"name": "b", "path": "url"}]},
                                   {"forEach": "name", "column": [{"name": "b", "path": "family"}]},
                                   {"column": [{"name": "b", "path": "'z'"}]}]},
                     {"column": [{"name": "c", "path": "'end'"}]}])"),
            "p1 Adams end / p1 Brown end / p1 Clark end / p1 z end / ");
}

TEST(Selects, RepeatGoesDown) {
  ConversionRunner run(
      {R"({"name": "m", "resource": "QuestionnaireResponse", "select": [{"column": [{"name": "id", "path": "id"}]}]})",
       R"({"name": "v", "resource": "QuestionnaireResponse", "select": [
                          {"repeat": ["item", "answer.item"], "column": [{"name": "link", "path": "linkId"}]}]})"});
  const Conversion conversion = run(R"({"resourceType": "QuestionnaireResponse", "id": "q", "item": [
    {"linkId": "1", "item": [{"linkId": "1.1", "answer": [{"item": [{"linkId": "1.1.1"}]}]}]}, {"linkId": "2"}]})");
  std::string links;
  for (const auto& row : conversion.views[1]) links += row.at("link").value() + " ";
  EXPECT_EQ(links, "1 1.1 1.1.1 2 ");
}

TEST(Selects, ARepeatWithoutEndIsRejected) {
  EXPECT_THAT(rows(R"([{"repeat": ["$this"], "column": [{"name": "a", "path": "id"}]}])"),
              ::testing::HasSubstr("a repeat does not end"));
}

TEST(Selects, WhereLeavesResourcesOut) {
  ConversionRunner run({view_of({{"id", "id"}}), R"json({
    "name": "v", "resource": "Patient", "select": [{"column": [{"name": "id", "path": "id"}]}],
    "constant": [{"name": "use", "valueCode": "official"}],
    "where": [{"path": "active"}, {"path": "name.where(use = %use).exists()"}]})json"});
  EXPECT_EQ(run(kPatient).views[1].size(), 1U);
  EXPECT_EQ(run(R"({"resourceType": "Patient", "id": "p", "active": true})").views[1].size(), 0U);
  EXPECT_EQ(run(R"({"resourceType": "Patient", "id": "p", "active": "yes"})").rejected, "a condition is not a boolean");
}

}  // namespace
}  // namespace wellhead::converter
