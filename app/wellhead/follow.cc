#include "app/wellhead/follow.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "app/wellhead/command.h"
#include "app/wellhead/progress_display.h"
#include "app/wellhead/table.h"
#include "library/meta/error.h"
#include "service/zipcode/load.h"

namespace wellhead::app {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::Connection;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(50);
constexpr auto kDrawInterval = std::chrono::milliseconds(250);
constexpr auto kWorkflowInterval = std::chrono::seconds(3);
constexpr auto kDatabasePatience = std::chrono::seconds(60);

// A connection that comes back after the database was away for a while. What is done in read() may also use other
// connections.
class PatientConnection {
 public:
  explicit PatientConnection(std::string url) : url_(std::move(url)) {}

  // nullopt while the database is away.
  template <class Read>
  auto read(Read action) -> std::optional<decltype(action(std::declval<Connection&>()))> {
    try {
      if (!connection_) connection_.emplace(url_);
      auto value = action(*connection_);
      away_since_.reset();
      return value;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::database_unreachable) throw;
      connection_.reset();
      const auto now = Clock::now();
      if (!away_since_) {
        away_since_ = now;
        spdlog::warn("{}; trying again", error.message());
      }
      if (now - *away_since_ > kDatabasePatience) throw;
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

std::vector<zipcode::Progress> read_all(Connection& connection, const std::vector<meta::RunId>& runs) {
  std::vector<zipcode::Progress> progress;
  progress.reserve(runs.size());
  for (const auto run : runs) progress.push_back(zipcode::read_progress(connection, run));
  return progress;
}

// A run's row is closed by its workflow; a workflow that cannot go on would leave it open forever.
class WorkflowWatch {
 public:
  explicit WorkflowWatch(orchestration::Engine& engine) : engine_(engine) {}

  void check(const std::vector<zipcode::Progress>& runs) {
    engine_.throw_if_failed();
    try {
      for (const auto& progress : runs) {
        if (progress.run.open()) check(progress.run);
      }
    } catch (const Error& error) {
      // The next reading of the runs counts for how long the database is away.
      if (error.code() != ErrorCode::database_unreachable) throw;
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
    if (over && failed_before_ == *execution) {
      const auto reason = description->failure ? description->failure->message : std::string("no reason kept");
      throw Error(ErrorCode::internal, fmt::format("run {} ended without a result: {}", run.run.value, reason),
                  fmt::format("Load {} again; finished steps are kept", run.zipcode.text()));
    }
    failed_before_ = over ? *execution : std::string();
  }

  orchestration::Engine& engine_;
  std::string failed_before_;
};

std::int64_t staged(const RunResult& result, std::string_view type) {
  for (const auto& receipt : result.receipts) {
    if (receipt.resource_type == type) return receipt.staged;
  }
  return 0;
}

}  // namespace

void follow_runs(const std::string& database_url, orchestration::Engine& engine, const std::vector<meta::RunId>& runs,
                 const StopSignals& signals, bool on_terminal) {
  ProgressDisplay display(on_terminal);
  PatientConnection connection(database_url);
  WorkflowWatch watch(engine);
  auto next_draw = Clock::now();
  auto next_check = Clock::now() + kWorkflowInterval;
  while (!signals.requested()) {
    const auto open = connection.read([&](Connection& reading) { return any_open(reading, runs); });
    if (open && !*open) return;
    const auto now = Clock::now();
    if (open && now >= next_draw) {
      next_draw = now + kDrawInterval;
      const auto progress = connection.read([&](Connection& reading) { return read_all(reading, runs); });
      if (progress) display.update(now, *progress);
      if (progress && now >= next_check) {
        next_check = now + kWorkflowInterval;
        connection.read([&](Connection&) {
          watch.check(*progress);
          return true;
        });
      }
    }
    signals.wait_for(open ? kPoll : kDrawInterval);
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
    complain(fmt::format("the load of {} {}", result.run.zipcode.text(),
                         zipcode::receipt_sentence(result.run, result.receipts)),
             fmt::format("`wellhead runs show {}` shows its steps", result.run.run.value));
  }
  return all;
}

}  // namespace wellhead::app
