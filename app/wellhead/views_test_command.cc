// wellhead views test: runs test suites of the public SQL on FHIR format and reports in its own.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "app/wellhead/views.h"
#include "library/converter/suite.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kViewsTestExamples =
    "  wellhead views test tests/                            every suite of a directory, and what failed why\n"
    "  wellhead views test tests/ --report test_report.json  with the public report in a file\n"
    "  wellhead views test tests/ --json                     the report on standard output\n"
    "Exit status: 0 when all passed, 1 when one failed, 2 when there is nothing to run.";

struct TestArguments {
  std::string directory;
  std::string report;
};

std::vector<std::filesystem::path> suite_files(const std::filesystem::path& given) {
  std::vector<std::filesystem::path> files;
  std::error_code failure;
  if (std::filesystem::is_directory(given, failure)) {
    for (const auto& entry : std::filesystem::directory_iterator(given)) {
      if (entry.path().extension() == ".json") files.push_back(entry.path());
    }
  } else if (std::filesystem::exists(given, failure)) {
    files.push_back(given);
  }
  if (files.empty()) {
    throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("{} has no suites", given.string()),
                      "Give a directory of *.json files in the format of the SQL on FHIR test suite");
  }
  std::ranges::sort(files);
  return files;
}

converter::SuiteResult run_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  const std::string json((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in.is_open() || in.bad()) {
    throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("{} cannot be read", path.string()));
  }
  try {
    return converter::run_suite(path.filename().string(), json);
  } catch (const meta::Error& error) {
    throw meta::Error(error.code(), fmt::format("{}: {}", path.string(), error.message()), error.advice());
  }
}

void print_results(const std::vector<converter::SuiteResult>& results) {
  std::size_t passed = 0;
  std::size_t all = 0;
  for (const auto& result : results) {
    fmt::print("{}: {} of {} passed\n", result.file, result.passed(), result.cases.size());
    for (const auto& each : result.cases) {
      if (!each.passed) fmt::print("  FAILED {}: {}\n", each.title, each.reason);
    }
    passed += result.passed();
    all += result.cases.size();
  }
  fmt::print("{} of {} passed\n", passed, all);
}

int test(const CommandLine& line, const TestArguments& arguments) {
  line.start();
  std::vector<converter::SuiteResult> results;
  for (const auto& path : suite_files(arguments.directory)) results.push_back(run_file(path));
  const auto report = converter::test_report_json(results);
  if (!arguments.report.empty()) {
    std::ofstream out(arguments.report, std::ios::binary);
    out << report;
    if (!out.flush()) {
      throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("{} cannot be written", arguments.report));
    }
  }
  if (line.json) {
    fmt::print("{}", report);
  } else {
    print_results(results);
  }
  const bool passed = std::ranges::all_of(
      results, [](const converter::SuiteResult& result) { return result.passed() == result.cases.size(); });
  return passed ? kDone : kWorkFailed;
}

}  // namespace

void add_views_test(const Command& views, CommandLine& line) {
  const auto command =
      add_command(views, line, "test", "Run test suites of the public SQL on FHIR format.", kViewsTestExamples, {});
  const auto arguments = std::make_shared<TestArguments>();
  command.option("directory", arguments->directory, "Directory of suites, or one of them.").required().type_name("DIR");
  command.option("--report", arguments->report, "Also write the public test report (JSON) to this file.")
      .type_name("FILE");
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return test(line, *arguments); }; });
}

}  // namespace wellhead::app
