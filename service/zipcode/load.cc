#include "service/zipcode/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <thread>
#include <utility>

#include "library/meta/error.h"
#include "library/meta/fail_point.h"
#include "library/meta/logging.h"
#include "library/storage/postgres/journal.h"
#include "service/resource/batch_record.h"
#include "service/zipcode/extraction.h"
#include "service/zipcode/load_workflow.h"
#include "service/zipcode/receipt.h"
#include "service/zipcode/run_trace.h"
#include "service/zipcode/scheduled_load.h"
#include "service/zipcode/step_log.h"

namespace wellhead::zipcode {
namespace {

using orchestration::ActivityContext;
using storage::Connection;

constexpr std::chrono::seconds kEndPatience{5};
constexpr std::chrono::milliseconds kEndPoll{20};

std::optional<std::int64_t> count_patients(Workplace& workplace, ActivityContext& activity, const Run& run) {
  auto source = workplace.sources.borrow(run.source_url);
  source->fhir.set_stop(activity.stop_token());
  return source->fhir.count("Patient", patient_search(run.zipcode));
}

Run run_of(Workplace& workplace, meta::RunId run) { return read_run(*workplace.database.borrow(), run); }

LoadBegun begin_load(Workplace& workplace, ActivityContext& activity, const RunStep& step) {
  const auto run = run_of(workplace, step.run);
  if (!run.open()) {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("run {} has ended already: {}", step.run.value, run.state),
                      "Load the zip code again");
  }
  workplace.catalog.tables_of(run.options);  // a wrong setting is known before anything is asked for
  {
    auto connection = workplace.database.borrow();
    storage::Transaction transaction(*connection);
    storage::check_lease(*connection, activity.lease_epoch());
    connection->query("UPDATE run SET state = 'running', started_at = coalesce(started_at, now()) WHERE run_id = $1",
                      {step.run.value});
    connection->query(
        "INSERT INTO zipcode (zipcode, last_run) VALUES ($1, $2) "
        "ON CONFLICT (zipcode) DO UPDATE SET last_run = greatest(zipcode.last_run, EXCLUDED.last_run)",
        {run.zipcode.text(), step.run.value});
    transaction.commit("begin_load");
  }
  const auto total = count_patients(workplace, activity, run);
  auto connection = workplace.database.borrow();
  storage::Transaction transaction(*connection);
  storage::check_lease(*connection, activity.lease_epoch());
  const auto before = connection->query(
      "UPDATE run SET patients_before = coalesce(patients_before, $2::bigint) WHERE run_id = $1 RETURNING "
      "patients_before",
      {step.run.value, total});
  transaction.commit("total_before");
  return {before.optional_integer(0, 0)};
}

LoadedGroup load_staged(Workplace& workplace, ActivityContext& activity, const LoadStaged& step) {
  const auto run = run_of(workplace, step.run);
  auto connection = workplace.database.borrow();
  const storage::LoadRequest request{.run = step.run,
                                     .zipcode = run.zipcode,
                                     .batches = resource::batches_to_load(*connection, step.run, step.batches),
                                     .tables = workplace.catalog.targets_of(run.options)};
  const auto epoch = activity.lease_epoch();
  LoadedGroup group;
  for (const auto& table : storage::load_batches(*connection, workplace.blobs, request, [epoch](Connection& fenced) {
         storage::check_lease(fenced, epoch);
       })) {
    group.rows += table.rows;
    group.inserted += table.inserted;
    group.updated += table.updated;
  }
  return group;
}

TotalsChecked check_totals(Workplace& workplace, ActivityContext& activity, const RunStep& step) {
  const auto run = run_of(workplace, step.run);
  const auto total = count_patients(workplace, activity, run);
  auto connection = workplace.database.borrow();
  storage::Transaction transaction(*connection);
  storage::check_lease(*connection, activity.lease_epoch());
  connection->query("UPDATE run SET patients_after = $2::bigint WHERE run_id = $1", {step.run.value, total});
  const auto checked = check_patient_totals(*connection, step.run);
  transaction.commit("total_after");
  return checked;
}

Nothing end_run(Workplace& workplace, ActivityContext& activity, const EndRun& step) {
  auto connection = workplace.database.borrow();
  storage::Transaction transaction(*connection);
  storage::check_lease(*connection, activity.lease_epoch());
  connection->query(
      "UPDATE run SET state = $2, failed_step = $3, error = $4, finished_at = clock_timestamp(), paused = false "
      "WHERE run_id = $1 AND state IN ('queued', 'running')",
      {step.run.value, step.state, step.step, step.error});
  transaction.commit("end_run");
  return {};
}

}  // namespace

