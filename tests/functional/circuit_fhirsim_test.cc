// A load whose source fails for a while behind an open circuit: complete in the end, and the source was left alone.
#include <gtest/gtest.h>

#include <thread>

#include "library/storage/postgres/source_budget.h"
#include "tests/fixture/fhirsim.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using std::chrono::milliseconds;

constexpr int kFailures = 5;
constexpr int kSlots = 5;  // extraction activities, hence requests, at a time

zipcode::MakeLimiter limiter_with_circuit(const Warehouse& warehouse) {
  return [url = warehouse.database_url()](const std::string& source_url) {
    return std::make_unique<storage::SourceBudget>(
        url, source_url, 0,
        storage::CircuitOptions{
            .failures = kFailures, .first_period = milliseconds(50), .max_period = milliseconds(400)});
  };
}

zipcode::LoadOptions small_steps() {
  zipcode::LoadOptions options;
  options.page_size = 20;
  options.batch_bytes = 100'000;
  return options;
}

struct FaultCase {
  const char* name;
  const char* rule;
  // A reset of a connection that was kept alive is no failure: the request goes out once more at once, on a new one.
  // That happens once a connection, of which each slot and begin_load have one.
  int uncounted = 0;
};

class LoadThroughAnOutage : public testing::TestWithParam<FaultCase> {};

TEST_P(LoadThroughAnOutage, EndsCompleteAndTheSourceSawOnlyProbes) {
  FhirSim server({"--generate", "80", "--observations", "12", "--zip", "02139"});
  std::string expected;
  {
    Warehouse undisturbed;
    Pipeline pipeline(undisturbed, server.base_url());
    ASSERT_EQ(pipeline.load("02139", small_steps()).run.state, "complete");
    expected = undisturbed.content();
  }
  Warehouse warehouse;
  Pipeline pipeline(warehouse, server.base_url(), limiter_with_circuit(warehouse));
  server.add_fault(R"({"kind":"latency","ms":20,"match":"Observation"})");
  const auto requested = pipeline.request("02139", small_steps());
  while (warehouse.number("SELECT count(*) FROM staged_batch") < 3) std::this_thread::sleep_for(milliseconds(10));
  server.add_fault(GetParam().rule);
  while (warehouse.number("SELECT count(circuit_opened_at) FROM source_budget") == 0) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  server.clear_log();
  // Long enough for the client's own attempts to be used up many times over.
  while (warehouse.number("SELECT coalesce(max(circuit_failed_probes), 0) FROM source_budget") < 6) {
    std::this_thread::sleep_for(milliseconds(10));
  }
  server.clear_faults();
  const auto loaded = pipeline.wait(requested);
  ASSERT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
  EXPECT_EQ(warehouse.content(), expected);
  EXPECT_EQ(warehouse.number("SELECT count(circuit_opened_at) FROM source_budget"), 0) << "closed again";

  int failed = 0;
  for (const auto& request : server.request_log()) {
    for (const auto& fault : request.faults) failed += fault != "latency" ? 1 : 0;
  }
  // While it was open, only what had been on its way and the probes, the last of which went well.
  const auto probes = warehouse.number("SELECT circuit_probe FROM source_budget");
  EXPECT_GE(probes, 7);
  EXPECT_LE(failed, kSlots + probes - 1 + GetParam().uncounted);
}

INSTANTIATE_TEST_SUITE_P(Faults, LoadThroughAnOutage,
                         testing::Values(FaultCase{"ServerError", R"({"kind":"server_error","status":503})"},
                                         FaultCase{"TooManyRequests", R"({"kind":"too_many_requests"})"},
                                         FaultCase{"Reset", R"({"kind":"reset"})", kSlots + 1}),
                         [](const testing::TestParamInfo<FaultCase>& tested) { return tested.param.name; });

}  // namespace
}  // namespace wellhead::functional
