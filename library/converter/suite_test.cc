// Every case of the project's own suite, and of the public one where it is at hand: WELLHEAD_SQL_ON_FHIR names its
// folder (with `tests` in it), by default ../shared/sql-on-fhir beside the sources.
#include "library/converter/suite.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "library/meta/error.h"

namespace wellhead::converter {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// Runs all files of the folder; the number of cases.
std::size_t run_folder(const fs::path& folder) {
  std::size_t cases = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".json") continue;
    const SuiteResult result = run_suite(entry.path().filename(), read_file(entry.path()));
    EXPECT_FALSE(result.cases.empty()) << result.file;
    for (const SuiteCase& suite_case : result.cases) {
      EXPECT_TRUE(suite_case.passed) << result.file << ", " << suite_case.title << ": " << suite_case.reason;
    }
    cases += result.cases.size();
  }
  return cases;
}

TEST(Suite, OwnCasesPass) { EXPECT_GT(run_folder(WELLHEAD_SOURCE_DIR "/library/converter/testdata/suite"), 200U); }

TEST(Suite, PublicCasesPass) {
  const char* wanted = std::getenv("WELLHEAD_SQL_ON_FHIR");
  const fs::path folder = fs::path(wanted != nullptr ? wanted : WELLHEAD_SQL_ON_FHIR) / "tests";
  if (!fs::is_directory(folder)) {
    EXPECT_EQ(wanted, nullptr) << "WELLHEAD_SQL_ON_FHIR: there is no folder " << folder;
    std::cout << "the public SQL on FHIR suite is not at " << folder << ": its cases did not run\n";
    return;
  }
  const std::size_t cases = run_folder(folder);
  EXPECT_GT(cases, 0U);
  std::cout << cases << " cases of the public SQL on FHIR suite\n";
}

std::string one_case(const std::string& rest) {
  return R"json({"title": "t", "resources": [{"resourceType": "Patient", "id": "a", "multipleBirthInteger": 2},
    {"resourceType": "Group", "id": "g"}], "tests": [{"title": "c", "tags": ["shareable"], "view":
    {"resource": "Patient", "select": [{"column": [{"name": "id", "path": "id", "type": "id"},
      {"name": "n", "path": "multipleBirth.ofType(integer)", "type": "integer"}]}]}, )json" +
         rest + "}]}";
}

std::string reason(const std::string& rest) { return run_suite("f.json", one_case(rest)).cases.at(0).reason; }

TEST(Suite, TellsWhatDiffers) {
  EXPECT_EQ(reason(R"("expect": [{"id": "a", "n": 2.0}])"), "");
  EXPECT_EQ(reason(R"("expectCount": 1, "expectColumns": ["id", "n"])"), "");
  EXPECT_EQ(reason(R"("expect": [{"id": "a", "n": "2"}])"),
            "1 rows are missing, such as {id='a, n='2}; 1 rows are not expected, such as {id='a, n=2}");
  EXPECT_EQ(reason(R"("expect": [{"id": "a", "n": 2, "other": 1}])"),
            "1 rows are missing, such as {id='a, n=2, other=1}; 1 rows are not expected, such as {id='a, n=2}");
  EXPECT_THAT(reason(R"("expect": [{"id": "a"}])"), HasSubstr("n=null"));
  EXPECT_THAT(reason(R"("expect": [])"), HasSubstr("1 rows are not expected"));
  EXPECT_THAT(reason(R"("expect": {})"), HasSubstr("no list of rows"));
  EXPECT_EQ(reason(R"("expectCount": 2)"), "1 rows instead of 2");
  EXPECT_EQ(reason(R"("expectColumns": ["n", "id"])"), "the columns are id n");
  EXPECT_EQ(reason(R"("expectError": true)"), "an error is expected, but there is none");
}

TEST(Suite, WritesThePublicReport) {
  const std::string good = one_case(R"("expectCount": 1)");
  const std::string bad = one_case(R"("expectCount": 2)");
  EXPECT_EQ(test_report_json({run_suite("good.json", good), run_suite("bad \"1\".json", bad)}), R"json({
  "good.json": {"tests": [
    {"name": "c", "result": {"passed": true}}
  ]},
  "bad \"1\".json": {"tests": [
    {"name": "c", "result": {"passed": false, "error": "1 rows instead of 2"}}
  ]}
}
)json");
  EXPECT_EQ(run_suite("good.json", good).passed(), 1U);
}

TEST(Suite, RefusesWhatIsNoSuite) {
  for (const char* bad : {"", "[]", "{}", R"({"tests": 1})", R"({"tests": [1]})", R"({"tests": [{"title": 1}]})"}) {
    EXPECT_THROW(run_suite("bad.json", bad), meta::Error) << bad;
  }
}

}  // namespace
}  // namespace wellhead::converter
