// Loading zip codes: asks for runs, does their activities, estimates them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "library/meta/describe.h"
#include "library/meta/ids.h"
#include "library/orchestration/engine.h"
#include "library/orchestration/registry.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "service/zipcode/runs.h"
#include "service/zipcode/source.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

// What a load would take, by the server's own counts and a sample of one page.
struct LoadEstimate {
  std::optional<std::int64_t> patients;      // of the search; nullopt: the server gives no total
  std::optional<std::int64_t> observations;  // estimated from a sample of the patients
  std::int64_t sampled_patients = 0;
  std::int64_t sampled_observations = 0;
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> rows;
  std::optional<double> seconds;

  static constexpr auto kFields = meta::fields(
      meta::field("patients", &LoadEstimate::patients), meta::field("observations", &LoadEstimate::observations),
      meta::field("sampled_patients", &LoadEstimate::sampled_patients),
      meta::field("sampled_observations", &LoadEstimate::sampled_observations),
      meta::field("requests", &LoadEstimate::requests), meta::field("rows", &LoadEstimate::rows),
      meta::field("seconds", &LoadEstimate::seconds));
};

// Under which the engine knows a run: load-zipcode/02139/17. It has further executions only if one ended without ending
// the run. (Joining a load that is under way is decided by the table run, not by the engine.)
std::string workflow_id(const Run& run);

class LoadService {
 public:
  // database and blobs outlive the service, and the service outlives the engine that runs its activities.
  LoadService(storage::ConnectionPool& database, storage::BlobStore& blobs, webclient::HttpSettings source,
              MakeLimiter make_limiter);
  ~LoadService();

  // The workflow and its activities.
  void register_with(orchestration::Registry& registry);

  // Queues a load, or joins the one that is queued or running. Blocks on the database only.
  RequestedRun request(orchestration::Engine& engine, const meta::Zipcode& zipcode, const LoadOptions& options);

  // Starts the workflows of open runs that have none: what a crash between the two left behind.
  void resume(orchestration::Engine& engine);

  // Asks the server for its counts and one page of patients; loads nothing.
  LoadEstimate estimate(const meta::Zipcode& zipcode, const LoadOptions& options);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::zipcode
