// What the commands of `wellhead` share. Each command is a file that offers one function: it adds the command with its
// options, help and examples to the program, and hands over what to do when it is chosen.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/settings.h"

namespace CLI {  // NOLINT(readability-identifier-naming): as the parser calls it
class App;
class Option;
}  // namespace CLI

namespace wellhead::app {

// Exit status of the program.
inline constexpr int kDone = 0;
inline constexpr int kWorkFailed = 1;
inline constexpr int kWrongUse = 2;

// One line on standard error: what happened, and what to do.
void complain(std::string_view message, std::string_view advice);

// The command line as it was given. Lives until the program ends: options write into it.
struct CommandLine {
  bool json = false;
  std::optional<std::filesystem::path> env_file;
  std::vector<meta::Settings::Flag> flags;
  std::vector<std::string> passed_on;  // what follows `--` of a command that starts another program
  std::function<int()> action;         // of the command that was chosen

  // Loads the settings and starts logging by them.
  meta::Settings start() const;
};

// An option or argument of a command. A handle, as Command is.
class Option {
 public:
  explicit Option(CLI::Option* option) : option_(option) {}

  Option required() const;
  Option type_name(const std::string& name) const;  // what stands for the value in --help
  Option between(std::int64_t least, std::int64_t most) const;
  Option one_of(const std::vector<std::string>& values) const;

 private:
  CLI::Option* option_;
};

// A command, or the program itself: a handle to what the parser keeps, copied freely. The parser's own header is
// included by command.cc and main.cc alone: it takes longer to compile than most commands.
class Command {
 public:
  explicit Command(CLI::App* parser) : parser_(parser) {}

  // The values are written when the command line is parsed, and must live as long as the parser. A name without dashes
  // is an argument.
  Option option(const std::string& names, std::string& value, const std::string& description) const;
  Option option(const std::string& names, std::optional<std::filesystem::path>& value,
                const std::string& description) const;
  Option option(const std::string& names, std::vector<std::string>& value, const std::string& description) const;
  Option option(const std::string& names, int& value, const std::string& description) const;
  Option option(const std::string& names, std::int64_t& value, const std::string& description) const;
  Option flag(const std::string& names, bool& value, const std::string& description) const;

  // Called when the command was given.
  void when_chosen(std::function<void()> callback) const;
  void require_command() const;  // one of the commands under it
  bool has_command_chosen() const;
  void allow_extras() const;  // words that it does not know are no mistake
  std::vector<std::string> extras() const;

  CLI::App& parser() const { return *parser_; }

 private:
  CLI::App* parser_;
};

// Adds a command that has the options every command has: --json, --env-file, and flags for the log, the database and
// the given settings. examples: one or more lines, each a command and what it is for.
Command add_command(const Command& program, CommandLine& line, std::string name, std::string description,
                    std::string_view examples, std::initializer_list<const meta::SettingDefinition*> settings);

// Adds a command that does nothing but have commands under it.
Command add_command_group(const Command& program, std::string name, std::string description, std::string_view examples);

// Where workflows are kept.
void add_engine_settings(const Command& command, CommandLine& line);
// That, and the settings of the source and of loading.
void add_load_settings(const Command& command, CommandLine& line);
// One setting's flag, with another spelling as well: "--source".
void add_setting(const Command& command, CommandLine& line, const meta::SettingDefinition& setting,
                 const std::string& alias = {});

void add_up(const Command& program, CommandLine& line);
void add_serve(const Command& program, CommandLine& line);
void add_worker(const Command& program, CommandLine& line);
void add_load(const Command& program, CommandLine& line);
void add_runs(const Command& program, CommandLine& line);
void add_schedule(const Command& program, CommandLine& line);
void add_keys(const Command& program, CommandLine& line);
void add_migrate(const Command& program, CommandLine& line);
void add_settings(const Command& program, CommandLine& line);
void add_psql(const Command& program, CommandLine& line);
void add_doctor(const Command& program, CommandLine& line);
void add_health(const Command& program, CommandLine& line);
void add_views(const Command& program, CommandLine& line);

}  // namespace wellhead::app
