// wellhead runs retry: goes on with a run that failed or was cancelled.
#include <fmt/format.h>

#include "app/wellhead/follow.h"
#include "app/wellhead/runs.h"
#include "app/wellhead/stop_signals.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kRunsRetryExamples =
    "  wellhead runs retry 7              go on from the step that failed, and follow it to its end\n"
    "  wellhead runs retry 7 --detach     leave it to `wellhead worker` or `up`\n"
    "What was finished is kept, and not fetched again. Works on runs that failed or were cancelled.\n"
    "Exit status: 0 when the run ended complete (or unverified: the server gives no totals), otherwise 1.";

struct RetryArguments {
  std::shared_ptr<meta::RunId> run;
  bool detach = false;
};

int retry(const CommandLine& line, const RetryArguments& arguments) {
  const auto run = *arguments.run;
  const auto settings = line.start();
  const bool on_terminal = !arguments.detach && draws_progress(line, settings);
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  Worker worker(settings, database);
  worker.retry(run);
  if (arguments.detach) {
    tell_change(line, database, run, "goes on from the step that failed");
    return kDone;
  }
  worker.begin();
  follow_runs(worker, database, {run}, signals, on_terminal);
  let_workflows_end(worker, database, {run}, signals);
  worker.stop();
  if (signals.requested()) {
    throw meta::Error(meta::ErrorCode::cancelled,
                      fmt::format("stopped before run {} ended; what was done is kept", run.value),
                      "`wellhead load` of its zip code, `worker` or `up` goes on with it");
  }
  return report_runs(line, database, {run});
}

}  // namespace

void add_runs_retry(const Command& runs, CommandLine& line) {
  const auto command =
      add_command(runs, line, "retry", "Go on with a run that failed or was cancelled.", kRunsRetryExamples, {});
  const auto arguments = std::make_shared<RetryArguments>();
  arguments->run = add_run_argument(command);
  command.flag("--detach", arguments->detach, "Queue it for another process and return at once.");
  add_load_settings(command, line);
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return retry(line, *arguments); }; });
}

}  // namespace wellhead::app
