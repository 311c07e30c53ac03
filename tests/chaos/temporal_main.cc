// temporal_chaos [--kills N] [--seed S] …: one load by several workers under kills; see temporal_chaos.h. Exit status 0
// when it ended as an undisturbed one does.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>
#include <random>

#include "tests/chaos/temporal_chaos.h"

int main(int count, char** arguments) {
  CLI::App app("temporal_chaos: a load whose workers, and whose Temporal server, are killed again and again");
  wellhead::chaos::TemporalOptions options;
  options.seed = std::random_device()();
  app.add_option("--workers", options.workers, "Worker processes")->capture_default_str();
  app.add_option("--kills", options.kills, "Kills of each worker")->capture_default_str();
  app.add_option("--server-kills", options.server_kills, "Kills of the Temporal server")->capture_default_str();
  app.add_option("--patients", options.patients, "Patients of the load")->capture_default_str();
  app.add_option("--observations", options.observations, "Observations of each")->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of what is generated and of chance; by default another each time");
  CLI11_PARSE(app, count, arguments);
  const auto begun = std::chrono::steady_clock::now();
  try {
    fmt::print("temporal_chaos: seed {}\n", options.seed);
    std::fflush(stdout);
    wellhead::chaos::TemporalChaos chaos(options);
    chaos.load_undisturbed();
    chaos.disturb();
    chaos.finish();
    chaos.verify();
  } catch (const std::exception& error) {
    fmt::print("temporal_chaos: FAILED (--seed {}): {}\n", options.seed, error.what());
    return 1;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  fmt::print("temporal_chaos: rows and receipt are those of an undisturbed load ({:.0f} s)\n", seconds.count());
  return 0;
}
