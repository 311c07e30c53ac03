#include "app/wellhead/composition.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "app/wellhead/run_history.h"
#include "app/wellhead/secret.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "library/storage/postgres/source_budget.h"
#include "service/resource/row_limits.h"
#include "service/resource/table.h"
#include "service/zipcode/load_workflow.h"

namespace wellhead::app {
namespace {

using namespace meta::setting;

constexpr std::chrono::seconds kOwnServerPatience{120};  // recovery after a crash takes its time

constexpr std::string_view kHasWorker =
    "SELECT 1 FROM wellhead_journal.lease WHERE owner IS NOT NULL AND expires_at > clock_timestamp()";

constexpr std::string_view kAppliedTables = "SELECT table_name FROM applied_view";

std::vector<std::string> resources(const meta::Settings& settings) {
  std::vector<std::string> names;
  const auto list = settings.get(kResources);
  for (std::size_t begin = 0; begin < list.size();) {
    const auto end = std::min(list.find(',', begin), list.size());
    auto name = list.substr(begin, end - begin);
    std::erase(name, ' ');
    if (!name.empty()) names.push_back(std::move(name));
    begin = end + 1;
  }
  return names;
}

// One a slot, and some for what is asked beside the steps.
int connections(const meta::Settings& settings) {
  int sum = 4;
  for (const auto& [queue, slots] : engine_slots(settings)) sum += static_cast<int>(slots);
  return sum;
}

zipcode::MakeLimiter make_limiter(const meta::Settings& settings, const std::string& database_url) {
  storage::CircuitOptions circuit;
  circuit.failures = static_cast<int>(settings.get(kCircuitFailures));
  circuit.first_period = settings.get(kCircuitPeriod);
  circuit.max_period = settings.get(kCircuitMaxPeriod);
  // A probe is not taken for lost while it may still be answered.
  circuit.probe_time = settings.get(kConnectTimeout) + settings.get(kReadTimeout) + std::chrono::seconds(5);
  return [rate = static_cast<int>(settings.get(kRequestRate)), circuit, database_url](const std::string& source_url) {
    return std::make_unique<storage::SourceBudget>(database_url, source_url, rate, circuit);
  };
}

}  // namespace

webclient::HttpSettings source_settings(const meta::Settings& settings) {
  webclient::HttpSettings source;
  source.source_url = settings.get(kSourceUrl);
  const auto& token = settings.entry(kSourceToken);
  if (token.file) {
    source.credentials.token_file = *token.file;
  } else {
    source.credentials.token = token.value;
  }
  source.credentials.user = settings.get(kSourceUser);
  source.credentials.password = settings.get(kSourcePassword);
  source.user_agent = "wellhead/" WELLHEAD_VERSION;
  source.ca_file = settings.get(kSourceCaFile);
  source.connect_timeout = settings.get(kConnectTimeout);
  source.read_timeout = settings.get(kReadTimeout);
  source.max_response_bytes = static_cast<std::size_t>(settings.get(kMaxResponseBytes));
  source.retry.attempts = static_cast<int>(settings.get(kRetryAttempts));
  source.retry.delay = settings.get(kRetryDelay);
  source.retry.max_delay = settings.get(kRetryMaxDelay);
  return source;
}

zipcode::LoadOptions load_options(const meta::Settings& settings) {
  zipcode::LoadOptions options;
  options.concurrency = settings.get(kConcurrency);
  options.page_size = settings.get(kPageSize);
  options.observations = settings.get(kObservations);
  if (settings.entry(kResources).origin != meta::SettingOrigin::fallback) options.resources = resources(settings);
  return options;
}

zipcode::Catalog catalog(const meta::Settings& settings) {
  return zipcode::Catalog({.resources = resources(settings), .views = settings.get(kViews)});
}

Database::Database(const meta::Settings& settings, std::function<bool()> cancelled)
    : catalog_(app::catalog(settings)), url_(settings.get(kDatabaseUrl)), journal_(!on_temporal(settings)) {
  if (!url_.empty()) return;
  cluster_ = std::make_unique<storage::OwnCluster>(
      storage::OwnClusterOptions{.home = settings.get(kHome), .cancelled = std::move(cancelled)});
  url_ = cluster_->url();
}

std::vector<std::string> Database::migrate() const {
  auto connection = connect();
  std::vector<std::string> done;
  for (const auto& migration : storage::migrate(connection)) done.push_back(fmt::format("applied {}", migration.name));
  const auto views = zipcode::views_of(tables());
  for (const auto& change : resource::ensure_tables(connection, views)) {
    if (change.created) done.push_back(fmt::format("created table {}", change.table));
    for (const auto& column : change.added_columns)
      done.push_back(fmt::format("added column {}.{}", change.table, column));
  }
  resource::ensure_row_limits(connection, tables());
  return done;
}

std::vector<const resource::ResourceTable*> Database::tables() const {
  auto connection = connect();
  const auto applied = connection.query(kAppliedTables);
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(applied.rows()));
  for (int row = 0; row < applied.rows(); ++row) names.emplace_back(applied.text(row, 0));
  return catalog_.served(names);
}

