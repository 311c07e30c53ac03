// What the chaos programs have in common: a load that is disturbed, beside one of the same source that was not, and the
// comparison of the two.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <map>
#include <random>
#include <string>

#include "tests/fixture/fhirsim.h"
#include "tests/fixture/postgres.h"
#include "tests/fixture/process.h"
#include "tests/functional/program.h"

namespace wellhead::chaos {

[[noreturn]] void fail(const std::string& what, const fixture::Process& program);
void expect(bool good, const std::string& what);

// Owns its servers, databases and directories. Calls block, and throw std::runtime_error with what was expected and
// what the program wrote.
class DisturbedLoad {
 public:
  DisturbedLoad(int patients, int observations, std::uint64_t seed);

 protected:
  using Clock = std::chrono::steady_clock;

  // Of the load that is disturbed, on the embedded engine.
  std::map<std::string, std::string> settings() const;
  // The other one; with faults of the source from then on.
  void load_undisturbed(const std::string& faults);
  std::chrono::milliseconds chance(int least, int most);
  // Those whose observations are staged; 0 while PostgreSQL is away.
  std::int64_t patients_done() const;
  // The disturbed load has ended complete, with the rows and receipts of the other.
  void expect_equal() const;
  // No attempt fetched what an earlier one had finished, nor more than was in flight at so many disturbances.
  static void expect_little_repeated(const functional::FetchProof::Figures& figures, int disturbances);
  int patients() const { return patients_; }

 private:
  int patients_;
  int observations_;
  std::mt19937_64 random_;

 protected:
  fixture::PostgresServer postgres_;
  fixture::FhirSim source_;
  functional::Warehouse undisturbed_;
  functional::Warehouse warehouse_;
  functional::FetchProof proof_;
};

// To every chaos program's options.
template <class Options>
void add_load_options(CLI::App& app, Options& options) {
  options.seed = std::random_device()();
  app.add_option("--patients", options.patients, "Patients of the load")->capture_default_str();
  app.add_option("--observations", options.observations, "Observations of each")->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of what is generated and of chance; by default another each time");
}

// The whole trial; the exit status of its program.
template <class Trial, class Options>
int run_trial(const char* name, const Options& options) {
  const auto begun = std::chrono::steady_clock::now();
  try {
    fmt::print("{}: seed {}\n", name, options.seed);
    std::fflush(stdout);
    Trial trial(options);
    trial.load_undisturbed();
    trial.disturb();
    trial.finish();
    trial.verify();
  } catch (const std::exception& error) {
    fmt::print("{}: FAILED (--seed {}): {}\n", name, options.seed, error.what());
    return 1;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  fmt::print("{}: rows and receipt are those of an undisturbed load ({:.0f} s)\n", name, seconds.count());
  return 0;
}

}  // namespace wellhead::chaos
