// Loading zip codes: asks for runs, does their activities, estimates them.
#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "library/meta/ids.h"
#include "library/orchestration/engine.h"
#include "library/orchestration/registry.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "service/erasure/erased_patients.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/estimate.h"
#include "service/zipcode/runs.h"
#include "service/zipcode/source.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

// Under which the engine knows a run: load-zipcode/02139/17. It has further executions only if one ended without ending
// the run. (Joining a load that is under way is decided by the table run, not by the engine.)
std::string workflow_id(const Run& run);
// By what a Temporal cluster lets runs be searched for (StartOptions::labels).
std::set<std::string> label_names();

class LoadService {
 public:
  // database, blobs, catalog and erasure_key outlive the service, and the service outlives the engine that runs its
  // activities. erasure_key: without it zip codes cannot be loaded once a patient was erased.
  LoadService(storage::ConnectionPool& database, storage::BlobStore& blobs, webclient::HttpSettings source,
              MakeLimiter make_limiter, const Catalog& catalog = standard_catalog(),
              const erasure::ErasureKey* erasure_key = nullptr);
  ~LoadService();

  // The workflow and its activities.
  void register_with(orchestration::Registry& registry);

  // Queues a load, or joins the one that is queued or running. Blocks on the database only.
  RequestedRun request(orchestration::Engine& engine, const meta::Zipcode& zipcode, const LoadOptions& options);

  // Starts the workflows of open runs that have none: what a crash between the two left behind.
  void resume_all(orchestration::Engine& engine);

  // These act on a run. Error{not_found}: there is none. Error{conflict} says how the run is when that forbids it.
  //
  // No further step begins, in whatever process it runs, until it is resumed. Steps that run end.
  void pause(orchestration::Engine& engine, meta::RunId run);
  void resume(orchestration::Engine& engine, meta::RunId run);
  // Asks it to end as cancelled; the worker that runs it does so. Its rows stay.
  void cancel(orchestration::Engine& engine, meta::RunId run);
  // Goes on with a run that failed or was cancelled from the step that did it; what was finished is kept. Conflict also
  // when the zip code is loading in another run.
  void retry(orchestration::Engine& engine, meta::RunId run);

  // Asks the run's workflow, in whatever process it runs; of a run that is not running, what the tables tell.
  Progress progress(orchestration::Engine& engine, meta::RunId run);
  // The executions of the run's workflow that one another continue, the first first; empty when it has not begun.
  std::vector<orchestration::WorkflowDescription> history(orchestration::Engine& engine, meta::RunId run);

  // Asks the server for its counts and one page of patients; loads nothing.
  LoadEstimate estimate(const meta::Zipcode& zipcode, const LoadOptions& options);

 private:
  static void wait_for_end(orchestration::Engine& engine, const Run& run);

  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::zipcode
