// wellhead settings: the values in force and where each came from.
#include <fmt/format.h>

#include <cstdio>

#include "app/wellhead/command.h"
#include "app/wellhead/table.h"
#include "library/meta/describe.h"

namespace wellhead::app {
namespace {

constexpr std::string_view kSettingsExamples =
    "  wellhead settings                       what is in force here, and why\n"
    "  wellhead settings --env-file prod.env   what would be with another file\n"
    "  wellhead settings --json                the same for machines";

struct ShownSetting {
  std::string name;
  std::string value;
  std::string from;
  std::string description;

  static constexpr auto kFields =
      meta::fields(meta::field("name", &ShownSetting::name), meta::field("value", &ShownSetting::value),
                   meta::field("from", &ShownSetting::from), meta::field("description", &ShownSetting::description));
};

ShownSetting shown(const meta::Settings::Entry& entry) {
  auto from = std::string(to_string(entry.origin));
  if (entry.origin == meta::SettingOrigin::env_file || entry.origin == meta::SettingOrigin::flag) from = entry.detail;
  if (entry.file) from += fmt::format(" (file {})", entry.file->string());
  return {std::string(entry.definition->name), entry.shown(), from, std::string(entry.definition->description)};
}

int show_settings(const CommandLine& line) {
  std::vector<ShownSetting> list;
  list.reserve(meta::setting_definitions().size());
  for (const auto& entry : line.start().entries()) list.push_back(shown(entry));
  if (line.json) {
    fmt::print("{}\n", meta::to_json(list));
    return kDone;
  }
  std::vector<std::vector<std::string>> rows = {{"SETTING", "VALUE", "FROM"}};
  for (const auto& setting : list)
    rows.push_back({setting.name, setting.value.empty() ? "-" : setting.value, setting.from});
  std::fputs(format_table(rows).c_str(), stdout);
  return kDone;
}

}  // namespace

void add_settings(const Command& program, CommandLine& line) {
  const auto command = add_command(program, line, "settings", "Show the settings in force and where each came from.",
                                   kSettingsExamples, {&meta::setting::kListen});
  add_load_settings(command, line);
  command.when_chosen([&line] { line.action = [&line] { return show_settings(line); }; });
}

}  // namespace wellhead::app
