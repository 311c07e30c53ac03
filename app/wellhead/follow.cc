#include "app/wellhead/follow.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "app/wellhead/progress_display.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/meta/logging.h"
#include "service/zipcode/load.h"

namespace wellhead::app {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::Connection;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kDrawInterval = std::chrono::milliseconds(250);
constexpr auto kLogInterval = std::chrono::seconds(1);
constexpr auto kWorkflowInterval = std::chrono::seconds(3);
constexpr auto kDatabasePatience = std::chrono::seconds(60);
constexpr auto kEnginePatience = std::chrono::minutes(15);
constexpr auto kEndPatience = std::chrono::seconds(15);

// A connection that comes back after the database was away for a while. What is done in read() may also use other
// connections, and ask an engine's server, for which the load waits longer.
class PatientConnection {
 public:
  explicit PatientConnection(std::string url) : url_(std::move(url)) {}

  // nullopt while the database is away, or the engine's server.
  template <class Read>
  auto read(Read action) -> std::optional<decltype(action(std::declval<Connection&>()))> {
    try {
      if (!connection_) connection_.emplace(url_);
      auto value = action(*connection_);
      away_since_.reset();
      return value;
    } catch (const Error& error) {
      const bool engine = error.code() == ErrorCode::engine_unreachable;
      if (error.code() != ErrorCode::database_unreachable && !engine) throw;
      connection_.reset();
      const auto now = Clock::now();
      if (!away_since_) {
        away_since_ = now;
        spdlog::warn("{}; trying again", error.message());
      }
      if (now - *away_since_ > (engine ? kEnginePatience : kDatabasePatience)) throw;
      return std::nullopt;
    }
  }

 private:
  std::string url_;
  std::optional<Connection> connection_;
  std::optional<Clock::time_point> away_since_;
};

bool any_open(Connection& connection, const std::vector<meta::RunId>& runs) {
  std::vector<std::string> ids;
  ids.reserve(runs.size());
  for (const auto run : runs) ids.push_back(std::to_string(run.value));
  return !connection
              .query("SELECT 1 FROM run WHERE run_id = ANY ($1::bigint[]) AND state IN ('queued', 'running') LIMIT 1",
                     {storage::array_literal(ids)})
              .empty();
}

// How far the runs are, as their workflows tell it. To ask one of another process takes some tenths of a second, so a
// look asks as many as fit in its time; the others are as they were.
class ProgressLook {
 public:
  ProgressLook(Worker& worker, const std::vector<meta::RunId>& runs) : worker_(worker), runs_(runs) {}

  std::vector<zipcode::Progress> look() {
    const auto until = Clock::now() + kDrawInterval;
    for (std::size_t asked = 0; asked < runs_.size() && (asked == 0 || Clock::now() < until); ++asked) {
      const auto run = runs_[next_++ % runs_.size()];
      const auto known = known_.find(run);
      if (known == known_.end() || known->second.run.open()) known_[run] = worker_.progress(run);
    }
    std::vector<zipcode::Progress> progress;
    for (const auto run : runs_) {
      if (const auto known = known_.find(run); known != known_.end()) progress.push_back(known->second);
    }
    return progress;
  }

 private:
  Worker& worker_;
  const std::vector<meta::RunId>& runs_;
  std::size_t next_ = 0;
  std::map<meta::RunId, zipcode::Progress> known_;
};

// A run's row is closed by its workflow; a workflow that cannot go on would leave it open forever.
class WorkflowWatch {
 public:
  explicit WorkflowWatch(orchestration::Engine& engine) : engine_(engine) {}

  void check(Connection& connection, const std::vector<meta::RunId>& runs) {
    engine_.throw_if_failed();
    for (const auto id : runs) {
      const auto run = zipcode::read_run(connection, id);
      if (run.open()) check(run);
    }
  }

 private:
  void check(const zipcode::Run& run) {
    const auto execution = engine_.latest_execution(zipcode::workflow_id(run));
    const auto description = execution ? engine_.describe(*execution) : std::nullopt;
    if (!description) return;
    if (description->blocked) {
      throw Error(
          ErrorCode::nondeterminism,
          fmt::format("run {} cannot go on with this wellhead: {}", run.run.value, description->blocked->message),
          "Continue it with the version that began it");
    }
    const bool over = description->state == orchestration::WorkflowState::failed;
    // The row is closed shortly before the workflow ends, so twice in a row means that it stays open.
    if (!over) return;
    if (!failed_before_.insert(*execution).second) {
      const auto reason = description->failure ? description->failure->message : std::string("no reason kept");
      throw Error(ErrorCode::internal, fmt::format("run {} ended without a result: {}", run.run.value, reason),
                  fmt::format("Load {} again; finished steps are kept", run.zipcode.text()));
    }
  }

