// wellhead worker: runs queued loads, without an API.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kExamples =
    "  wellhead worker --database-url postgresql://loader@db/wellhead     run the loads queued there\n"
    "One worker of a database works at a time; others wait and take over when it ends.\n"
    "Ctrl-C or SIGTERM stops it within seconds; a load that was running goes on at the next start.";

int work(const CommandLine& line) {
  const auto settings = line.start();
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  Worker worker(settings, database);
  worker.begin();
  spdlog::info("the worker is ready");
  signals.wait();
  spdlog::info("stopping");
  worker.stop();
  database.release();
  return kDone;
}

}  // namespace

void add_worker(CLI::App& program, CommandLine& line) {
  auto& command = add_command(program, line, "worker", "Run queued loads, without an API.", kExamples, {});
  add_load_settings(command, line);
  command.callback([&line] { line.action = [&line] { return work(line); }; });
}

}  // namespace wellhead::app
