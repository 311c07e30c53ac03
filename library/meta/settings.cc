#include "library/meta/settings.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <numeric>
#include <utility>

#include "library/meta/env_file.h"
#include "library/meta/error.h"
#include "library/meta/fail_point.h"
#include "library/meta/setting_value.h"

namespace wellhead::meta {
namespace {

constexpr std::string_view kPrefix = "WELLHEAD_";
constexpr std::string_view kTestPrefix = "WELLHEAD_TEST_";
constexpr std::string_view kFileSuffix = "_FILE";

[[noreturn]] void fail(std::string message, std::string advice) {
  throw Error(ErrorCode::invalid_setting, std::move(message), std::move(advice));
}

std::string read_text(const std::filesystem::path& path, std::string_view what) {
  std::string text;
  std::error_code ignored;
  std::ifstream file;
  if (!std::filesystem::is_directory(path, ignored)) file.open(path, std::ios::binary);
  if (file.is_open()) text.assign(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  if (!file.is_open() || file.bad()) {
    fail(fmt::format("{} cannot be read: {}", what, path.string()), "Check that the file exists and may be read");
  }
  return text;
}

// Levenshtein's distance.
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string suggestion(std::string_view name) {
  std::string_view best;
  std::size_t least = 4;  // farther names are no misspellings
  for (const auto* definition : setting_definitions()) {
    const auto steps = distance(name, definition->name);
    if (steps < least) {
      least = steps;
      best = definition->name;
    }
  }
  if (best.empty()) return "`wellhead settings` lists the settings there are";
  return fmt::format("Did you mean {}?", best);
}

const SettingDefinition* find_definition(std::string_view name) {
  for (const auto* definition : setting_definitions()) {
    if (definition->name == name) return definition;
  }
  return nullptr;
}

// NAME_FILE's definition, if NAME is a secret.
const SettingDefinition* secret_of_file(std::string_view name) {
  if (!name.ends_with(kFileSuffix)) return nullptr;
  const auto* definition = find_definition(name.substr(0, name.size() - kFileSuffix.size()));
  return definition != nullptr && definition->secret ? definition : nullptr;
}

// With Wellhead's prefix, whatever follows it, or a name of the registry.
bool is_ours(std::string_view name) {
  return name.starts_with(kPrefix) || find_definition(name) != nullptr || secret_of_file(name) != nullptr;
}

// One place a value was given.
struct Given {
  std::string name;
  std::string value;
  SettingOrigin origin;
  std::string detail;

  std::string where() const {
    if (origin == SettingOrigin::flag) return detail;
    return fmt::format("{} ({})", name, origin == SettingOrigin::environment ? "environment" : detail);
  }
};

std::vector<std::pair<std::string, std::string>> process_environment() {
  std::vector<std::pair<std::string, std::string>> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const auto equals = text.find('=');
    if (equals != std::string_view::npos) variables.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return variables;
}

// A layer by name; given twice in a .env file, the later line counts.
using Layer = std::map<std::string, Given>;

Layer environment_layer(const Settings::Sources& sources) {
  Layer layer;
  for (auto& [name, value] : sources.environment ? *sources.environment : process_environment()) {
    if (!is_ours(name) || name.starts_with(kTestPrefix) || value.empty()) continue;
    if (kFailPoints && name.starts_with(kFailPointVariables)) continue;
    layer.insert_or_assign(name, Given{name, value, SettingOrigin::environment, {}});
  }
  return layer;
}

Layer env_file_layer(const Settings::Sources& sources) {
  const auto path = sources.env_file.value_or(".env");
  if (!sources.env_file && !std::filesystem::exists(path)) return {};
  Layer layer;
  for (auto& line : parse_env_file(read_text(path, "the settings file"), path.string())) {
    if (!is_ours(line.name)) continue;
    Given given{line.name, line.value, SettingOrigin::env_file, fmt::format("{}:{}", path.string(), line.line)};
    if (line.value.empty()) {
      layer.erase(line.name);
    } else {
      layer.insert_or_assign(line.name, std::move(given));
    }
  }
  return layer;
}

Layer flag_layer(const Settings::Sources& sources) {
  Layer layer;
  for (const auto& flag : sources.flags) {
    layer.insert_or_assign(flag.name, Given{flag.name, flag.value, SettingOrigin::flag, flag.spelled});
  }
  return layer;
}

void check_names(const Layer& layer) {
  for (const auto& [name, given] : layer) {
    if (find_definition(name) != nullptr || secret_of_file(name) != nullptr) continue;
    fail(fmt::format("unknown setting {}", given.where()), suggestion(name));
  }
}

Settings::Entry make_entry(const SettingDefinition& definition, const Given& given) {
  const auto value = normalized(definition, given.value);
  if (!value) {
    const auto shown = definition.secret ? std::string() : fmt::format(" '{}'", given.value);
    fail(fmt::format("setting {} has a malformed value{}", given.where(), shown),
         fmt::format("{} takes {}", definition.name, expectation(definition)));
  }
  return {&definition, *value, given.origin, given.detail, std::nullopt};
}

Settings::Entry make_file_entry(const SettingDefinition& definition, const Given& given) {
  const auto path = std::filesystem::absolute(given.value);
  auto text = read_text(path, fmt::format("the file of setting {}", given.where()));
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  if (text.empty()) fail(fmt::format("the file of setting {} is empty: {}", given.where(), path.string()), "");
  auto entry = make_entry(definition, {given.name, text, given.origin, given.detail});
  entry.file = path;
  return entry;
}

std::optional<Settings::Entry> entry_from(const Layer& layer, const SettingDefinition& definition) {
  const auto direct = layer.find(std::string(definition.name));
  const auto file = definition.secret ? layer.find(fmt::format("{}{}", definition.name, kFileSuffix)) : layer.end();
  if (direct != layer.end() && file != layer.end()) {
    fail(fmt::format("{} and {} are both set", direct->second.where(), file->second.where()), "Set one of them");
  }
  if (direct != layer.end()) return make_entry(definition, direct->second);
  if (file != layer.end()) return make_file_entry(definition, file->second);
  return std::nullopt;
}

std::string default_home(const Layer& environment) {
  if (geteuid() == 0) return "/var/lib/wellhead";
  const auto variable = [&](const char* name) {
    const auto found = environment.find(name);
    return found == environment.end() ? std::string() : found->second.value;
  };
  if (const auto data = variable("XDG_DATA_HOME"); data.starts_with('/')) return data + "/wellhead";
  if (const auto home = variable("HOME"); home.starts_with('/')) return home + "/.local/share/wellhead";
  return std::filesystem::absolute(".wellhead").string();
}

// HOME and XDG_DATA_HOME, which are others' names.
Layer home_variables(const Settings::Sources& sources) {
  Layer layer;
  for (auto& [name, value] : sources.environment ? *sources.environment : process_environment()) {
    if (name == "HOME" || name == "XDG_DATA_HOME") layer.insert_or_assign(name, Given{name, value, {}, {}});
  }
  return layer;
}

}  // namespace

std::string_view to_string(SettingOrigin origin) {
  constexpr std::array<std::string_view, 4> names = {"default", ".env", "environment", "flag"};
  return names[static_cast<std::size_t>(origin)];
}

std::string Settings::Entry::shown() const {
  if (value.empty()) return {};
  switch (definition->kind) {
    case SettingKind::database_url:
      return value.find("://") == std::string::npos ? "(hidden)" : redacted_url(value);
    case SettingKind::http_url:
    case SettingKind::blob_url:
      return redacted_url(value);
    default:
      return definition->secret ? "(hidden)" : value;
  }
}

Settings Settings::load(const Sources& sources) {
  const std::array layers = {flag_layer(sources), environment_layer(sources), env_file_layer(sources)};
  for (const auto& layer : layers) check_names(layer);

  Settings settings;
  for (const auto* definition : setting_definitions()) {
    std::optional<Entry> entry;
    for (const auto& layer : layers) {
      if (!entry) entry = entry_from(layer, *definition);
    }
    if (!entry) entry = Entry{definition, std::string(definition->fallback), SettingOrigin::fallback, {}, std::nullopt};
    settings.entries_.emplace(definition->name, std::move(*entry));
  }

  auto& home = settings.entries_.at(setting::kHome.name);
  if (home.value.empty()) home.value = default_home(home_variables(sources));
  auto& blob_url = settings.entries_.at(setting::kBlobUrl.name);
  if (blob_url.value.empty()) blob_url.value = "file://" + home.value + "/blobs";
  if (settings.is_set(setting::kSourceToken) && settings.is_set(setting::kSourceUser)) {
    fail("WELLHEAD_SOURCE_TOKEN and WELLHEAD_SOURCE_USER are both set",
         "Set one of them: a token or a user with a password");
  }
  if (settings.is_set(setting::kAzureKey) && settings.is_set(setting::kAzureSasToken)) {
    fail("AZURE_STORAGE_KEY and AZURE_STORAGE_SAS_TOKEN are both set", "Set one of them: a key or a signature");
  }
  return settings;
}

const Settings::Entry& Settings::entry(const SettingDefinition& setting) const { return entries_.at(setting.name); }

std::vector<Settings::Entry> Settings::entries() const {
  std::vector<Entry> list;
  list.reserve(setting_definitions().size());
  for (const auto* definition : setting_definitions()) list.push_back(entry(*definition));
  return list;
}

std::string Settings::get(const setting::Text& setting) const { return entry(setting).value; }

std::int64_t Settings::get(const setting::Integer& setting) const {
  return parse_number(setting, entry(setting).value).value_or(0);
}

std::chrono::milliseconds Settings::get(const setting::Duration& setting) const {
  return std::chrono::milliseconds(parse_number(setting, entry(setting).value).value_or(0));
}

}  // namespace wellhead::meta
