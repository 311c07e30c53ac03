#include "app/wellhead/command.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <utility>

#include "library/meta/logging.h"
#include "library/meta/worker_settings.h"

namespace wellhead::app {
namespace {

using namespace meta::setting;

std::string value_name(const meta::SettingDefinition& setting) {
  switch (setting.kind) {
    case meta::SettingKind::http_url:
    case meta::SettingKind::database_url:
    case meta::SettingKind::blob_url:
      return "URL";
    case meta::SettingKind::path:
      return "PATH";
    case meta::SettingKind::address:
      return "HOST:PORT";
    case meta::SettingKind::duration:
      return "TIME";
    case meta::SettingKind::bytes:
      return "SIZE";
    case meta::SettingKind::integer:
      return "N";
    case meta::SettingKind::choice:
      return std::string(setting.choices);
    case meta::SettingKind::text:
      break;
  }
  return "TEXT";
}

std::string description_of(const meta::SettingDefinition& setting) {
  auto text = std::string(setting.description);
  if (!setting.fallback.empty()) text += fmt::format(" Default: {}.", setting.fallback);
  return text;
}

}  // namespace

void complain(std::string_view message, std::string_view advice) {
  if (message.ends_with('.')) message.remove_suffix(1);
  const bool ended = advice.ends_with('.') || advice.ends_with('?');
  const auto line = advice.empty() ? fmt::format("wellhead: {}\n", message)
                                   : fmt::format("wellhead: {}. {}{}\n", message, advice, ended ? "" : ".");
  std::fputs(line.c_str(), stderr);
}

Option Option::required() const {
  option_->required();
  return *this;
}

Option Option::type_name(const std::string& name) const {
  option_->type_name(name);
  return *this;
}

Option Option::between(std::int64_t least, std::int64_t most) const {
  option_->check(CLI::Range(least, most));
  return *this;
}

Option Option::one_of(const std::vector<std::string>& values) const {
  option_->check(CLI::IsMember(values));
  return *this;
}

Option Command::option(const std::string& names, std::string& value, const std::string& description) const {
  return Option(parser_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::optional<std::filesystem::path>& value,
                       const std::string& description) const {
  return Option(parser_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::vector<std::string>& value,
                       const std::string& description) const {
  return Option(parser_->add_option(names, value, description));
}

Option Command::option(const std::string& names, int& value, const std::string& description) const {
  return Option(parser_->add_option(names, value, description));
}

Option Command::option(const std::string& names, std::int64_t& value, const std::string& description) const {
  return Option(parser_->add_option(names, value, description));
}

Option Command::flag(const std::string& names, bool& value, const std::string& description) const {
  return Option(parser_->add_flag(names, value, description));
}

void Command::when_chosen(std::function<void()> callback) const { parser_->callback(std::move(callback)); }
void Command::require_command() const { parser_->require_subcommand(1); }
bool Command::has_command_chosen() const { return !parser_->get_subcommands().empty(); }
void Command::allow_extras() const { parser_->allow_extras(); }
std::vector<std::string> Command::extras() const { return parser_->remaining(); }

meta::Settings CommandLine::start() const {
  auto settings = meta::Settings::load({.flags = flags, .environment = std::nullopt, .env_file = env_file});
  const auto format = settings.get(kLogFormat) == "json" ? meta::LogFormat::json : meta::LogFormat::text;
  meta::start_logging({.level = settings.get(kLogLevel), .format = format});
  return settings;
}

void add_setting(const Command& command, CommandLine& line, const meta::SettingDefinition& setting,
                 const std::string& alias) {
  const auto flag = meta::flag_of(setting);
  const auto spelled = alias.empty() ? flag : alias;
  const auto add = [&](const std::string& names, const std::string& name, const std::string& description) {
    command.parser()
        .add_option_function<std::string>(
            names,
            [&line, name, names](const std::string& value) {
              line.flags.push_back({name, value, names.substr(0, names.find(','))});
            },
            description)
        ->type_name(name.ends_with("_FILE") ? "PATH" : value_name(setting))
        ->group("Settings");
  };
  if (!setting.secret || setting.kind == meta::SettingKind::database_url) {
    add(spelled == flag ? flag : spelled + "," + flag, std::string(setting.name), description_of(setting));
  } else {
    // Everyone on the machine can see a command line.
    add(flag + "-file", fmt::format("{}_FILE", setting.name), "File with it: " + description_of(setting));
  }
}

void add_engine_settings(const Command& command, CommandLine& line) {
  for (const auto* setting :
       {&kEngine, &kTaskQueue, &kPayloadKeys, &kTemporalAddress, &kTemporalNamespace, &kTemporalApiKey, &kTemporalTls,
        &kTemporalCaFile, &kTemporalCertificateFile, &kTemporalKeyFile, &kTemporalServerName}) {
    add_setting(command, line, *setting);
  }
}

void add_load_settings(const Command& command, CommandLine& line) {
  add_engine_settings(command, line);
  constexpr auto workers = std::to_array<const meta::SettingDefinition*>(
      {&kSlots, &kPollers, &kDeployment, &kBuildId, &kVersioning, &kCoreMetricsListen});
  for (const auto* setting : workers) add_setting(command, line, *setting);
  add_setting(command, line, kSourceUrl, "--source");
  constexpr auto rest = std::to_array<const meta::SettingDefinition*>(
      {&kSourceToken,    &kSourceUser,      &kSourcePassword,     &kSourceCaFile,     &kConcurrency,
       &kPageSize,       &kRequestRate,     &kObservations,       &kResources,        &kViews,
       &kConnectTimeout, &kReadTimeout,     &kMaxResponseBytes,   &kRetryAttempts,    &kRetryDelay,
       &kRetryMaxDelay,  &kCircuitFailures, &kCircuitPeriod,      &kCircuitMaxPeriod, &kBlobUrl,
       &kKeepBlobs,      &kLeaseDuration,   &kCreateBucket,       &kS3Addressing,     &kAwsEndpointUrl,
       &kAwsRegion,      &kAwsAccessKeyId,  &kAwsSecretAccessKey, &kAwsSessionToken,  &kAwsCaBundle,
       &kAzureAccount,   &kAzureKey,        &kAzureSasToken,      &kAzureEndpoint});
  for (const auto* setting : rest) add_setting(command, line, *setting);
}

Command add_command_group(const Command& program, std::string name, std::string description,
                          std::string_view examples) {
  auto& parser = *program.parser().add_subcommand(std::move(name), std::move(description));
  parser.footer("Examples:\n" + std::string(examples));
  parser.require_subcommand(1);
  return Command(&parser);
}

Command add_command(const Command& program, CommandLine& line, std::string name, std::string description,
                    std::string_view examples, std::initializer_list<const meta::SettingDefinition*> settings) {
  auto& parser = *program.parser().add_subcommand(std::move(name), std::move(description));
  parser.footer("Examples:\n" + std::string(examples));
  const Command command(&parser);
  command.flag("--json", line.json, "Write the answer as JSON.");
  command.option("--env-file", line.env_file, "File with settings, instead of .env in this directory.")
      .type_name("PATH");
  for (const auto* setting : settings) add_setting(command, line, *setting);
  for (const auto* setting :
       {static_cast<const meta::SettingDefinition*>(&kHome), static_cast<const meta::SettingDefinition*>(&kDatabaseUrl),
        static_cast<const meta::SettingDefinition*>(&kLogLevel),
        static_cast<const meta::SettingDefinition*>(&kLogFormat)}) {
    add_setting(command, line, *setting);
  }
  return command;
}

}  // namespace wellhead::app
