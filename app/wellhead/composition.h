// What the commands are made of, built from the settings: database, then worker (connections, blob store, load service,
// journal, engine). Each part is stopped by its destructor, in the opposite order. Errors are meta::Error.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "app/wellhead/engine_metrics.h"
#include "app/wellhead/engines.h"
#include "app/wellhead/housekeeping.h"
#include "library/meta/settings.h"
#include "library/orchestration/registry.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/journal.h"
#include "library/storage/postgres/own_cluster.h"
#include "library/webclient/http.h"
#include "service/erasure/eraser.h"
#include "service/erasure/erasure_routes.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/load.h"
#include "service/zipcode/run_operations.h"
#include "service/zipcode/steps.h"

namespace wellhead::app {

webclient::HttpSettings source_settings(const meta::Settings& settings);
zipcode::LoadOptions load_options(const meta::Settings& settings);
// The views of WELLHEAD_RESOURCES and WELLHEAD_VIEWS. Error{invalid_setting} and Error{invalid_view} say what is wrong.
zipcode::Catalog catalog(const meta::Settings& settings);

// The database of WELLHEAD_DATABASE_URL, or an own cluster, which it starts and gives up again.
class Database {
 public:
  // Blocks until an own cluster takes connections. cancelled: asked meanwhile.
  Database(const meta::Settings& settings, std::function<bool()> cancelled);

  const std::string& url() const { return url_; }
  bool own() const { return cluster_ != nullptr; }
  // For people: without a password.
  std::string shown() const;
  storage::Connection connect() const { return storage::Connection(url_); }
  // Brings the schema up to date: migrations, then the tables of the views. Says what was done.
  std::vector<std::string> migrate() const;
  const zipcode::Catalog& catalog() const { return catalog_; }
  // What the API serves. After migrate().
  std::vector<const resource::ResourceTable*> tables() const;
  // For who stays: an own cluster that is killed is started again.
  void keep_running();
  // Whether some process runs workflows just now: one that died is counted for some seconds yet. Of Temporal's workers
  // nothing is known here: true.
  bool has_worker() const;
  void release();

 private:
  zipcode::Catalog catalog_;
  std::unique_ptr<storage::OwnCluster> cluster_;
  std::string url_;
  bool journal_;  // workflows are kept there
};

// Loads: can queue, follow, look and control, in whatever process they run; runs workflows itself once its engine owns
// the journal.
class Worker final : public zipcode::RunOperations, public erasure::ErasureOperations {
 public:
  // database outlives it. keep_trying: of who stays, and so may wait for an engine's server.
  Worker(const meta::Settings& settings, const Database& database, const KeepTrying& keep_trying = {});

  zipcode::RequestedRun load(const meta::Zipcode& zipcode) { return load(zipcode, options_); }
  zipcode::RequestedRun load(const meta::Zipcode& zipcode,
                             const std::optional<std::vector<std::string>>& resources) override;
  zipcode::RequestedRun load(const meta::Zipcode& zipcode, const zipcode::LoadOptions& options) {
    return loads_.request(engine(), zipcode, options);
  }
  void retry(meta::RunId run) override { loads_.retry(engine(), run); }
  void pause(meta::RunId run) override { loads_.pause(engine(), run); }
  void resume(meta::RunId run) override { loads_.resume(engine(), run); }
  void cancel(meta::RunId run) override { loads_.cancel(engine(), run); }
  zipcode::RunStatus status(meta::RunId run) override;
  std::string steps(meta::RunId run) override;
  erasure::Erased erase_patient(const std::string& id, const erasure::OnBehalf& by) override;
  erasure::Erased erase_zipcode(const meta::Zipcode& zipcode, const erasure::OnBehalf& by) override;
  zipcode::Progress progress(meta::RunId run) { return loads_.progress(engine(), run); }
  std::vector<orchestration::WorkflowDescription> history(meta::RunId run) { return loads_.history(engine(), run); }

  // Runs loads: on the embedded engine once no other process owns the journal, on Temporal beside others. Goes on with
  // what was left behind, and keeps house meanwhile.
  void begin();
  orchestration::Engine& engine() const { return *engine_.engine; }
  const std::function<std::string()>& look_for_problem() const { return engine_.look_for_problem; }
  const zipcode::LoadOptions& options() const { return options_; }
  Housekeeping& housekeeping() { return housekeeping_; }
  storage::BlobStore& blobs() { return *blobs_; }
  void stop();

 private:
  erasure::Eraser eraser();

  const Database& database_;
  std::unique_ptr<erasure::ErasureKey> erasure_key_;
  zipcode::LoadOptions options_;
  storage::ConnectionPool pool_;
  std::unique_ptr<storage::BlobStore> blobs_;
  zipcode::LoadService loads_;
  orchestration::Registry registry_;
  storage::PostgresJournal journal_;
  EngineMetrics engine_metrics_;
  ChosenEngine engine_;
  Housekeeping housekeeping_;
};

}  // namespace wellhead::app
