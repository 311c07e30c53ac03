// What the commands of `wellhead` share. Each command is a file that offers one function: it adds the command with its
// options, help and examples to the program, and hands over what to do when it is chosen.
#pragma once

#include <CLI/CLI.hpp>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/settings.h"

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

// Adds a command that has the options every command has: --json, --env-file, and flags for the log, the database and
// the given settings. examples: one or more lines, each a command and what it is for.
CLI::App& add_command(CLI::App& program, CommandLine& line, std::string name, std::string description,
                      std::string_view examples, std::initializer_list<const meta::SettingDefinition*> settings);

// Where workflows are kept.
void add_engine_settings(CLI::App& command, CommandLine& line);
// That, and the settings of the source and of loading.
void add_load_settings(CLI::App& command, CommandLine& line);
// One setting's flag, with another spelling as well: "--source".
void add_setting(CLI::App& command, CommandLine& line, const meta::SettingDefinition& setting,
                 const std::string& alias = {});

void add_up(CLI::App& program, CommandLine& line);
void add_serve(CLI::App& program, CommandLine& line);
void add_worker(CLI::App& program, CommandLine& line);
void add_load(CLI::App& program, CommandLine& line);
void add_runs(CLI::App& program, CommandLine& line);
void add_schedule(CLI::App& program, CommandLine& line);
void add_migrate(CLI::App& program, CommandLine& line);
void add_settings(CLI::App& program, CommandLine& line);
void add_psql(CLI::App& program, CommandLine& line);
void add_doctor(CLI::App& program, CommandLine& line);
void add_views(CLI::App& program, CommandLine& line);

}  // namespace wellhead::app
