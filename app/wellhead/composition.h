// What the commands are made of, built from the settings: database, then worker (connections, blob store, load service,
// journal, engine). Each part is stopped by its destructor, in the opposite order. Errors are meta::Error.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "app/wellhead/engine_metrics.h"
#include "app/wellhead/housekeeping.h"
#include "library/meta/settings.h"
#include "library/orchestration/embedded/embedded_engine.h"
#include "library/orchestration/registry.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/journal.h"
#include "library/storage/postgres/own_cluster.h"
#include "library/webclient/http.h"
#include "service/zipcode/load.h"
#include "service/zipcode/steps.h"

namespace wellhead::app {

webclient::HttpSettings source_settings(const meta::Settings& settings);
zipcode::LoadOptions load_options(const meta::Settings& settings);

// The database of WELLHEAD_DATABASE_URL, or an own cluster, which it starts and gives up again.
class Database {
 public:
  // Blocks until an own cluster takes connections. cancelled: asked meanwhile.
  Database(const meta::Settings& settings, std::function<bool()> cancelled);

  const std::string& url() const { return url_; }
  // For people: without a password.
  std::string shown() const;
  storage::Connection connect() const { return storage::Connection(url_); }
  // Brings the schema up to date: migrations, then the tables of the views. Says what was done.
  std::vector<std::string> migrate() const;
  // For who stays: an own cluster that is killed is started again.
  void keep_running();
  void release();

 private:
  std::unique_ptr<storage::OwnCluster> cluster_;
  std::string url_;
};

// Loads: can queue, follow and look; runs workflows once its engine owns the journal.
class Worker {
 public:
  Worker(const meta::Settings& settings, const Database& database);

  zipcode::RequestedRun request(const meta::Zipcode& zipcode) { return loads_.request(engine_, zipcode, options_); }
  // Becomes the owner of the journal as soon as there is no other, and goes on with what was left behind. Keeps house
  // meanwhile.
  void begin();
  orchestration::Engine& engine() { return engine_; }
  zipcode::LoadService& loads() { return loads_; }
  const zipcode::LoadOptions& options() const { return options_; }
  Housekeeping& housekeeping() { return housekeeping_; }
  void stop();

 private:
  zipcode::LoadOptions options_;
  storage::ConnectionPool pool_;
  std::unique_ptr<storage::BlobStore> blobs_;
  zipcode::LoadService loads_;
  orchestration::Registry registry_;
  storage::PostgresJournal journal_;
  EngineMetrics engine_metrics_;
  orchestration::embedded::EmbeddedEngine engine_;
  Housekeeping housekeeping_;
};

}  // namespace wellhead::app
