// wellhead worker: runs queued loads, without an API; /health and /metrics if asked for.
#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "service/api/server.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kWorkerExamples =
    "  wellhead worker --database-url postgresql://loader@db/wellhead     run the loads queued there\n"
    "  wellhead worker --engine temporal --serve-queues extraction        on Temporal, one kind of steps alone\n"
    "One worker of a database works at a time; others wait and take over when it ends. On Temporal all work.\n"
    "Ctrl-C or SIGTERM stops it within seconds; a load that was running goes on at the next start.";

// nullptr: WELLHEAD_METRICS_LISTEN is not set.
std::unique_ptr<api::Server> serve_metrics(const meta::Settings& settings, const Database& database,
                                           const Worker& worker) {
  if (!settings.is_set(meta::setting::kMetricsListen)) return nullptr;
  auto server = std::make_unique<api::Server>(api::ServerOptions{.listen = settings.get(meta::setting::kMetricsListen),
                                                                 .database_url = database.url(),
                                                                 .monitoring_only = true,
                                                                 .look_for_problem = worker.look_for_problem(),
                                                                 .threads = 1});
  server->start();
  spdlog::info("metrics are at {}/metrics", server->url());
  return server;
}

int work(const CommandLine& line) {
  const auto settings = line.start();
  const StopSignals signals;
  Database database(settings, [&] { return signals.requested(); });
  database.migrate();
  database.keep_running();
  Worker worker(settings, database, [&] { return !signals.requested(); });
  const auto metrics = serve_metrics(settings, database, worker);
  worker.begin();
  spdlog::info("the worker is ready");
  signals.wait();
  spdlog::info("stopping");
  if (metrics) metrics->stop();
  worker.stop();
  database.release();
  return kDone;
}

}  // namespace

void add_worker(const Command& program, CommandLine& line) {
  const auto command = add_command(program, line, "worker", "Run queued loads, without an API.", kWorkerExamples,
                                   {&meta::setting::kMetricsListen, &meta::setting::kServeQueues});
  add_load_settings(command, line);
  command.when_chosen([&line] { line.action = [&line] { return work(line); }; });
}

}  // namespace wellhead::app
