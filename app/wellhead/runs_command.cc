// wellhead runs, wellhead runs show RUN: what ran, and how it went.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <memory>
#include <utility>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/follow.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kExamples =
    "  wellhead runs                      the latest loads\n"
    "  wellhead runs --zipcode 02139      those of one zip code\n"
    "  wellhead runs show 7               the receipt of run 7, and its steps\n"
    "  wellhead runs show 7 --json";
constexpr std::string_view kShowExamples =
    "  wellhead runs show 7               the plain answer, the numbers, the steps\n"
    "  wellhead runs show 7 --json        the same for machines";

struct Attempt {
  int attempt = 1;
  std::optional<std::string> started_at;
  std::optional<double> seconds;
  std::optional<std::string> error;

  static constexpr auto kFields =
      meta::fields(meta::field("attempt", &Attempt::attempt), meta::field("started_at", &Attempt::started_at),
                   meta::field("seconds", &Attempt::seconds), meta::field("error", &Attempt::error));
};

struct Step {
  std::uint32_t sequence = 0;
  std::string name;
  std::string state;
  std::optional<double> seconds;  // from being scheduled to its end, waits between attempts included
  std::vector<Attempt> attempts;

  static constexpr auto kFields = meta::fields(
      meta::field("sequence", &Step::sequence), meta::field("name", &Step::name), meta::field("state", &Step::state),
      meta::field("seconds", &Step::seconds), meta::field("attempts", &Step::attempts));
};

struct ShownRun {
  zipcode::Run run;
  std::string answer;
  std::vector<zipcode::Receipt> receipts;
  std::vector<Step> steps;

  static constexpr auto kFields =
      meta::fields(meta::field("run", &ShownRun::run), meta::field("answer", &ShownRun::answer),
                   meta::field("receipts", &ShownRun::receipts), meta::field("steps", &ShownRun::steps));
};

struct RunList {
  std::vector<zipcode::Run> runs;
  static constexpr auto kFields = meta::fields(meta::field("runs", &RunList::runs));
};

std::optional<double> seconds_between(const std::optional<meta::Time>& from, const std::optional<meta::Time>& to) {
  if (!from || !to) return std::nullopt;
  return std::chrono::duration<double>(*to - *from).count();
}

Step shown(const orchestration::StepDescription& step) {
  Step out{.sequence = step.sequence,
           .name = step.name,
           .state = std::string(to_string(step.state)),
           .seconds = seconds_between(step.scheduled_at, step.ended_at)};
  for (const auto& attempt : step.attempts) {
    Attempt made{.attempt = attempt.attempt, .seconds = seconds_between(attempt.started_at, attempt.ended_at)};
    if (attempt.started_at) made.started_at = meta::to_rfc3339(*attempt.started_at);
    if (attempt.failure) made.error = attempt.failure->message;
    out.attempts.push_back(std::move(made));
  }
  return out;
}

std::vector<Step> read_steps(const Database& database, const zipcode::Run& run) {
  std::vector<Step> steps;
  storage::PostgresJournal journal(database.url());
  const orchestration::Registry nothing_to_run;
  orchestration::embedded::EmbeddedEngine engine(journal, nothing_to_run);
  const auto execution = engine.latest_execution(zipcode::workflow_id(run));
  const auto description = execution ? engine.describe(*execution) : std::nullopt;
  if (!description) return steps;  // it never began
  steps.reserve(description->steps.size());
  for (const auto& step : description->steps) steps.push_back(shown(step));
  return steps;
}

std::string number_or_dash(const std::optional<std::int64_t>& number) { return number ? with_thousands(*number) : "-"; }

std::string receipt_table(const std::vector<zipcode::Receipt>& receipts) {
  using zipcode::Receipt;
  constexpr auto counts =
      std::to_array<std::pair<const char*, std::int64_t Receipt::*>>({{"entries received", &Receipt::entries_received},
                                                                      {"= duplicates", &Receipt::duplicates},
                                                                      {"+ out of zip", &Receipt::out_of_zip},
                                                                      {"+ rejected", &Receipt::rejected},
                                                                      {"+ erased", &Receipt::erased},
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
  add("", [](const Receipt& receipt) { return receipt.resource_type; });
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

std::string step_table(const std::vector<Step>& steps) {
  std::vector<std::vector<std::string>> rows = {{"STEP", "NAME", "STATE", "ATTEMPTS", "SECONDS", "ERROR"}};
  for (const auto& step : steps) {
    std::string error;
    for (const auto& attempt : step.attempts) {
      if (attempt.error) error = *attempt.error;
    }
    rows.push_back({std::to_string(step.sequence), step.name, step.state, std::to_string(step.attempts.size()),
                    step.seconds ? fmt::format("{:.2f}", *step.seconds) : "-", error});
  }
  using enum Align;
  return format_table(rows, {right, left, left, right, right, left});
}

std::string as_text(const ShownRun& shown) {
  auto text = fmt::format("Run {} of {} from {}\n{}\n", shown.run.run.value, shown.run.zipcode.text(),
                          shown.run.source_url, shown.answer);
  if (!shown.receipts.empty()) text += "\n" + receipt_table(shown.receipts);
  if (!shown.steps.empty()) text += "\n" + step_table(shown.steps);
  return text;
}

std::string as_table(const std::vector<zipcode::Run>& runs) {
  std::vector<std::vector<std::string>> rows = {{"RUN", "ZIP", "STATE", "REQUESTED", "SECONDS", "FROM"}};
  for (const auto& run : runs) {
    rows.push_back({std::to_string(run.run.value), run.zipcode.text(), run.state, run.requested_at,
                    run.seconds ? fmt::format("{:.1f}", *run.seconds) : "-", run.source_url});
  }
  using enum Align;
  return runs.empty() ? "no runs yet; `wellhead load ZIP` makes one\n"
                      : format_table(rows, {right, left, left, left, right, left});
}

int show_run(const CommandLine& line, std::int64_t number) {
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  auto connection = database.connect();
  ShownRun shown{.run = zipcode::read_run(connection, {number}),
                 .receipts = zipcode::read_receipts(connection, {number})};
  shown.answer = zipcode::receipt_sentence(shown.run, shown.receipts);
  shown.steps = read_steps(database, shown.run);
  std::fputs((line.json ? meta::to_json(shown) + "\n" : as_text(shown)).c_str(), stdout);
  return kDone;
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

void add_runs(CLI::App& program, CommandLine& line) {
  auto& command = add_command(program, line, "runs", "Show what was loaded, and how it went.", kExamples, {});
  const auto arguments = std::make_shared<ListArguments>();
  command.add_option("--zipcode", arguments->zipcode, "Only runs of this zip code.")->type_name("ZIP");
  command.add_option("--limit", arguments->limit, "At most so many, the latest. Default: 20.")
      ->check(CLI::Range(1, 10'000))
      ->type_name("N");
  auto& show = add_command(command, line, "show", "Show one run: its receipt and its steps.", kShowExamples, {});
  const auto number = std::make_shared<std::int64_t>(0);
  show.add_option("run", *number, "Number of the run.")
      ->required()
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 53))
      ->type_name("RUN");
  show.callback([&line, number] { line.action = [&line, number] { return show_run(line, *number); }; });
  command.callback([&line, &show, arguments] {
    if (show.count() == 0) line.action = [&line, arguments] { return list_runs(line, *arguments); };
  });
}

}  // namespace wellhead::app
