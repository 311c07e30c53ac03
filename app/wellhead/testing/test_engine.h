// The engine that the program's tests run on: the same tests are built for each.
#pragma once

#include <map>
#include <memory>
#include <string>

namespace wellhead::app::testing {

#ifdef WELLHEAD_TEST_ON_TEMPORAL
inline constexpr bool kOnTemporal = true;
#else
inline constexpr bool kOnTemporal = false;
#endif

// Owns the engine's server, if it has one.
class TestEngine {
 public:
  TestEngine();
  ~TestEngine();
  TestEngine(const TestEngine&) = delete;
  TestEngine& operator=(const TestEngine&) = delete;

  // Of the program.
  const std::map<std::string, std::string>& settings() const { return settings_; }

 private:
  struct Server;
  std::unique_ptr<Server> server_;
  std::map<std::string, std::string> settings_;
};

}  // namespace wellhead::app::testing
