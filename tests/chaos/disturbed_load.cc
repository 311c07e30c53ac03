#include "tests/chaos/disturbed_load.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::chaos {
namespace {

using fixture::Process;
using std::chrono::milliseconds;

constexpr int kSlots = 5;                     // extraction activities of a load at a time
constexpr std::chrono::minutes kPatience{5};  // for a load that nothing disturbs

// Warehouses are made on the server that this names.
void announce(const fixture::PostgresServer& server) { setenv("WELLHEAD_TEST_DATABASE_URL", server.url().c_str(), 1); }

}  // namespace

void fail(const std::string& what, const Process& program) {
  throw std::runtime_error(fmt::format("{}; it wrote:\n{}{}", what, program.output(), program.errors()));
}

void expect(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

DisturbedLoad::DisturbedLoad(int patients, int observations, std::uint64_t seed)
    : patients_(patients),
      observations_(observations),
      random_(seed),
      source_({"--generate", std::to_string(patients), "--observations", std::to_string(observations), "--zip", "02139",
               "--seed", std::to_string(seed)}),
      undisturbed_((announce(postgres_), functional::Warehouse::Begin::migrated)) {}

std::map<std::string, std::string> DisturbedLoad::settings() const {
  auto environment = functional::program_settings(warehouse_, source_);
  environment["WELLHEAD_PAGE_SIZE"] = std::to_string(std::max(observations_, 50));
  return environment;
}

void DisturbedLoad::load_undisturbed(const std::string& faults) {
  auto environment = settings();
  environment["WELLHEAD_DATABASE_URL"] = undisturbed_.database_url();
  environment["WELLHEAD_BLOB_URL"] = undisturbed_.blob_url();
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, environment);
  if (load.wait(kPatience) != 0) fail("the undisturbed load failed", load);
  source_.clear_log();
  source_.add_fault(faults);
}

milliseconds DisturbedLoad::chance(int least, int most) {
  return milliseconds(std::uniform_int_distribution<int>(least, most)(random_));
}

std::int64_t DisturbedLoad::patients_done() const {
  try {
    return warehouse_.number(
        "SELECT coalesce(sum((result->>'patients')::bigint), 0) FROM staged_batch WHERE resource_type = 'Observation'");
  } catch (const meta::Error&) {
    return 0;
  }
}

void DisturbedLoad::expect_equal() const {
  const auto states = warehouse_.value("SELECT string_agg(state, ' ') FROM run");
  expect(states == "complete", "expected one complete run, found: " + states);
  expect(warehouse_.content() == undisturbed_.content(), "the rows differ from those of the undisturbed load");
  expect(warehouse_.receipts() == undisturbed_.receipts(),
         fmt::format("the receipts differ: undisturbed\n{}\ndisturbed\n{}", undisturbed_.receipts(),
                     warehouse_.receipts()));
}

void DisturbedLoad::expect_little_repeated(const functional::FetchProof::Figures& figures, int disturbances) {
  for (const auto& target : figures.fetched_again) expect(false, "fetched again after it was staged: " + target);
  expect(figures.repeated <= disturbances * (kSlots * figures.largest_batch + 1),
         "more was fetched twice than was in flight");
}

}  // namespace wellhead::chaos