namespace {

// With the tables that the request means here.
LoadOptions resolved(const Catalog& catalog, LoadOptions options) {
  if (!options.tables) options.tables = catalog.run_tables(options.resources);
  return options;
}

constexpr const char* kZipcodeLabel = "zipcode";
constexpr const char* kSourceLabel = "source";

std::map<std::string, std::string> labels_of(const Run& run) {
  return {{kZipcodeLabel, run.zipcode.text()}, {kSourceLabel, meta::redacted_url(run.source_url)}};
}

RequestedLoad request_scheduled(Workplace& workplace, const std::string& source_url, ActivityContext& activity,
                                const ScheduledLoad& step) {
  if (source_url.empty()) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "the worker has no FHIR server configured",
                      "Set WELLHEAD_SOURCE_URL for the worker");
  }
  auto connection = workplace.database.borrow();
  storage::Transaction transaction(*connection);
  storage::check_lease(*connection, activity.lease_epoch());
  const auto requested = request_run(*connection, step.zipcode, source_url, resolved(workplace.catalog, step.options));
  const auto run = read_run(*connection, requested.run);
  transaction.commit();
  return {{run.run, run.zipcode, run.options, {}}, workflow_id(run), requested.joined, labels_of(run)};
}

RunClosed look_at_run(Workplace& workplace, ActivityContext&, const RunStep& step) {
  return {!run_of(workplace, step.run).open()};
}

}  // namespace

std::string workflow_id(const Run& run) { return fmt::format("load-zipcode/{}/{}", run.zipcode.text(), run.run.value); }

std::set<std::string> label_names() { return {kZipcodeLabel, kSourceLabel}; }

struct LoadService::State {
  State(storage::ConnectionPool& pool, storage::BlobStore& blobs, webclient::HttpSettings source,
        MakeLimiter make_limiter, const Catalog& catalog, const erasure::ErasureKey* erasure_key)
      : database(pool),
        source_url(source.source_url),
        sources(std::move(source), std::move(make_limiter)),
        workplace{pool, blobs, sources, catalog, erasure_key},
        traces(pool) {}

  // What a step logs of itself.
  meta::LogFields fields_of(const orchestration::ActivityInfo& info) {
    auto fields = log_fields(info);
    if (fields.run) fields.trace = traces.of(*fields.run);
    return fields;
  }

  // An open run without an open workflow is one that is to be retried, or what a crash leaves behind between the two or
  // between their ends.
  void ensure_workflow(orchestration::Engine& engine, meta::RunId id) {
    const auto read = [&] { return read_run(*database.borrow(), id); };
    const auto latest = engine.latest_execution(workflow_id(read()));
    const auto workflow = latest ? engine.describe(*latest) : std::nullopt;
    if (workflow && !orchestration::is_end(workflow->state)) return;
    // A run is closed before its workflow is, so this is read after that.
    const auto run = read();
    if (!run.open()) return;
    const bool failed = workflow && workflow->state != orchestration::WorkflowState::completed;
    meta::fail_point("start_workflow", "before");
    if (failed) {
      engine.retry(*latest);
    } else {
      engine.start(kLoadZipcode, workflow_id(run), {run.run, run.zipcode, run.options, {}},
                   {.priority = run.options.priority, .labels = labels_of(run)});
    }
    meta::fail_point("start_workflow", "after");
  }