  orchestration::Engine& engine_;
  std::set<std::string> failed_before_;
};

struct RunResults {
  std::vector<RunResult> runs;
  static constexpr auto kFields = meta::fields(meta::field("runs", &RunResults::runs));
};

std::int64_t staged(const RunResult& result, std::string_view type) {
  for (const auto& receipt : result.receipts) {
    if (receipt.resource_type == type) return receipt.staged;
  }
  return 0;
}

}  // namespace

void follow_runs(Worker& worker, const Database& database, const std::vector<meta::RunId>& runs,
                 const StopSignals& signals, bool on_terminal) {
  ProgressDisplay display(on_terminal);
  PatientConnection connection(database.url());
  ProgressLook progress(worker, runs);
  WorkflowWatch watch(worker.engine());
  auto next_draw = Clock::now();
  auto next_check = Clock::now() + kWorkflowInterval;
  while (!signals.requested()) {
    const auto open = connection.read([&](Connection& reading) { return any_open(reading, runs); });
    if (open && !*open) return;
    const auto now = Clock::now();
    if (open && now >= next_draw) {
      next_draw = now + (on_terminal ? kDrawInterval : kLogInterval);
      const auto seen = connection.read([&](Connection&) { return progress.look(); });
      if (seen) display.update(now, *seen);
    }
    if (open && now >= next_check) {
      next_check = now + kWorkflowInterval;
      connection.read([&](Connection& reading) {
        watch.check(reading, runs);
        return true;
      });
    }
    signals.wait_for(open ? kPoll : kDrawInterval);
  }
}

void let_workflows_end(Worker& worker, const Database& database, const std::vector<meta::RunId>& runs,
                       const StopSignals& signals) {
  const auto until = Clock::now() + kEndPatience;
  auto& engine = worker.engine();
  const auto ended = [&engine](const std::string& workflow_id) {
    const auto execution = engine.latest_execution(workflow_id);
    const auto description = execution ? engine.describe(*execution) : std::nullopt;
    return !description || orchestration::is_end(description->state);
  };
  try {
    auto connection = database.connect();
    for (const auto run : runs) {
      const auto workflow = zipcode::workflow_id(zipcode::read_run(connection, run));
      while (!signals.requested() && Clock::now() < until && !ended(workflow)) signals.wait_for(kPoll);
    }
  } catch (const Error& error) {
    // The runs are closed all the same.
    spdlog::warn("{}", error.what());
  }
}

RunResult read_result(Connection& connection, meta::RunId run) {
  return {zipcode::read_run(connection, run), zipcode::read_receipts(connection, run)};
}

std::string result_table(const std::vector<RunResult>& results) {
  std::vector<std::vector<std::string>> rows = {
      {"ZIP", "RUN", "PATIENTS", "OBSERVATIONS", "SECONDS", "ROWS/S", "VERDICT"}};
  for (const auto& result : results) {
    const auto& run = result.run;
    const auto patients = staged(result, "Patient");
    const auto observations = staged(result, "Observation");
    const auto seconds = run.seconds.value_or(0);
    const auto rate =
        seconds > 0 ? static_cast<std::int64_t>(static_cast<double>(patients + observations) / seconds) : 0;
    rows.push_back({run.zipcode.text(), std::to_string(run.run.value), with_thousands(patients),
                    with_thousands(observations), fmt::format("{:.1f}", seconds), with_thousands(rate), run.state});
  }
  using enum Align;
  return format_table(rows, {left, right, right, right, right, right, left});
}

bool report_failures(const std::vector<RunResult>& results) {
  bool all = true;
  for (const auto& result : results) {
    if (result.succeeded()) continue;
    all = false;
    const bool cancelled = result.run.state == "cancelled";
    complain(fmt::format("the load of {} {}", result.run.zipcode.text(),
                         cancelled ? "was cancelled" : zipcode::receipt_sentence(result.run, result.receipts)),
             cancelled ? fmt::format("`wellhead runs retry {}` goes on with it", result.run.run.value)
                       : fmt::format("`wellhead runs show {}` shows its steps", result.run.run.value));
  }
  return all;
}

bool draws_progress(const CommandLine& line, const meta::Settings& settings) {
  if (line.json || !ProgressDisplay::standard_error_is_terminal()) return false;
  // Log lines would tear the display.
  if (settings.entry(meta::setting::kLogLevel).origin == meta::SettingOrigin::fallback) {
    meta::start_logging({.level = "warn"});
  }
  return true;
}

int report_runs(const CommandLine& line, const Database& database, const std::vector<meta::RunId>& runs) {
  auto connection = database.connect();
  RunResults results;
  results.runs.reserve(runs.size());
  for (const auto run : runs) results.runs.push_back(read_result(connection, run));
  std::fputs((line.json ? meta::to_json(results) + "\n" : result_table(results.runs)).c_str(), stdout);
  return report_failures(results.runs) ? kDone : kWorkFailed;
}

}  // namespace wellhead::app
