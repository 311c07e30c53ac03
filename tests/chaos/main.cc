// chaos [--kills N] [--seed S] …: one load under kills and faults; see chaos.h. Exit status 0 when it ended as an
// undisturbed one does.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>
#include <random>

#include "tests/chaos/chaos.h"

int main(int count, char** arguments) {
  CLI::App app("chaos: a load whose program, database, source and disk fail again and again");
  wellhead::chaos::Options options;
  options.seed = std::random_device()();
  app.add_option("--kills", options.kills, "Kills of the program")->capture_default_str();
  app.add_option("--database-kills", options.database_kills, "Kills of PostgreSQL")->capture_default_str();
  app.add_option("--blob-outages", options.blob_outages, "Times that no blob can be written")->capture_default_str();
  app.add_option("--patients", options.patients, "Patients of the load")->capture_default_str();
  app.add_option("--observations", options.observations, "Observations of each")->capture_default_str();
  app.add_option("--seed", options.seed, "Seed of what is generated and of chance; by default another each time");
  CLI11_PARSE(app, count, arguments);
  const auto begun = std::chrono::steady_clock::now();
  try {
    fmt::print("chaos: seed {}\n", options.seed);
    std::fflush(stdout);
    wellhead::chaos::Chaos chaos(options);
    chaos.load_undisturbed();
    chaos.disturb();
    chaos.finish();
    chaos.verify();
  } catch (const std::exception& error) {
    fmt::print("chaos: FAILED (--seed {}): {}\n", options.seed, error.what());
    return 1;
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begun;
  fmt::print("chaos: rows and receipt are those of an undisturbed load ({:.0f} s)\n", seconds.count());
  return 0;
}
