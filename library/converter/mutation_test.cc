// Broken and hostile input: whatever the bytes, a resource becomes well-formed rows or a rejection, never a crash.
// Bounded and seeded, so it is the same on every run; run under a sanitizer it also proves that nothing is read past
// the padding.
#include <gtest/gtest.h>

#include <fstream>
#include <random>

#include "library/converter/testing/conversion.h"
#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(WELLHEAD_SOURCE_DIR "/" + path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

std::vector<std::string> lines_of(const std::string& path, std::size_t most) {
  std::ifstream in(WELLHEAD_SOURCE_DIR "/" + path, std::ios::binary);
  std::vector<std::string> lines;
  for (std::string line; lines.size() < most && std::getline(in, line);) lines.push_back(line);
  return lines;
}

// Converts and checks that what came out is a CSV row a view, or nothing and a reason.
void expect_rows_or_reason(testing::ConversionRunner& run, const std::string& resource) {
  const testing::Conversion conversion = run(resource);  // throws when the CSV is malformed
  for (const auto& rows : conversion.views) EXPECT_TRUE(conversion.rejected.empty() || rows.empty());
  EXPECT_TRUE(!conversion.rejected.empty() || conversion.views[0].size() == 1U);
}

struct BuiltIn {
  testing::ConversionRunner run;
  std::vector<std::string> resources;
};

std::vector<BuiltIn> built_in() {
  std::vector<BuiltIn> result;
  result.push_back({testing::ConversionRunner({read_file("service/patient/patient.view.json")}),
                    lines_of("library/converter/testdata/patient.ndjson", 3)});
  result.push_back({testing::ConversionRunner({read_file("service/observation/observation.view.json"),
                                               read_file("service/observation/observation_component.view.json")}),
                    lines_of("library/converter/testdata/observation.ndjson", 20)});
  return result;
}

TEST(Mutation, EveryTruncationIsRejected) {
  for (BuiltIn& views : built_in()) {
    ASSERT_FALSE(views.resources.empty());
    const std::string& resource = views.resources[0];
    for (std::size_t length = 0; length < resource.size(); ++length) {
      EXPECT_FALSE(views.run(resource.substr(0, length)).rejected.empty()) << length;
    }
    EXPECT_TRUE(views.run(resource).rejected.empty());
  }
}

TEST(Mutation, ChangedBytesGiveRowsOrAReason) {
  std::mt19937 random(20260101);
  constexpr std::string_view telling = "{}[]\",:\\/u0tfn-1eE. \n\x00\x7f\xc3\xff#";
  for (BuiltIn& views : built_in()) {
    for (int round = 0; round < 6000; ++round) {
      std::string resource = views.resources[random() % views.resources.size()];
      const std::size_t changes = 1 + random() % 3;
      for (std::size_t i = 0; i < changes; ++i) {
        const std::size_t at = random() % resource.size();
        switch (random() % 4) {
          case 0:
            resource[at] = telling[random() % telling.size()];
            break;
          case 1:
            resource[at] = static_cast<char>(random());
            break;
          case 2:
            resource.erase(at, 1 + random() % 8);
            break;
          default:
            resource.insert(at, 1, telling[random() % telling.size()]);
            break;
        }
        if (resource.empty()) break;
      }
      expect_rows_or_reason(views.run, resource);
    }
  }
}

// Values of every JSON type in the place of every value.
TEST(Mutation, ExchangedValuesGiveRowsOrAReason) {
  constexpr const char* values[] = {"null",
                                    "true",
                                    "0",
                                    "-1e5",
                                    R"("")",
                                    R"("\u0000")",
                                    R"("x")",
                                    "[]",
                                    "[null]",
                                    "[[]]",
                                    "{}",
                                    R"([{"value": [{}]}])",
                                    R"({"coding": "x"})",
                                    R"({"reference": 5})",
                                    R"({"start": "1980-02-30"})"};
  for (BuiltIn& views : built_in()) {
    for (const std::string& resource : views.resources) {
      for (std::size_t colon = resource.find("\":"); colon != std::string::npos;
           colon = resource.find("\":", colon + 2)) {
        const std::size_t begin = colon + 2;
        const std::size_t end = resource.find_first_of(",}]", begin);
        const char* value = values[(begin * 7 + resource.size()) % std::size(values)];
        expect_rows_or_reason(views.run, resource.substr(0, begin) + value + resource.substr(end));
      }
    }
  }
}

TEST(Mutation, ChangedViewsAreAcceptedOrRefused) {
  std::mt19937 random(20260102);
  constexpr std::string_view telling = "{}[]\"',:.()%$@=|&<0a ";
  const std::string definition = read_file("service/observation/observation_component.view.json");
  int refused = 0;
  for (int round = 0; round < 400; ++round) {
    std::string changed = definition;
    for (int i = 0; i < 3; ++i) changed[random() % changed.size()] = telling[random() % telling.size()];
    try {
      View::parse(changed);
    } catch (const meta::Error& error) {
      EXPECT_EQ(error.code(), meta::ErrorCode::invalid_view);
      ++refused;
    }
  }
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace wellhead::converter
