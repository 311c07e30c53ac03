// wellhead serve: the API alone; loads it is asked for are queued for a worker.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <cstdio>

#include "app/wellhead/api_options.h"
#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "service/api/server.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kExamples =
    "  wellhead serve                                                 the API on 127.0.0.1:8080\n"
    "  wellhead serve --listen 0.0.0.0:80 --database-url postgresql://reader@db/wellhead\n"
    "Loads that POST /zipcodes asks for are queued until a `wellhead worker` (or `up`) of the same database runs them.";

int serve(const CommandLine& line) {
  const auto settings = line.start();
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  database.keep_running();
  Worker queue(settings, database);  // never begins: it queues, asks and controls
  api::Server server(api_options(settings, database, queue));
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
      add_command(program, line, "serve", "Serve the API alone.", kExamples, {&meta::setting::kListen});
  add_load_settings(command, line);
  command.when_chosen([&line] { line.action = [&line] { return serve(line); }; });
}

}  // namespace wellhead::app
