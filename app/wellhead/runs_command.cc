// wellhead runs: what ran, and how it went; under it the commands about one run.
#include <fmt/format.h>

#include <cstdio>
#include <memory>

#include "app/wellhead/runs.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kRunsExamples =
    "  wellhead runs                      the latest loads\n"
    "  wellhead runs --zipcode 02139      those of one zip code\n"
    "  wellhead runs show 7               the receipt of run 7, and its steps\n"
    "  wellhead runs watch 7              its progress, until its end\n"
    "  wellhead runs pause 7              let no further step of it begin; resume lets it go on\n"
    "  wellhead runs cancel 7             end it; what it has loaded stays\n"
    "  wellhead runs retry 7              go on with it from the step that failed";

struct RunList {
  std::vector<zipcode::Run> runs;
  static constexpr auto kFields = meta::fields(meta::field("runs", &RunList::runs));
};

std::string as_table(const std::vector<zipcode::Run>& runs) {
  std::vector<std::vector<std::string>> rows = {{"RUN", "ZIP", "STATE", "REQUESTED", "SECONDS", "FROM"}};
  for (const auto& run : runs) {
    rows.push_back({std::to_string(run.run.value), run.zipcode.text(), run.paused ? run.state + ", paused" : run.state,
                    run.requested_at, run.seconds ? fmt::format("{:.1f}", *run.seconds) : "-", run.source_url});
  }
  using enum Align;
  return runs.empty() ? "no runs yet; `wellhead load ZIP` makes one\n"
                      : format_table(rows, {right, left, left, left, right, left});
}

struct ListArguments {
  std::string zipcode;
  int limit = 20;
};

int list_runs(const CommandLine& line, const ListArguments& arguments) {
  std::optional<meta::Zipcode> only;
  if (!arguments.zipcode.empty()) only = meta::Zipcode::parse(arguments.zipcode);
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  auto connection = database.connect();
  const RunList list{zipcode::read_runs(connection, only, arguments.limit)};
  std::fputs((line.json ? meta::to_json(list) + "\n" : as_table(list.runs)).c_str(), stdout);
  return kDone;
}

}  // namespace

std::shared_ptr<meta::RunId> add_run_argument(const Command& command) {
  auto run = std::make_shared<meta::RunId>();
  command.option("run", run->value, "Number of the run.").required().between(1, std::int64_t{1} << 53).type_name("RUN");
  return run;
}

void add_runs(const Command& program, CommandLine& line) {
  const auto command =
      add_command(program, line, "runs", "Show what was loaded and how it went; pause, retry …", kRunsExamples, {});
  const auto arguments = std::make_shared<ListArguments>();
  command.option("--zipcode", arguments->zipcode, "Only runs of this zip code.").type_name("ZIP");
  command.option("--limit", arguments->limit, "At most so many, the latest. Default: 20.")
      .between(1, 10'000)
      .type_name("N");
  for (const auto add : {add_runs_show, add_runs_watch, add_runs_retry, add_runs_control}) add(command, line);
  command.when_chosen([&line, command, arguments] {
    if (!command.has_command_chosen()) line.action = [&line, arguments] { return list_runs(line, *arguments); };
  });
}

}  // namespace wellhead::app
