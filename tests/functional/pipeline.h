// The whole load in one process, as `wellhead load` composes it: a database of its own, a blob directory, the load
// service and an engine. For tests that need to look at what a load did.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "library/orchestration/embedded/embedded_engine.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/journal.h"
#include "service/resource/table.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/load.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"

namespace wellhead::functional {

// A database with the resource tables, and a blob directory: what outlives a process.
class Warehouse {
 public:
  enum class Begin { migrated, empty };
  explicit Warehouse(Begin begin = Begin::migrated);

  // Makes the tables of further views, and says what it made.
  std::vector<resource::TableChange> apply(const zipcode::Catalog& catalog) const;

  storage::Connection connect() const { return database_.connect(); }
  const std::string& database_url() const { return database_.url(); }
  std::string blob_url() const { return "file://" + blobs_.path().string(); }
  const std::filesystem::path& blob_directory() const { return blobs_.path(); }

  // One value of one row.
  std::string value(std::string_view sql) const;
  std::int64_t number(std::string_view sql) const { return std::stoll(value(sql)); }

  // A digest of all rows of a table but for what may differ between equal runs (loaded-at, run, blob reference).
  std::string content(const std::string& table) const { return value(content_sql(table)); }
  static std::string content_sql(const std::string& table);
  // Of patient, observation, observation_component and zipcode_patient together.
  std::string content() const;
  // What equal runs have in common of their receipts: all counts, verdict and digest of each resource type.
  std::string receipts() const;

 private:
  fixture::TestDatabase database_;
  fixture::TestDirectory blobs_;
};

// A process's worth of Wellhead over a warehouse; destroying it is an orderly stop.
class Pipeline {
 public:
  // make_limiter: by default a budget without a limit.
  // catalog: outlives it.
  Pipeline(Warehouse& warehouse, const std::string& source_url, zipcode::MakeLimiter make_limiter = {},
           const zipcode::Catalog& catalog = zipcode::standard_catalog());
  ~Pipeline();

  struct Loaded {
    zipcode::Run run;
    std::vector<zipcode::Receipt> receipts;
    const zipcode::Receipt& patients() const { return receipts.at(0); }
    const zipcode::Receipt& observations() const { return receipts.at(1); }
  };
  // Queues a load and waits for its end, whatever that is.
  Loaded load(const std::string& zip, const zipcode::LoadOptions& options = {});
  zipcode::RequestedRun request(const std::string& zip, const zipcode::LoadOptions& options = {});
  Loaded wait(const zipcode::RequestedRun& requested);

  orchestration::Engine& engine() { return *engine_; }
  zipcode::LoadService& service() { return service_; }

 private:
  storage::ConnectionPool database_;
  std::unique_ptr<storage::BlobStore> blobs_;
  zipcode::LoadService service_;
  orchestration::Registry registry_;
  storage::PostgresJournal journal_;
  std::unique_ptr<orchestration::embedded::EmbeddedEngine> engine_;
};

}  // namespace wellhead::functional
