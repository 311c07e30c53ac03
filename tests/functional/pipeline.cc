#include "tests/functional/pipeline.h"

#include <stdexcept>

#include "library/storage/postgres/migrations.h"
#include "library/storage/postgres/source_budget.h"

namespace wellhead::functional {
namespace {

webclient::HttpSettings http_settings(const std::string& source_url) {
  webclient::HttpSettings settings;
  settings.source_url = source_url;
  settings.read_timeout = std::chrono::milliseconds(2000);
  // Tests of faults wait for as little as possible.
  settings.retry.delay = std::chrono::milliseconds(5);
  settings.retry.max_delay = std::chrono::milliseconds(2000);
  settings.retry.attempts = 10;
  return settings;
}

// With the circuit that the program has by default.
zipcode::MakeLimiter or_unlimited(zipcode::MakeLimiter make_limiter, const std::string& database_url) {
  if (make_limiter) return make_limiter;
  return [database_url](const std::string& source_url) {
    return std::make_unique<storage::SourceBudget>(database_url, source_url, 0);
  };
}

}  // namespace

Warehouse::Warehouse(Begin begin) {
  if (begin == Begin::empty) return;
  auto connection = connect();
  storage::migrate(connection);
  resource::ensure_tables(connection, zipcode::views_of(zipcode::standard_catalog().served()));
}

std::vector<resource::TableChange> Warehouse::apply(const zipcode::Catalog& catalog) const {
  auto connection = connect();
  return resource::ensure_tables(connection, zipcode::views_of(catalog.served()));
}

std::string Warehouse::value(std::string_view sql) const {
  auto connection = connect();
  const auto result = connection.query(sql);
  if (result.rows() != 1) throw std::runtime_error("not one row: " + std::string(sql));
  return std::string(result.text(0, 0));
}

std::string Warehouse::content_sql(const std::string& table) {
  return "SELECT count(*) || ':' || coalesce(md5(string_agg(line, '|' ORDER BY line)), '') FROM (SELECT (to_jsonb(t) - "
         "'{loaded_at,fetched_at,run_id,last_seen_run,first_seen_run,raw_blob_id,raw_frame,raw_index}'::text[])::text "
         "AS line FROM " +
         table + " t) lines";
}

std::string Warehouse::content() const {
  std::string all;
  for (const auto* table : {"patient", "observation", "observation_component", "zipcode_patient"}) {
    all += std::string(table) + " " + content(table) + "\n";
  }
  return all;
}

std::string Warehouse::receipts() const {
  return value(
      "SELECT coalesce(string_agg((to_jsonb(r) - '{run_id,requests,retries,bytes_received,seconds,issued_at}'::text[])"
      "::text, E'\n' ORDER BY resource_type, table_name), '') FROM receipt r");
}

Pipeline::Pipeline(Warehouse& warehouse, const std::string& source_url, zipcode::MakeLimiter make_limiter,
                   const zipcode::Catalog& catalog)
    : database_(warehouse.database_url(), 16),
      blobs_(storage::open_blob_store(warehouse.blob_url())),
      service_(database_, *blobs_, http_settings(source_url),
               or_unlimited(std::move(make_limiter), warehouse.database_url()), catalog),
      journal_(warehouse.database_url()) {
  service_.register_with(registry_);
  orchestration::embedded::EmbeddedEngineOptions options;
  options.slots = {{"extraction", 5}, {"loading", 2}, {"default", 1}};
  engine_ = std::make_unique<orchestration::embedded::EmbeddedEngine>(journal_, registry_, options);
  engine_->own_when_free();
  service_.resume_all(*engine_);
}

Pipeline::~Pipeline() { engine_->stop(); }

zipcode::RequestedRun Pipeline::request(const std::string& zip, const zipcode::LoadOptions& options) {
  return service_.request(*engine_, meta::Zipcode::parse(zip), options);
}

Pipeline::Loaded Pipeline::wait(const zipcode::RequestedRun& requested) {
  const auto run = zipcode::read_run(*database_.borrow(), requested.run);
  const auto execution = engine_->latest_execution(zipcode::workflow_id(run));
  if (!execution) throw std::runtime_error("nothing loads " + run.zipcode.text());
  engine_->wait(*execution);
  auto connection = database_.borrow();
  return {zipcode::read_run(*connection, requested.run), zipcode::read_receipts(*connection, requested.run)};
}

Pipeline::Loaded Pipeline::load(const std::string& zip, const zipcode::LoadOptions& options) {
  return wait(request(zip, options));
}

}  // namespace wellhead::functional
