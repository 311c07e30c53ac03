// wellhead migrate: brings the schema up to date.
#include <fmt/format.h>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "app/wellhead/stop_signals.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kMigrateExamples =
    "  wellhead migrate                                                    of the database in the settings\n"
    "  wellhead migrate --database-url postgresql://owner@db/wellhead      with a user who may create tables\n"
    "`up`, `serve`, `worker` and `load` do it by themselves; several at once wait for each other.";

struct Migrated {
  std::vector<std::string> done;
  static constexpr auto kFields = meta::fields(meta::field("done", &Migrated::done));
};

int migrate(const CommandLine& line) {
  const auto settings = line.start();
  const StopSignals signals;
  const Database database(settings, [&] { return signals.requested(); });
  const Migrated migrated{database.migrate()};
  if (line.json) {
    fmt::print("{}\n", meta::to_json(migrated));
    return kDone;
  }
  for (const auto& step : migrated.done) fmt::print("{}\n", step);
  if (migrated.done.empty()) fmt::print("the schema is up to date\n");
  return kDone;
}

}  // namespace

void add_migrate(const Command& program, CommandLine& line) {
  const auto command = add_command(program, line, "migrate", "Bring the database's schema up to date.",
                                   kMigrateExamples, {&meta::setting::kResources, &meta::setting::kViews});
  command.when_chosen([&line] { line.action = [&line] { return migrate(line); }; });
}

}  // namespace wellhead::app
