// Waiting for runs to end, in whatever process they run, and telling how they went.
#pragma once

#include <string>
#include <vector>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "service/zipcode/runs.h"

namespace wellhead::app {

// Returns when all runs have ended or a signal came; shows progress meanwhile. Error{database_unreachable} when the
// database stays away, and the workflow's error when a run cannot go on.
void follow_runs(Worker& worker, const Database& database, const std::vector<meta::RunId>& runs,
                 const StopSignals& signals, bool on_terminal);

// A run is closed a moment before its workflow ends. Blocks until that is done too, so that no worker needs to come for
// it, for some seconds at most.
void let_workflows_end(Worker& worker, const Database& database, const std::vector<meta::RunId>& runs,
                       const StopSignals& signals);

// Whether progress is drawn on the terminal; then the log is quieter, unless its level was set.
bool draws_progress(const CommandLine& line, const meta::Settings& settings);

struct RunResult {
  zipcode::Run run;
  std::vector<zipcode::Receipt> receipts;

  bool succeeded() const { return run.state == "complete" || run.state == "unverified"; }
  static constexpr auto kFields =
      meta::fields(meta::field("run", &RunResult::run), meta::field("receipts", &RunResult::receipts));
};

RunResult read_result(storage::Connection& connection, meta::RunId run);

// Patients, observations, seconds, rows a second and verdict, a line a run.
std::string result_table(const std::vector<RunResult>& results);

// Prints how the runs went, and complains about those that did not succeed. The exit status.
int report_runs(const CommandLine& line, const Database& database, const std::vector<meta::RunId>& runs);

// Complains about each run that did not succeed. Whether all did.
bool report_failures(const std::vector<RunResult>& results);

}  // namespace wellhead::app
