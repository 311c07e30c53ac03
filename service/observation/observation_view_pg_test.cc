// What the converter accepts, PostgreSQL must accept too: one field that it refuses would fail the load of a whole
// batch.
#include <gtest/gtest.h>

#include "library/converter/converter.h"
#include "service/observation/observation.h"
#include "tests/fixture/database.h"

namespace wellhead::observation {
namespace {

class ObservationRows : public ::testing::Test {
 protected:
  ObservationRows() {
    std::string columns;
    for (const auto& column : view_.columns()) columns += column.name + " " + column.sql_type + ", ";
    connection_.execute("CREATE TEMP TABLE observation (" + columns + "digest uuid)");
  }

  // Converts an Observation with the field, loads it, and gives the text of an expression over its row.
  std::string loaded(const std::string& field, const std::string& expression) {
    std::string json =
        R"({"resourceType": "Observation", "id": "o", "subject": {"reference": "Patient/p"}, )" + field + "}";
    const std::size_t size = json.size();
    json.append(converter::Converter::kPadding, ' ');
    std::vector<converter::CsvOutput> outputs(1);
    const auto result = converter_.convert(std::string_view(json).substr(0, size), "", outputs);
    if (!result) return "rejected: " + result.error().reason;
    connection_.execute("TRUNCATE observation");
    connection_.begin_copy("COPY observation FROM STDIN (FORMAT csv)");
    connection_.write_copy(outputs[0].bytes);
    connection_.end_copy();
    return std::string(
        connection_.query("SELECT coalesce((" + expression + ")::text, 'NULL') FROM observation").text(0, 0));
  }

  converter::View view_ = converter::View::parse(observation_view_json());
  converter::Converter converter_{{view_}, {}};
  fixture::TestDatabase database_;
  storage::Connection connection_ = database_.connect();
};

TEST_F(ObservationRows, HoldTimesOfEveryForm) {
  const auto start = [&](const std::string& text) {
    return loaded(R"("effectiveDateTime": ")" + text + '"', "effective_start");
  };
  EXPECT_EQ(start("1980"), "1980-01-01 00:00:00+00");
  EXPECT_EQ(start("2016-12-31T23:59:60Z"), "2017-01-01 00:00:00+00");
  EXPECT_EQ(start("2020-01-01T00:00:00.123456789+14:00"), "2019-12-31 10:00:00.123457+00");
  EXPECT_EQ(start("9999-12-31T23:59:59.999999999-14:00"), "10000-01-01 14:00:00+00");
  EXPECT_EQ(start("0001-01-01T00:00:00+14:00"), "0001-12-31 10:00:00+00 BC");
  EXPECT_EQ(start("2020-01-01T00:00:00." + std::string(200, '1') + "Z"), "2020-01-01 00:00:00.111111+00");
  EXPECT_EQ(loaded(R"("effectivePeriod": {"end": "2024-02"})", "effective_end"), "2024-02-29 23:59:59.999999+00");
  EXPECT_EQ(loaded(R"("effectivePeriod": {"end": "9999"})", "effective_end"), "9999-12-31 23:59:59.999999+00");
  EXPECT_EQ(start("2016-12-31T23:59:60.5Z"), "2017-01-01 00:00:00+00");
  EXPECT_EQ(loaded(R"("valueTime": "23:59:60")", "value_time"), "24:00:00");
  EXPECT_EQ(loaded(R"("valueTime": "23:59:59.999999999")", "value_time"), "24:00:00");
  EXPECT_EQ(loaded(R"("valueTime": "00:00:00.)" + std::string(200, '1') + "\"", "value_time"), "00:00:00.111111");
}

TEST_F(ObservationRows, HoldNumbersExactly) {
  const auto number = [&](const std::string& text, const std::string& expression = "value_number") {
    return loaded(R"("valueQuantity": {"value": )" + text + "}", expression);
  };
  const std::string fifty = "12345678901234567890123456.789012345678901234567890";
  EXPECT_EQ(number("7.40"), "7.40");
  EXPECT_EQ(number(fifty), fifty);
  EXPECT_EQ(number("-1.5E-3"), "-0.0015");
  EXPECT_EQ(number("1e131071", "length(value_number::text)"), "131072");
  EXPECT_EQ(number("0.1e131072", "length(value_number::text)"), "131072");
  EXPECT_EQ(number("1e-16383", "scale(value_number)"), "16383");
  EXPECT_EQ(number("0e131072"), "0");
  EXPECT_EQ(number("-0.00"), "0.00");
  EXPECT_EQ(loaded(R"("valueInteger": -2147483648)", "value_integer"), "-2147483648");
}

TEST_F(ObservationRows, HoldTextsAsTheyAre) {
  const auto text = [&](const std::string& json, const std::string& expression = "value_text") {
    return loaded(R"("valueString": ")" + json + '"', expression);
  };
  EXPECT_EQ(text(R"(a, \"b\"\r\nc\t\\.)"), "a, \"b\"\r\nc\t\\.");
  EXPECT_EQ(text(R"(\\.)"), "\\.");
  EXPECT_EQ(text(R"(\\N)"), "\\N");
  EXPECT_EQ(text(R"(  blanks  )"), "  blanks  ");
  EXPECT_EQ(text(R"(\ud83d\ude00é)"), "\U0001F600é");
  EXPECT_EQ(text(R"(\u007f\u0001)", "length(value_text)"), "2");
  EXPECT_EQ(text("", "value_text = ''"), "true");
  EXPECT_EQ(loaded(R"("status": "final")", "value_text IS NULL"), "true");
}

}  // namespace
}  // namespace wellhead::observation