  // The execution of an open run. Error{conflict} when it has ended; wish: to be paused, for the message.
  std::string open_execution(orchestration::Engine& engine, meta::RunId id, std::string_view wish) {
    const auto run = read_run(*database.borrow(), id);
    if (!run.open()) {
      throw meta::Error(meta::ErrorCode::conflict,
                        fmt::format("run {} cannot be {}: it has ended, and is {}", id.value, wish, run.state),
                        run.state == "failed" || run.state == "cancelled"
                            ? fmt::format("`wellhead runs retry {}` goes on with it", id.value)
                            : fmt::format("`wellhead load {}` loads the zip code again", run.zipcode.text()));
    }
    ensure_workflow(engine, id);
    return engine.latest_execution(workflow_id(run)).value();
  }

  void set_paused(meta::RunId id, bool paused) {
    database.borrow()->query("UPDATE run SET paused = $2 WHERE run_id = $1 AND state IN ('queued', 'running')",
                             {id.value, paused});
  }

  storage::ConnectionPool& database;
  std::string source_url;
  SourcePool sources;
  Workplace workplace;
  RunTraces traces;
};

LoadService::LoadService(storage::ConnectionPool& database, storage::BlobStore& blobs, webclient::HttpSettings source,
                         MakeLimiter make_limiter, const Catalog& catalog, const erasure::ErasureKey* erasure_key)
    : state_(
          std::make_unique<State>(database, blobs, std::move(source), std::move(make_limiter), catalog, erasure_key)) {}

LoadService::~LoadService() = default;

void LoadService::register_with(orchestration::Registry& registry) {
  registry.add_workflow(kLoadZipcode, load_zipcode);
  auto& workplace = state_->workplace;
  auto& state = *state_;
  const auto bind = [&state](auto function) {
    return [&state, function](ActivityContext& activity, const auto& step) {
      const meta::LogScope scope(state.fields_of(activity.info()));
      return function(state.workplace, activity, step);
    };
  };
  registry.add_activity(kBeginLoad, bind(begin_load));
  registry.add_activity(kExtractPatients, bind(extract_patients));
  registry.add_activity(kExtractObservations, bind(extract_observations));
  registry.add_activity(kExtractResources, bind(extract_resources));
  registry.add_activity(kLoadStaged, bind(load_staged));
  registry.add_activity(kCheckTotals, bind(check_totals));
  registry.add_activity(kIssueReceipt, [&state, &workplace](ActivityContext& activity, const RunStep& step) {
    const meta::LogScope scope(state.fields_of(activity.info()));
    const auto epoch = activity.lease_epoch();
    return issue_receipt(*workplace.database.borrow(), workplace.catalog, step.run,
                         [epoch](Connection& fenced) { storage::check_lease(fenced, epoch); });
  });
  registry.add_activity(kEndRun, bind(end_run));
  registry.add_workflow(kScheduledLoad, scheduled_load);
  registry.add_activity(kRequestRun, [this](ActivityContext& activity, const ScheduledLoad& step) {
    return request_scheduled(state_->workplace, state_->source_url, activity, step);
  });
  registry.add_activity(kLookAtRun, bind(look_at_run));
}

RequestedRun LoadService::request(orchestration::Engine& engine, const meta::Zipcode& zipcode,
                                  const LoadOptions& options) {
  if (state_->source_url.empty()) {
    throw meta::Error(meta::ErrorCode::invalid_setting, "no FHIR server is configured",
                      "Set WELLHEAD_SOURCE_URL or give --source URL");
  }
  meta::fail_point("request_run", "before");
  const auto requested = request_run(*state_->database.borrow(), zipcode, state_->source_url,
                                     resolved(state_->workplace.catalog, options));
  if (!requested.joined) state_->traces.keep(requested.run);
  meta::fail_point("request_run", "after");
  state_->ensure_workflow(engine, requested.run);
  return requested;
}

