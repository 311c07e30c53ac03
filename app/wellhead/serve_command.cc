// wellhead serve: the API alone; loads it is asked for are queued for a worker.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "app/wellhead/api_options.h"
#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "service/api/server.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kServeExamples =
    "  wellhead serve                                                 the API on 127.0.0.1:8080\n"
    "  wellhead serve --only patients,observations                    a part of it, for a process of its own behind a "
    "proxy\n"
    "  wellhead serve --listen 0.0.0.0:80 --database-url postgresql://reader@db/wellhead\n"
    "Loads that POST /zipcodes asks for are queued until a `wellhead worker` (or `up`) of the same database runs them.";

// --only a,b --only c
std::vector<std::string> parts(const std::vector<std::string>& lists) {
  std::vector<std::string> all;
  for (const std::string& list : lists) {
    for (std::size_t start = 0; start <= list.size();) {
      const auto end = std::min(list.find(',', start), list.size());
      all.push_back(list.substr(start, end - start));
      start = end + 1;
    }
  }
  return all;
}

int serve(const CommandLine& line, const std::vector<std::string>& only) {
  const auto settings = line.start();
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  database.keep_running();
  Worker queue(settings, database);  // never begins: it queues, asks and controls
  api::ServerOptions options = api_options(settings, database, queue);
  options.only = parts(only);
  api::Server server(std::move(options));
  server.start();
  fmt::print("{}\n", line.json ? fmt::format(R"({{"api":"{}"}})", server.url()) : "API  " + server.url());
  std::fflush(stdout);
  signals.wait();
  spdlog::info("stopping");
  server.stop();
  queue.stop();
  database.release();
  return kDone;
}

}  // namespace

void add_serve(const Command& program, CommandLine& line) {
  const auto command =
      add_command(program, line, "serve", "Serve the API alone.", kServeExamples, {&meta::setting::kListen});
  const auto only = std::make_shared<std::vector<std::string>>();
  command
      .option("--only", *only,
              "Serve a part: loads, stats, patients, observations, or other tables by their names; several with commas "
              "between.")
      .type_name("PART");
  add_load_settings(command, line);
  command.when_chosen([&line, only] { line.action = [&line, only] { return serve(line, *only); }; });
}

}  // namespace wellhead::app
