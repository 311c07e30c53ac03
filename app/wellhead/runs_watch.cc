// wellhead runs watch: the live progress of a run, in whatever process it runs, until its end.
#include <fmt/format.h>

#include "app/wellhead/follow.h"
#include "app/wellhead/runs.h"
#include "app/wellhead/stop_signals.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kRunsWatchExamples =
    "  wellhead runs watch 7              how far run 7 is, until its end\n"
    "  wellhead runs watch 7 --json       its result at its end, for machines\n"
    "Ctrl-C ends the watching; the run goes on.\n"
    "Exit status: 0 when the run ended complete (or unverified: the server gives no totals), otherwise 1.";

int watch(const CommandLine& line, meta::RunId run) {
  const auto settings = line.start();
  const bool on_terminal = draws_progress(line, settings);
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  auto connection = database.connect();
  if (zipcode::read_run(connection, run).open() && !database.has_worker()) {
    complain("no worker runs just now", "The run goes on when `wellhead worker`, `up` or `load` does");
  }
  Worker worker(settings, database);  // never begins: it only looks
  follow_runs(worker, database, {run}, signals, on_terminal);
  if (signals.requested()) {
    throw meta::Error(meta::ErrorCode::cancelled, fmt::format("stopped watching run {}; the run goes on", run.value),
                      fmt::format("`wellhead runs watch {}` watches it again", run.value));
  }
  return report_runs(line, database, {run});
}

}  // namespace

void add_runs_watch(const Command& runs, CommandLine& line) {
  const auto command = add_command(runs, line, "watch", "Follow a run to its end.", kRunsWatchExamples, {});
  const auto run = add_run_argument(command);
  command.when_chosen([&line, run] { line.action = [&line, run] { return watch(line, *run); }; });
}

}  // namespace wellhead::app
