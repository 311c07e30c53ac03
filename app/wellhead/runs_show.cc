// wellhead runs show: the plain answer, the receipt, the history of a run.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <memory>
#include <utility>

#include "app/wellhead/run_history.h"
#include "app/wellhead/runs.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kRunsShowExamples =
    "  wellhead runs show 7               the plain answer, the numbers, the steps as a tree\n"
    "  wellhead runs show 7 --all         every step, however many\n"
    "  wellhead runs show 7 --json        the same for machines";

struct ShownRun {
  zipcode::Run run;
  std::string answer;
  std::vector<zipcode::Receipt> receipts;
  std::vector<ShownExecution> executions;
  std::vector<ShownStep> steps;
  std::optional<std::string> steps_error;  // why the steps cannot be told

  static constexpr auto kFields =
      meta::fields(meta::field("run", &ShownRun::run), meta::field("answer", &ShownRun::answer),
                   meta::field("receipts", &ShownRun::receipts), meta::field("executions", &ShownRun::executions),
                   meta::field("steps", &ShownRun::steps), meta::field("steps_error", &ShownRun::steps_error));
};

std::string number_or_dash(const std::optional<std::int64_t>& number) { return number ? with_thousands(*number) : "-"; }

std::string receipt_table(const std::vector<zipcode::Receipt>& receipts) {
  using zipcode::Receipt;
  constexpr auto counts =
      std::to_array<std::pair<const char*, std::int64_t Receipt::*>>({{"entries received", &Receipt::entries_received},
                                                                      {"= duplicates", &Receipt::duplicates},
                                                                      {"+ out of zip", &Receipt::out_of_zip},
                                                                      {"+ rejected", &Receipt::rejected},
                                                                      {"+ erased", &Receipt::erased},
                                                                      {"+ filtered", &Receipt::filtered},
                                                                      {"+ staged", &Receipt::staged},
                                                                      {"staged = inserted", &Receipt::inserted},
                                                                      {"+ updated", &Receipt::updated},
                                                                      {"+ unchanged", &Receipt::unchanged},
                                                                      {"+ older", &Receipt::older},
                                                                      {"missing", &Receipt::missing},
                                                                      {"no longer found", &Receipt::no_longer_found},
                                                                      {"requests", &Receipt::requests},
                                                                      {"retries", &Receipt::retries}});
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const char* title, auto value_of) {
    auto& row = rows.emplace_back(1, title);
    for (const auto& receipt : receipts) row.push_back(value_of(receipt));
  };
  add("", [](const Receipt& receipt) { return receipt.place == 0 ? receipt.resource_type : receipt.table; });
  add("verdict", [](const Receipt& receipt) { return receipt.verdict; });
  add("server's total before", [](const Receipt& receipt) { return number_or_dash(receipt.server_total_before); });
  add("server's total after", [](const Receipt& receipt) { return number_or_dash(receipt.server_total_after); });
  for (const auto& [title, count] : counts) {
    add(title, [count = count](const Receipt& receipt) { return with_thousands(receipt.*count); });
  }
  add("received", [](const Receipt& receipt) { return bytes_text(receipt.bytes_received); });
  add("seconds, all steps", [](const Receipt& receipt) { return fmt::format("{:.1f}", receipt.seconds); });
  add("digest", [](const Receipt& receipt) { return receipt.digest.value_or("-"); });
  return format_table(rows, std::vector(receipts.size() + 1, Align::right));
}

std::string as_text(const ShownRun& shown, const RunHistory& history, bool all) {
  auto text = fmt::format("Run {} of {} from {}\n{}{}\n", shown.run.run.value, shown.run.zipcode.text(),
                          shown.run.source_url, shown.answer, shown.run.paused ? ", paused" : "");
  if (!shown.receipts.empty()) text += "\n" + receipt_table(shown.receipts);
  const auto drawing =
      draw_history(history, {.unicode = locale_is_utf8(), .all = all, .now = meta::SystemClock().now()});
  if (!drawing.empty()) text += "\n" + drawing;
  return text;
}

int show_run(const CommandLine& line, meta::RunId run, bool all) {
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  auto connection = database.connect();
  ShownRun shown{.run = zipcode::read_run(connection, run), .receipts = zipcode::read_receipts(connection, run)};
  shown.answer = zipcode::receipt_sentence(shown.run, shown.receipts);
  Worker worker(settings, database);  // never begins: it only looks
  RunHistory history;
  try {
    history = read_history(worker.engine(), worker.history(run));
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::database_unreachable) throw;
    shown.steps_error = error.message();
  }
  shown.executions = shown_executions(history);
  shown.steps = shown_steps(history);
  std::fputs((line.json ? meta::to_json(shown) + "\n" : as_text(shown, history, all)).c_str(), stdout);
  if (!shown.steps_error) return kDone;
  complain(fmt::format("the steps of run {} cannot be shown: {}", run.value, *shown.steps_error), "");
  return kWorkFailed;
}

}  // namespace

void add_runs_show(const Command& runs, CommandLine& line) {
  const auto command =
      add_command(runs, line, "show", "Show one run: how it went, its receipt and its steps.", kRunsShowExamples, {});
  const auto run = add_run_argument(command);
  const auto all = std::make_shared<bool>(false);
  command.flag("--all", *all, "Show every step, also where many of a kind went well.");
  command.when_chosen([&line, run, all] { line.action = [&line, run, all] { return show_run(line, *run, *all); }; });
}

}  // namespace wellhead::app
