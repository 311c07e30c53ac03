// Tests of the program with servers of its own: PostgreSQL, fhirsim.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "app/wellhead/testing/test_engine.h"
#include "library/meta/json_value.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/fhirsim.h"
#include "tests/fixture/process.h"

namespace wellhead::app::testing {

namespace fs = std::filesystem;
using fixture::Process;

using Environment = std::map<std::string, std::string>;

// Values by their JSON pointers. A value that is not there, or of another kind, throws.
class Json {
 public:
  explicit Json(const std::string& text) : document_(text) {}
  std::string text(const char* pointer) const { return std::string(value<std::string_view>(pointer)); }
  std::int64_t number(const char* pointer) const { return value<std::int64_t>(pointer); }
  bool flag(const char* pointer) const { return value<bool>(pointer); }
  std::size_t size(const char* pointer) const { return value<std::vector<meta::JsonValue>>(pointer).size(); }

 private:
  template <class T>
  T value(const char* pointer) const {
    T value{};
    const auto found = document_.root().at(pointer);
    if (!found || !found->get(value)) throw std::runtime_error(std::string("no such value in the JSON: ") + pointer);
    return value;
  }

  meta::JsonDocument document_;
};

class ProgramTest : public ::testing::Test {
 protected:
  explicit ProgramTest(std::vector<std::string> served = {"--generate", "30", "--observations", "10", "--zip", "02139"})
      : server_(std::move(served)) {
    fs::permissions(directory_.path(), fs::perms(0755));
    environment_ = {{"WELLHEAD_DATABASE_URL", database_.url()},
                    {"WELLHEAD_HOME", (directory_.path() / "home").string()},
                    {"WELLHEAD_SOURCE_URL", server_.base_url()},
                    {"WELLHEAD_LISTEN", "127.0.0.1:0"}};
    environment_.insert(engine_.settings().begin(), engine_.settings().end());
  }

  struct Outcome {
    int status = 0;
    std::string output;
    std::string errors;
  };
  Outcome run(std::vector<std::string> arguments) const {
    Process process(WELLHEAD_PROGRAM, std::move(arguments), environment_);
    const int status = process.wait(std::chrono::seconds(120));
    return {status, process.output(), process.errors()};
  }
  static void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(condition());
  }
  std::int64_t count(const std::string& table) const {
    return database_.connect().query("SELECT count(*) FROM " + table).integer(0, 0);
  }
  // Of `up` and `serve`: waits for the line with the API's address.
  static std::string api_of(Process& process) {
    std::string url;
    wait_until([&] {
      const auto output = process.output();
      const auto at = output.find("http://");
      if (at == std::string::npos || output.find('\n', at) == std::string::npos) return !process.running();
      url = output.substr(at, output.find('\n', at) - at);
      return true;
    });
    return url;
  }

  fixture::TestDirectory directory_;
  fixture::TestDatabase database_;
  fixture::FhirSim server_;
  TestEngine engine_;
  Environment environment_;
};

}  // namespace wellhead::app::testing
