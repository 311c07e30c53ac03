// wellhead psql: opens psql on the database, or prints how to reach it.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <utility>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/storage/postgres/client_environment.h"
#include "library/storage/postgres/cluster_layout.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kPsqlExamples =
    "  wellhead psql                                         a prompt on the database\n"
    "  wellhead psql -c 'SELECT count(*) FROM patient'       what psql takes goes to psql\n"
    "  wellhead psql -- --help                               also where wellhead has an option of that name\n"
    "  wellhead psql --print                                 only say where the database is\n"
    "An own PostgreSQL is started if it does not run, and stopped again if nothing else uses it.";

struct Connection {
  std::string url;
  static constexpr auto kFields = meta::fields(meta::field("url", &Connection::url));
};

// psql of the path, else of the newest server.
std::string find_psql() {
  const char* path = std::getenv("PATH");
  std::string_view rest = path == nullptr ? "" : path;
  while (!rest.empty()) {
    const auto end = std::min(rest.find(':'), rest.size());
    const auto program = std::filesystem::path(rest.substr(0, end)) / "psql";
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (::access(program.c_str(), X_OK) == 0) return program;
  }
  const auto installed = storage::installed_versions("/usr/lib/postgresql");
  if (!installed.empty()) return installed.rbegin()->second / "psql";
  throw meta::Error(meta::ErrorCode::not_found, "psql is not installed",
                    "Install the package postgresql-client, or use `wellhead psql --print` with another client");
}

int run_psql(const std::string& url, const std::vector<std::string>& extra) {
  std::vector<std::string> words = {find_psql()};
  const auto environment = storage::client_environment(url);
  for (const auto& [name, value] : environment.variables) ::setenv(name.c_str(), value.c_str(), 1);
  if (!environment.rest.empty()) words.push_back("--dbname=" + environment.rest);
  words.insert(words.end(), extra.begin(), extra.end());
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (auto& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);

  ::signal(SIGINT, SIG_IGN);  // psql's to handle
  const pid_t child = ::fork();
  if (child == 0) {
    ::signal(SIGINT, SIG_DFL);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  while (child > 0 && ::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return child > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : kWorkFailed;
}

int print_connection(const CommandLine& line, const meta::Settings& settings) {
  const auto& database = settings.entry(meta::setting::kDatabaseUrl);
  const Connection connection{database.value.empty() ? storage::own_cluster_url(settings.get(meta::setting::kHome))
                                                     : database.shown()};
  fmt::print("{}\n", line.json ? meta::to_json(connection) : connection.url);
  return kDone;
}

int psql(const CommandLine& line, bool print, const std::vector<std::string>& extra) {
  const auto settings = line.start();
  if (print || line.json) return print_connection(line, settings);
  Database database(settings, {});
  const int status = run_psql(database.url(), extra);
  database.release();
  return status == 0 ? kDone : kWorkFailed;
}

}  // namespace

void add_psql(const Command& program, CommandLine& line) {
  const auto command =
      add_command(program, line, "psql", "Open psql on the database, or print where it is.", kPsqlExamples, {});
  const auto print = std::make_shared<bool>(false);
  command.flag("--print", *print, "Print the connection, without a password, and start nothing.");
  command.allow_extras();
  command.when_chosen([&line, command, print] {
    auto extra = command.extras();
    extra.insert(extra.end(), line.passed_on.begin(), line.passed_on.end());
    line.action = [&line, print, extra = std::move(extra)] { return psql(line, *print, extra); };
  });
}

}  // namespace wellhead::app
