// wellhead up: everything in this process: own PostgreSQL (unless a database is set), worker and API.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <memory>

#include "app/wellhead/api_options.h"
#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/follow.h"
#include "app/wellhead/progress_display.h"
#include "app/wellhead/stop_signals.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "service/api/server.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kUpExamples =
    "  wellhead up --source https://fhir.example.org/r4     serve, and load what POST /zipcodes asks for\n"
    "  wellhead up --load 02139 02140                       load these first\n"
    "  wellhead up --listen 0.0.0.0:8080                    for other machines too\n"
    "Ctrl-C or SIGTERM stops it within seconds; a load that was running goes on at the next start.";

struct Addresses {
  std::string api;
  std::string docs;
  std::string database;
  static constexpr auto kFields =
      meta::fields(meta::field("api", &Addresses::api), meta::field("docs", &Addresses::docs),
                   meta::field("database", &Addresses::database));
};

void tell(const CommandLine& line, const api::Server& server, const Database& database) {
  const Addresses addresses{server.url(), server.url() + "/docs", database.shown()};
  if (line.json) {
    fmt::print("{}\n", meta::to_json(addresses));
  } else {
    fmt::print(
        "dashboard  {}/\nAPI        {}\ndocs       {}\ndatabase   {}  (`wellhead psql` opens it)\nCtrl-C stops it.\n",
        addresses.api, addresses.api, addresses.docs, addresses.database);
  }
  std::fflush(stdout);
}

void load_first(const std::vector<std::string>& zipcodes, Worker& worker, const Database& database,
                const StopSignals& signals) {
  if (zipcodes.empty()) return;
  std::vector<meta::RunId> runs;
  runs.reserve(zipcodes.size());
  for (const auto& text : zipcodes) runs.push_back(worker.load(meta::Zipcode::parse(text)).run);
  follow_runs(worker, database, runs, signals, ProgressDisplay::standard_error_is_terminal());
  if (signals.requested()) return;
  auto connection = database.connect();
  std::vector<RunResult> results;
  results.reserve(runs.size());
  for (const auto run : runs) results.push_back(read_result(connection, run));
  std::fputs(result_table(results).c_str(), stderr);
  report_failures(results);
}

int up(const CommandLine& line, const std::vector<std::string>& zipcodes) {
  for (const auto& text : zipcodes) meta::Zipcode::parse(text);
  const auto settings = line.start();
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  database.keep_running();
  Worker worker(settings, database, [&] { return !signals.requested(); });
  api::Server server(api_options(settings, database, worker));
  server.start();
  worker.begin();
  tell(line, server, database);
  load_first(zipcodes, worker, database, signals);
  signals.wait();
  spdlog::info("stopping");
  server.stop();
  worker.stop();
  database.release();
  return kDone;
}

}  // namespace

void add_up(const Command& program, CommandLine& line) {
  const auto command =
      add_command(program, line, "up", "Run everything in the foreground: PostgreSQL of its own, worker, API.",
                  kUpExamples, {&meta::setting::kListen});
  const auto zipcodes = std::make_shared<std::vector<std::string>>();
  command.option("--load", *zipcodes, "Zip codes to load at the start.").type_name("ZIP");
  add_load_settings(command, line);
  command.when_chosen([&line, zipcodes] { line.action = [&line, zipcodes] { return up(line, *zipcodes); }; });
}

}  // namespace wellhead::app
