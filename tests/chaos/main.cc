// chaos [--kills N] [--seed S] …: one load under kills and faults; see chaos.h. Exit status 0 when it ended as an
// undisturbed one does.
#include "tests/chaos/chaos.h"

int main(int count, char** arguments) {
  CLI::App app("chaos: a load whose program, database, source and disk fail again and again");
  wellhead::chaos::Options options;
  app.add_option("--kills", options.kills, "Kills of the program")->capture_default_str();
  app.add_option("--database-kills", options.database_kills, "Kills of PostgreSQL")->capture_default_str();
  app.add_option("--blob-outages", options.blob_outages, "Times that no blob can be written")->capture_default_str();
  wellhead::chaos::add_load_options(app, options);
  CLI11_PARSE(app, count, arguments);
  return wellhead::chaos::run_trial<wellhead::chaos::Chaos>("chaos", options);
}
