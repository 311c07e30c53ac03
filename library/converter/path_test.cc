#include "library/converter/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace wellhead::converter {
namespace {

std::string read(std::string_view source) {
  try {
    return canonical(parse_path(source));
  } catch (const PathError& error) {
    return "error at " + std::to_string(error.position) + ": " + error.what();
  }
}

TEST(Path, BindsOperatorsByTheSpecificationsPrecedence) {
  EXPECT_EQ(read("a or b and c"), "($this.a or ($this.b and $this.c))");
  EXPECT_EQ(read("a and b = c | d"), "($this.a and ($this.b = ($this.c | $this.d)))");
  EXPECT_EQ(read("1 + 2 * 3 - 4"), "((1 + (2 * 3)) - 4)");
  EXPECT_EQ(read("(a or b) and c"), "(($this.a or $this.b) and $this.c)");
  EXPECT_EQ(read("a implies b or c"), "($this.a implies ($this.b or $this.c))");
  EXPECT_EQ(read("-1 + 2"), "(-(1) + 2)");
  EXPECT_EQ(read("value is FHIR.Quantity and a"), "(($this.value is $this.Quantity) and $this.a)");
}

TEST(Path, ReadsFunctionsIndexersAndVariables) {
  EXPECT_EQ(read("name.where(use = 'official').first().given[0]"),
            "$this.name.where(($this.use = 'official')).first().given[0]");
  EXPECT_EQ(read("iif($this.exists(), %rowIndex, $index)"), "$this.iif($this.exists(),%rowIndex,$index)");
  EXPECT_EQ(read("%`my constant` & {}"), "(%my constant & {})");
  EXPECT_EQ(read("`div`.`as`"), "$this.div.as");
}

TEST(Path, ReadsLiterals) {
  EXPECT_EQ(read(R"('it\'s \u00e9 \ud83d\ude00')"), "'it\\'s \u00e9 \U0001F600'");
  EXPECT_EQ(read("@2020-02-03T10:11:12.5+01:00"), "@2020-02-03T10:11:12.5+01:00");
  EXPECT_EQ(read("7.40"), "7.40");
  EXPECT_EQ(read("4 'mg' = 4 days"), "(4'mg' = 4 days)");
  EXPECT_EQ(read("true and false"), "(true and false)");
}

TEST(Path, DoesNotDependOnBlanksOrComments) {
  EXPECT_EQ(read(" a . b /* why */ = // because\n 'x' "), read("a.b='x'"));
}

TEST(Path, NamesThePlaceOfAMistake) {
  EXPECT_EQ(read("name.where(use = 'official'"), "error at 27: `)` is expected");
  EXPECT_EQ(read("name..given"), "error at 5: the name of an element or function is expected");
  EXPECT_EQ(read("@@"), "error at 1: a date is expected after @");
  EXPECT_EQ(read("name given"), "error at 5: unexpected `given`");
  EXPECT_EQ(read("'open"), "error at 0: the quotation does not end");
  EXPECT_EQ(read("a /* open"), "error at 2: the comment does not end");
  EXPECT_EQ(read(""), "error at 0: the path ends where more is expected");
  EXPECT_EQ(read("a = "), "error at 4: the path ends where more is expected");
  EXPECT_EQ(read("a ? b"), "error at 2: unexpected character");
  EXPECT_EQ(read(R"('\q')"), "error at 1: unknown escape in a string");
  EXPECT_EQ(read(R"('\u00)"), "error at 1: unknown escape in a string");
  EXPECT_EQ(read("% x"), "error at 1: a name is expected after %");
}

TEST(Path, BoundsItsNestingAndLength) {
  EXPECT_THAT(read(std::string(5000, '(')), ::testing::HasSubstr("nested too deep"));
  EXPECT_THAT(read(std::string(5000, '-') + "1"), ::testing::HasSubstr("nested too deep"));
  std::string members = "a";
  std::string sums = "a";
  for (int i = 0; i < 5000; ++i) {
    members += ".a";
    sums += "|a";
  }
  EXPECT_THAT(read(members), ::testing::HasSubstr("too long"));
  EXPECT_THAT(read(sums), ::testing::HasSubstr("too long"));
}

}  // namespace
}  // namespace wellhead::converter
