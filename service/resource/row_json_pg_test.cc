#include "service/resource/row_json.h"

#include <gtest/gtest.h>
#include <simdjson.h>

#include "tests/fixture/database.h"

namespace wellhead::resource {
namespace {

class RowJsonTest : public ::testing::Test {
 protected:
  RowJsonTest() : connection_(database_.connect()) {
    connection_.execute("SET timezone = 'UTC'; SET datestyle = 'ISO'");
  }

  // One value of a type, as the API writes it.
  std::string json(const std::string& sql_type, const std::string& expression) {
    const storage::Result rows = connection_.query("SELECT (" + expression + ")::" + sql_type);
    converter::Column column;
    column.name = "it";
    column.sql_type = sql_type;
    std::string out = "{";
    RowJson({column}).write_members(rows, 0, 0, out);
    out += "}";
    simdjson::dom::parser parser;
    EXPECT_EQ(parser.parse(out).error(), simdjson::SUCCESS) << out;
    EXPECT_EQ(parser.parse(column_schema(column)).error(), simdjson::SUCCESS) << column_schema(column);
    return out;
  }

  fixture::TestDatabase database_;
  storage::Connection connection_;
};

TEST_F(RowJsonTest, LeavesNullsOut) {
  EXPECT_EQ(json("text", "NULL"), "{}");
  EXPECT_EQ(json("numeric", "NULL"), "{}");
}

TEST_F(RowJsonTest, WritesNumbersDigitForDigit) {
  EXPECT_EQ(json("numeric", "'7.40'"), R"({"it":7.40})");
  EXPECT_EQ(json("numeric", "'-0.10'"), R"({"it":-0.10})");
  EXPECT_EQ(json("numeric", "'.5'"), R"({"it":0.5})");
  EXPECT_EQ(json("numeric", "'12345678901234567890123456789012345678.900'"),
            R"({"it":12345678901234567890123456789012345678.900})");
  EXPECT_EQ(json("integer", "-7"), R"({"it":-7})");
  EXPECT_EQ(json("double precision", "1e300"), R"({"it":1e+300})");
  EXPECT_EQ(json("numeric", "'NaN'"), R"({"it":"NaN"})");
  EXPECT_EQ(json("double precision", "'-Infinity'"), R"({"it":"-Infinity"})");
}

TEST_F(RowJsonTest, EscapesTexts) {
  EXPECT_EQ(json("text", R"(E'a"b\\c\n\t\r\x01/é')"), R"({"it":"a\"b\\c\n\t\r\u0001/é"})");
  EXPECT_EQ(json("text", "''"), R"({"it":""})");
  // Wherever in a text it stands.
  for (std::size_t before = 0; before < 20; ++before) {
    const std::string plain(before, '~');
    EXPECT_EQ(json("text", "E'" + plain + R"(\\x"é\n')"), R"({"it":")" + plain + R"(\\x\"é\n"})");
    EXPECT_EQ(json("text", "E'" + plain + R"(!\x1f#')"), R"({"it":")" + plain + R"(!\u001f#"})");
  }
}

TEST_F(RowJsonTest, WritesMomentsInUtc) {
  EXPECT_EQ(json("timestamptz", "'2026-01-31 12:00:00.120+02'"), R"({"it":"2026-01-31T10:00:00.12Z"})");
  EXPECT_EQ(json("timestamptz", "'infinity'"), R"({"it":"infinity"})");
  EXPECT_EQ(json("date", "'0980-05-01'"), R"({"it":"0980-05-01"})");
  EXPECT_EQ(json("time", "'09:30:00.5'"), R"({"it":"09:30:00.5"})");
}

TEST_F(RowJsonTest, WritesTheRestByType) {
  EXPECT_EQ(json("boolean", "true"), R"({"it":true})");
  EXPECT_EQ(json("boolean", "false"), R"({"it":false})");
  EXPECT_EQ(json("jsonb", R"('{"a": [1, "x"]}')"), R"({"it":{"a": [1, "x"]}})");
  EXPECT_EQ(json("text[]", R"(ARRAY['plain', 'a,b', 'q"x\y', 'NULL', NULL, '', '{}'])"),
            R"({"it":["plain","a,b","q\"x\\y","NULL",null,"","{}"]})");
  EXPECT_EQ(json("text[]", "'{}'"), R"({"it":[]})");
}

}  // namespace
}  // namespace wellhead::resource
