// wellhead load: queues loads of zip codes and follows them to their end.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <memory>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/follow.h"
#include "app/wellhead/stop_signals.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/webclient/rate_limiter.h"
#include "service/resource/resource_table.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kLoadExamples =
    "  wellhead load 02139 --source https://fhir.example.org/r4     load one zip code\n"
    "  wellhead load 02139 02140 02141                              several, from WELLHEAD_SOURCE_URL\n"
    "  wellhead load 02139 --plan                                   how much it would be; loads nothing\n"
    "  wellhead load 02139 --observations per-patient --concurrency 2 --request-rate 10\n"
    "                                                               go easy on the server\n"
    "  wellhead load 02139 --priority 1                             before what waits with a higher number\n"
    "Exit status: 0 when every zip code ended complete (or unverified: the server gives no totals), otherwise 1.\n"
    "Interrupted, a load keeps what it has done: load the zip code again and it goes on.";

struct LoadArguments {
  std::vector<std::string> zipcodes;
  bool plan = false;
  bool restore_erased = false;
  int priority = orchestration::kNormalPriority;
};

struct PlannedLoad {
  meta::Zipcode zipcode;
  zipcode::LoadEstimate estimate;
  static constexpr auto kFields =
      meta::fields(meta::field("zipcode", &PlannedLoad::zipcode), meta::field("estimate", &PlannedLoad::estimate));
};

struct PlanAnswer {
  std::vector<PlannedLoad> loads;
  static constexpr auto kFields = meta::fields(meta::field("loads", &PlanAnswer::loads));
};

std::vector<meta::Zipcode> parse_zipcodes(const std::vector<std::string>& texts) {
  std::vector<meta::Zipcode> zipcodes;
  for (const auto& text : texts) {
    const auto zipcode = meta::Zipcode::parse(text);
    if (std::ranges::find(zipcodes, zipcode) == zipcodes.end()) zipcodes.push_back(zipcode);
  }
  return zipcodes;
}

void require_source(const meta::Settings& settings) {
  if (settings.is_set(meta::setting::kSourceUrl)) return;
  throw meta::Error(meta::ErrorCode::invalid_setting, "no FHIR server is configured",
                    "Set WELLHEAD_SOURCE_URL or give --source URL");
}

std::string count_text(const std::optional<std::int64_t>& count) { return count ? with_thousands(*count) : "unknown"; }

// A column a resource type.
std::string plan_table(const PlanAnswer& answer) {
  const auto about = [](const std::string& text) { return text == "unknown" ? text : "about " + text; };
  std::vector<std::vector<std::string>> rows = {{"ZIP", "PATIENTS"}};
  for (const auto& type : answer.loads.front().estimate.resources) {
    auto name = resource::plural_of_type(type.resource_type);
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    rows.front().push_back(std::move(name));
  }
  for (const char* name : {"ROWS", "REQUESTS", "TIME"}) rows.front().emplace_back(name);
  for (const auto& load : answer.loads) {
    const auto& estimate = load.estimate;
    auto& row = rows.emplace_back();
    row.push_back(load.zipcode.text());
    row.push_back(count_text(estimate.patients));
    for (const auto& type : estimate.resources) row.push_back(about(count_text(type.resources)));
    row.push_back(about(count_text(estimate.rows)));
    row.push_back(about(count_text(estimate.requests)));
    row.push_back(estimate.seconds ? "about " + clock_time(*estimate.seconds) : "unknown");
  }
  std::vector<Align> aligns(rows.front().size(), Align::right);
  aligns.front() = Align::left;
  return format_table(rows, aligns);
}

int plan(const CommandLine& line, const meta::Settings& settings, const std::vector<meta::Zipcode>& zipcodes) {
  // Nothing connects: an estimate talks to the server alone.
  storage::ConnectionPool no_database("postgresql://", 1);
  const auto blobs = storage::open_blob_store(settings);
  const auto known = catalog(settings);
  const auto make_limiter = [&](const std::string&) {
    return std::make_unique<webclient::LocalRateLimiter>(
        static_cast<double>(settings.get(meta::setting::kRequestRate)));
  };
  zipcode::LoadService loads(no_database, *blobs, source_settings(settings), make_limiter, known);
  PlanAnswer answer;
  answer.loads.reserve(zipcodes.size());
  for (const auto& zipcode : zipcodes) {
    answer.loads.push_back({zipcode, loads.estimate(zipcode, load_options(settings))});
  }
  if (line.json) {
    fmt::print("{}\n", meta::to_json(answer));
    return kDone;
  }
  std::fputs(plan_table(answer).c_str(), stdout);
  return kDone;
}

int interrupted(const std::vector<meta::Zipcode>& zipcodes) {
  std::string list;
  for (const auto& zipcode : zipcodes) list += " " + zipcode.text();
  throw meta::Error(meta::ErrorCode::cancelled, "stopped before the load ended; what was done is kept",
                    fmt::format("`wellhead load{}` goes on with it", list));
}

int load(const CommandLine& line, const LoadArguments& arguments) {
  const auto zipcodes = parse_zipcodes(arguments.zipcodes);
  const auto settings = line.start();
  require_source(settings);
  if (arguments.plan) return plan(line, settings, zipcodes);

  const bool on_terminal = draws_progress(line, settings);
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  database.keep_running();
  Worker worker(settings, database);
  std::vector<meta::RunId> runs;
  runs.reserve(zipcodes.size());
  auto options = load_options(settings);
  options.priority = arguments.priority;
  if (arguments.restore_erased) options.restore_erased = true;
  for (const auto& zipcode : zipcodes) runs.push_back(worker.load(zipcode, options).run);
  worker.begin();
  follow_runs(worker, database, runs, signals, on_terminal);
  let_workflows_end(worker, database, runs, signals);
  worker.stop();
  if (!signals.requested()) worker.housekeeping().tidy_up();  // these runs' blobs may be due at once
  if (signals.requested()) return interrupted(zipcodes);
  return report_runs(line, database, runs);
}

}  // namespace

void add_load(const Command& program, CommandLine& line) {
  const auto command = add_command(
      program, line, "load", "Load zip codes, follow them to their end, and prove them complete.", kLoadExamples, {});
  const auto arguments = std::make_shared<LoadArguments>();
  command.option("zipcodes", arguments->zipcodes, "Zip codes, five digits each.").required().type_name("ZIP");
  command.flag("--plan", arguments->plan,
               "Ask the server for its counts and say what a load would take; load nothing.");
  command
      .option("--priority", arguments->priority,
              "1 to 5; lower goes first where loads or their steps wait for others. Default: 3.")
      .between(1, 5)
      .type_name("N");
  command.flag("--restore-erased", arguments->restore_erased,
               "Load patients that were erased, too; they no longer count as erased.");
  add_load_settings(command, line);
  command.when_chosen([&line, arguments] { line.action = [&line, arguments] { return load(line, *arguments); }; });
}

}  // namespace wellhead::app