std::string Database::shown() const { return cluster_ ? url_ : meta::redacted_url(url_); }

void Database::keep_running() {
  if (cluster_) cluster_->keep_running();
}

bool Database::has_worker() const { return !journal_ || !connect().query(kHasWorker).empty(); }

void Database::release() {
  if (cluster_) cluster_->release();
}

Worker::Worker(const meta::Settings& settings, const Database& database, const KeepTrying& keep_trying)
    : database_(database),
      erasure_key_(erasure_key(settings)),
      options_(load_options(settings)),
      pool_(database.url(), connections(settings), {.application_name = "wellhead loads"}),
      blobs_(storage::open_blob_store(settings)),
      loads_(pool_, *blobs_, source_settings(settings), make_limiter(settings, database.url()), database.catalog(),
             erasure_key_.get()),
      registry_([this] {
        orchestration::Registry registry;
        loads_.register_with(registry);
        return registry;
      }()),
      journal_(database.url()),
      engine_(choose_engine(settings, journal_, registry_, engine_metrics_, keep_trying)),
      housekeeping_(pool_, *blobs_, std::chrono::duration_cast<std::chrono::seconds>(settings.get(kKeepBlobs))) {
  // An own server that was killed is started again meanwhile.
  if (database.own()) pool_.set_patience(kOwnServerPatience);
}

zipcode::RequestedRun Worker::load(const meta::Zipcode& zipcode,
                                   const std::optional<std::vector<std::string>>& resources) {
  zipcode::LoadOptions options = options_;
  if (resources) options.resources = resources;
  return load(zipcode, options);
}

zipcode::RunStatus Worker::status(meta::RunId run) {
  const zipcode::Progress known = progress(run);
  zipcode::RunStatus status;
  status.progress = static_cast<const zipcode::LoadCounts&>(known);
  try {
    status.steps = zipcode::summarize(history(run));
  } catch (const meta::Error& error) {
    // What else is known is worth telling.
    if (error.code() == meta::ErrorCode::database_unreachable) throw;
    status.steps_error = error.message();
  }
  return status;
}

std::string Worker::steps(meta::RunId run) {
  const RunHistory known = read_history(engine(), history(run));
  return meta::to_json(ShownHistory{.executions = shown_executions(known), .steps = shown_steps(known)});
}

// A table of a view that this process does not have would be passed over.
erasure::Eraser Worker::eraser() {
  if (!erasure_key_) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "this process has no secret to remember erased patients by",
                      "Set WELLHEAD_SECRET_FILE, or make WELLHEAD_HOME writable");
  }
  const auto tables = database_.tables();
  std::vector<std::string> known;
  for (const auto* table : tables) {
    for (auto& name : table->table_names()) known.push_back(std::move(name));
  }
  const auto unknown =
      database_.connect().query("SELECT table_name FROM applied_view WHERE table_name <> ALL ($1::text[]) LIMIT 1",
                                {storage::array_literal(known)});
  if (!unknown.empty()) {
    throw meta::Error(
        meta::ErrorCode::invalid_setting,
        fmt::format("this process has no view of the table {}, so it cannot erase from it", unknown.text(0, 0)),
        "Set WELLHEAD_VIEWS to the directory of views that the table was made from, or drop the table and "
        "its row in applied_view");
  }
  return {pool_, *blobs_, tables, *erasure_key_};
}

erasure::Erased Worker::erase_patient(const std::string& id, const erasure::OnBehalf& by) {
  return eraser().erase_patient(id, by);
}

erasure::Erased Worker::erase_zipcode(const meta::Zipcode& zipcode, const erasure::OnBehalf& by) {
  return eraser().erase_zipcode(zipcode, by);
}

void Worker::begin() {
  engine_.begin();
  loads_.resume_all(engine());
  housekeeping_.begin();
}

void Worker::stop() {
  pool_.set_patience(std::chrono::milliseconds(0));
  blobs_->set_patience(std::chrono::milliseconds(0));
  engine().stop();
  housekeeping_.stop();
}

}  // namespace wellhead::app
