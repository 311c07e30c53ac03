// wellhead: the command line. Everything is put together here and in composition.h, and nowhere else.
#include <fmt/format.h>
#include <malloc.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <span>
#include <string_view>

#include "app/wellhead/command.h"
#include "library/meta/error.h"

namespace wellhead::app {
namespace {

constexpr auto kOverview = R"(Examples:
  wellhead load 02139 --source https://fhir.example.org/r4   load a zip code and prove it complete
  wellhead up                                                serve what was loaded, and load on request
  wellhead runs                                              what was loaded, and how it ended
  wellhead schedule add 02139 --every 1h                     load it again every hour
  wellhead keys create --role admin                          let other machines use the API
  wellhead views list                                        the tables that there are views for
  wellhead doctor                                            find out what is wrong

Settings come from flags, the environment, .env in this directory, and defaults; see `wellhead settings`.
Exit status: 0 done, 1 the work failed, 2 wrong use.)";

int status_of(const meta::Error& error) {
  const bool wrong_use =
      error.code() == meta::ErrorCode::invalid_input || error.code() == meta::ErrorCode::invalid_setting;
  return wrong_use ? kWrongUse : kWorkFailed;
}

int complain_about_use(const CLI::App& program, const CLI::ParseError& error) {
  const auto chosen = program.get_subcommands();
  const auto words = program.remaining();
  if (!chosen.empty()) {
    complain(error.what(), fmt::format("`wellhead {} --help` shows what it takes", chosen.front()->get_name()));
  } else if (words.empty()) {
    complain("no command was given", "`wellhead --help` lists them");
  } else {
    complain(fmt::format("there is no command '{}'", words.front()), "`wellhead --help` lists them");
  }
  return kWrongUse;
}

// glibc keeps freed memory for each thread, and from the first large block on also blocks of that size: pages and
// parsers of all extraction slots at their largest, twice the memory of a load. Blocks from this size on go back to the
// system when they are freed.
void give_back_large_blocks() {
#ifdef M_MMAP_THRESHOLD
  ::mallopt(M_MMAP_THRESHOLD, 256 << 10);
#endif
}

// How many of the arguments are wellhead's own. What follows `wellhead psql … --` is psql's: the parser would look for
// options of its own in it.
int take_passed_on(std::span<char*> arguments, CommandLine& line) {
  const bool starts_psql = arguments.size() > 1 && std::string_view(arguments[1]) == "psql";
  const auto dashes = std::ranges::find(arguments, std::string_view("--"),
                                        [](const char* argument) { return std::string_view(argument); });
  if (!starts_psql || dashes == arguments.end()) return static_cast<int>(arguments.size());
  line.passed_on.assign(dashes + 1, arguments.end());
  return static_cast<int>(dashes - arguments.begin());
}

int run(int argument_count, char** arguments) {
  CLI::App program(
      "wellhead loads the patients of a zip code and their observations from a FHIR server into PostgreSQL, "
      "proves that nothing is missing, and serves them.",
      "wellhead");
  program.set_version_flag("--version", WELLHEAD_VERSION, "Print the version.");
  program.footer(kOverview);
  program.require_subcommand(1);
  CommandLine line;
  for (const auto add : {add_up, add_serve, add_worker, add_load, add_runs, add_schedule, add_keys, add_migrate,
                         add_settings, add_psql, add_doctor, add_health, add_views}) {
    add(Command(&program), line);
  }
  const int own = take_passed_on(std::span(arguments, static_cast<std::size_t>(argument_count)), line);
  try {
    program.parse(own, arguments);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
    return complain_about_use(program, error);
  }
  try {
    return line.action();
  } catch (const meta::Error& error) {
    complain(error.message(), error.advice());
    return status_of(error);
  } catch (const std::exception& error) {
    complain(error.what(), "This is a bug in wellhead; please report it with this line");
    return kWorkFailed;
  }
}

}  // namespace
}  // namespace wellhead::app

int main(int argument_count, char** arguments) {
  wellhead::app::give_back_large_blocks();
  return wellhead::app::run(argument_count, arguments);
}
