// temporal_chaos [--kills N] [--seed S] …: one load by several workers under kills; see temporal_chaos.h. Exit status 0
// when it ended as an undisturbed one does.
#include "tests/chaos/temporal_chaos.h"

int main(int count, char** arguments) {
  CLI::App app("temporal_chaos: a load whose workers, and whose Temporal server, are killed again and again");
  wellhead::chaos::TemporalOptions options;
  app.add_option("--workers", options.workers, "Worker processes")->capture_default_str();
  app.add_option("--kills", options.kills, "Kills of each worker")->capture_default_str();
  app.add_option("--server-kills", options.server_kills, "Kills of the Temporal server")->capture_default_str();
  wellhead::chaos::add_load_options(app, options);
  CLI11_PARSE(app, count, arguments);
  return wellhead::chaos::run_trial<wellhead::chaos::TemporalChaos>("temporal_chaos", options);
}
