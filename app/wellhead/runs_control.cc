// wellhead runs pause, resume, cancel: act on a run in whatever process it runs.
#include <fmt/format.h>

#include <cstdio>

#include "app/wellhead/runs.h"
#include "app/wellhead/stop_signals.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kPauseExamples =
    "  wellhead runs pause 7              no further step begins, wherever it runs; steps that run end\n"
    "  wellhead runs pause 7 --json       the run, for machines";
constexpr std::string_view kResumeExamples =
    "  wellhead runs resume 7             the run goes on\n"
    "  wellhead runs resume 7 --json      the run, for machines";
constexpr std::string_view kCancelExamples =
    "  wellhead runs cancel 7             the run ends as cancelled; what it has loaded stays\n"
    "  wellhead runs cancel 7 --json      the run, for machines\n"
    "`wellhead runs retry 7` goes on with a cancelled run.";

struct ChangedRun {
  zipcode::Run run;
  bool has_worker = true;  // false: the change takes effect when a process runs workflows again
  static constexpr auto kFields =
      meta::fields(meta::field("run", &ChangedRun::run), meta::field("has_worker", &ChangedRun::has_worker));
};

using RunChange = void (Worker::*)(meta::RunId);

int change_run(const CommandLine& line, meta::RunId run, RunChange change, std::string_view what) {
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  Worker worker(settings, database);  // never begins: it only asks
  (worker.*change)(run);
  tell_change(line, database, run, what);
  return kDone;
}

void add_run_change(const Command& runs, CommandLine& line, const std::string& name, const std::string& description,
                    std::string_view examples, RunChange change, std::string_view what) {
  const auto command = add_command(runs, line, name, description, examples, {});
  const auto run = add_run_argument(command);
  command.when_chosen([&line, run, change, what] {
    line.action = [&line, run, change, what] { return change_run(line, *run, change, what); };
  });
}

}  // namespace

void tell_change(const CommandLine& line, const Database& database, meta::RunId run, std::string_view what) {
  auto connection = database.connect();
  const ChangedRun changed{zipcode::read_run(connection, run), database.has_worker()};
  if (line.json) {
    fmt::print("{}\n", meta::to_json(changed));
    return;
  }
  fmt::print("Run {} of {} {}.\n", run.value, changed.run.zipcode.text(), what);
  if (!changed.has_worker) {
    fmt::print("No worker runs just now: it takes effect when `wellhead worker`, `up` or `load` does.\n");
  }
}

void add_runs_control(const Command& runs, CommandLine& line) {
  add_run_change(runs, line, "pause", "Let no further step of a run begin.", kPauseExamples, &Worker::pause,
                 "is paused; steps that run end");
  add_run_change(runs, line, "resume", "Let a paused run go on.", kResumeExamples, &Worker::resume, "goes on");
  add_run_change(runs, line, "cancel", "Ask a run to end as cancelled.", kCancelExamples, &Worker::cancel,
                 "is asked to end as cancelled");
}

}  // namespace wellhead::app
