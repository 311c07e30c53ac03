// Runs files of the public SQL on FHIR test suite's format (test.schema.json of FHIR/sql-on-fhir-v2): resources, and
// tests, each with a view and what it must give. Blocks on nothing; for `wellhead views test` and the tests, not for
// speed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

struct SuiteCase {
  std::string title;
  std::vector<std::string> tags;  // shareable, experimental …
  bool passed = false;
  std::string reason;  // why it did not pass; holds values of the suite's own resources
};

struct SuiteResult {
  std::string file;  // as given
  std::string title;
  std::vector<SuiteCase> cases;

  std::size_t passed() const;
};

// Throws Error{invalid_input} when the text is no suite. A view that is refused and a resource that is rejected are
// results: what `expectError` asks for, and otherwise why a case fails. Rows are compared without their order, numbers
// by value; a column that an expected row does not name must be null.
SuiteResult run_suite(std::string file, std::string_view json);

// The public test report: {"basic.json": {"tests": [{"name": …, "result": {"passed": true}}]}}.
std::string test_report_json(const std::vector<SuiteResult>& results);

}  // namespace wellhead::converter