void LoadService::pause(orchestration::Engine& engine, meta::RunId run) {
  engine.pause(state_->open_execution(engine, run, "paused"));
  state_->set_paused(run, true);
}

void LoadService::resume(orchestration::Engine& engine, meta::RunId run) {
  engine.resume(state_->open_execution(engine, run, "resumed"));
  state_->set_paused(run, false);
}

void LoadService::cancel(orchestration::Engine& engine, meta::RunId run) {
  engine.cancel(state_->open_execution(engine, run, "cancelled"));
  state_->set_paused(run, false);
}

void LoadService::retry(orchestration::Engine& engine, meta::RunId id) {
  const auto run = read_run(*state_->database.borrow(), id);
  if (run.state != "failed" && run.state != "cancelled") {
    throw meta::Error(meta::ErrorCode::conflict, fmt::format("run {} cannot be retried: it is {}", id.value, run.state),
                      run.open() ? fmt::format("`wellhead runs watch {}` follows it", id.value)
                                 : fmt::format("`wellhead load {}` loads the zip code again", run.zipcode.text()));
  }
  wait_for_end(engine, run);
  reopen_run(*state_->database.borrow(), run);
  state_->ensure_workflow(engine, id);
}

// A run is closed a moment before its workflow, which then must end before it can be retried.
void LoadService::wait_for_end(orchestration::Engine& engine, const Run& run) {
  const auto give_up = std::chrono::steady_clock::now() + kEndPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    const auto latest = engine.latest_execution(workflow_id(run));
    const auto workflow = latest ? engine.describe(*latest) : std::nullopt;
    if (!workflow || orchestration::is_end(workflow->state)) return;
    std::this_thread::sleep_for(kEndPoll);
  }
  throw meta::Error(meta::ErrorCode::conflict, fmt::format("the workflow of run {} has not ended yet", run.run.value),
                    "Start `wellhead worker`, which ends it, then try again");
}

Progress LoadService::progress(orchestration::Engine& engine, meta::RunId id) {
  Progress progress;
  progress.run = read_run(*state_->database.borrow(), id);
  if (progress.run.state == "running") {
    try {
      const auto latest = engine.latest_execution(workflow_id(progress.run));
      if (latest) {
        static_cast<LoadCounts&>(progress) = engine.query<LoadCounts>(*latest, kProgressQuery);
        return progress;
      }
    } catch (const meta::Error& error) {
      // It has not begun, or cannot go on with this program; the tables tell what was done.
      if (error.code() != meta::ErrorCode::conflict && error.code() != meta::ErrorCode::not_found &&
          error.code() != meta::ErrorCode::nondeterminism) {
        throw;
      }
    }
  }
  return read_progress(*state_->database.borrow(), id);
}

std::vector<orchestration::WorkflowDescription> LoadService::history(orchestration::Engine& engine, meta::RunId id) {
  std::vector<orchestration::WorkflowDescription> executions;
  auto next = engine.latest_execution(workflow_id(read_run(*state_->database.borrow(), id)));
  while (auto execution = next ? engine.describe(*next) : std::nullopt) {
    // The history of a retried execution holds that of the one before.
    auto first = execution;
    while (first && first->retried) first = engine.describe(*first->previous);
    next = first ? first->previous : std::nullopt;
    executions.push_back(std::move(*execution));
  }
  std::ranges::reverse(executions);
  return executions;
}

void LoadService::resume_all(orchestration::Engine& engine) {
  const auto runs = read_open_runs(*state_->database.borrow());
  for (const auto& run : runs) state_->ensure_workflow(engine, run.run);
}

LoadEstimate LoadService::estimate(const meta::Zipcode& zipcode, const LoadOptions& options) {
  const auto& catalog = state_->workplace.catalog;
  auto source = state_->sources.borrow(state_->source_url);
  return estimate_load(*source, catalog, zipcode, resolved(catalog, options));
}

}  // namespace wellhead::zipcode
