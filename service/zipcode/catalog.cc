#include "service/zipcode/catalog.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "library/meta/error.h"
#include "service/clinical/clinical.h"
#include "service/observation/observation.h"
#include "service/patient/patient.h"
#include "service/resource/view_file.h"

namespace wellhead::zipcode {
namespace {

using converter::View;
using meta::Error;
using meta::ErrorCode;
using resource::ResourceTable;
using resource::ViewFile;

template <class Range, class Value>
bool has(const Range& range, const Value& value) {
  return std::ranges::find(range, value) != std::ranges::end(range);
}

// Paths of the API that are no tables; a table of that name would be hidden by them.
constexpr auto kTakenPaths =
    std::to_array<std::string_view>({"patients", "observations", "zipcodes", "runs", "receipts", "rejects", "stats",
                                     "health", "metrics", "docs", "schedules", "views", "v1"});

bool is_standard(const ResourceTable& table) { return table.name() == "patient" || table.name() == "observation"; }

// Equal for allergy_intolerance, AllergyIntolerance and allergy-intolerance.
std::string plain(std::string_view name) {
  std::string out;
  for (const char c : name) {
    if (c == '_' || c == '-' || c == ' ') continue;
    out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c);
  }
  return out;
}

std::vector<std::filesystem::path> view_files(const std::filesystem::path& directory) {
  std::error_code failure;
  std::vector<std::filesystem::path> files;
  std::filesystem::directory_iterator entries(directory, failure);
  if (failure) {
    throw Error(ErrorCode::invalid_setting,
                fmt::format("the views in {} cannot be read: {}", directory.string(), failure.message()),
                "Set WELLHEAD_VIEWS to a directory of ViewDefinition files (*.json)");
  }
  for (const auto& entry : entries) {
    if (entry.path().extension() == ".json" && entry.is_regular_file()) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace

Catalog::Catalog(const CatalogOptions& options) {
  add_built_in();
  choose(options.resources);
  if (!options.views.empty()) add_users(options.views);
}

void Catalog::add_built_in() {
  entries_.push_back({{View::parse(patient::patient_view_json()), {}, "id", {}}, true});
  ResourceTable observations{View::parse(observation::observation_view_json()), {}, "patient_id", {}};
  observations.parts.push_back({View::parse(observation::observation_component_view_json()), {}});
  entries_.push_back({std::move(observations), false});
  for (const auto definition : clinical::view_definitions()) {
    entries_.push_back({{View::parse(definition), {}, "patient_id", {}}, false});
  }
}

std::vector<std::string> Catalog::named(const std::vector<std::string>& resources) const {
  std::vector<std::string> names;
  for (const auto& wanted : resources) {
    const auto before = names.size();
    for (const auto& entry : entries_) {
      if (!entry.table.built_in()) continue;
      const bool fits = plain(wanted) == "all" || plain(wanted) == plain(entry.table.name());
      if (fits) names.push_back(entry.table.name());
    }
    if (names.size() > before) continue;
    std::string known;
    for (const auto& entry : entries_) {
      if (entry.table.built_in()) known += (known.empty() ? "" : ", ") + entry.table.name();
    }
    throw Error(ErrorCode::invalid_setting, fmt::format("there is no built-in view '{}'", wanted),
                fmt::format("WELLHEAD_RESOURCES takes {}, or all; for other resource types put a ViewDefinition into "
                            "the directory WELLHEAD_VIEWS",
                            known));
  }
  return names;
}

void Catalog::choose(const std::vector<std::string>& resources) {
  for (const auto& name : named(resources))
    std::ranges::find(entries_, name, [](const Entry& entry) { return entry.table.name(); })->loaded = true;
}

void Catalog::add_users(const std::filesystem::path& directory) {
  std::vector<ViewFile> files;
  for (const auto& path : view_files(directory)) {
    auto file = resource::read_view_file(path);
    const auto& name = file.view.name();
    const auto same = std::ranges::find(files, name, [](const ViewFile& other) { return other.view.name(); });
    const bool built_in =
        std::ranges::any_of(entries_, [&](const Entry& entry) { return has(entry.table.table_names(), name); });
    if (same != files.end() || built_in || has(kTakenPaths, name)) {
      throw Error(ErrorCode::invalid_view,
                  fmt::format("{}: the name {} is taken by {}", path.string(), name,
                              same != files.end() ? same->path.string() : "Wellhead itself"),
                  "Give the view another name");
    }
    files.push_back(std::move(file));
  }
  for (auto& file : files) {
    if (file.part) continue;
    // Behind the last table of its type.
    const auto type = file.view.resource();
    const auto last = std::ranges::find(entries_.rbegin(), entries_.rend(), type,
                                        [](const Entry& entry) { return entry.table.resource(); });
    entries_.insert(last == entries_.rend() ? entries_.end() : last.base(),
                    Entry{{file.view, file.path, file.patient_column, {}}, true});
  }
  for (auto& file : files) {
    if (!file.part) continue;
    const auto parent = std::ranges::find_if(
        entries_, [&](const Entry& entry) { return entry.loaded && entry.table.resource() == file.view.resource(); });
    if (parent == entries_.end()) {
      throw Error(ErrorCode::invalid_view,
                  fmt::format("{}: view {} gives several rows a resource, and no view gives the one row of {} that "
                              "they belong to",
                              file.path.string(), file.view.name(), file.view.resource()),
                  fmt::format("Add {0} to WELLHEAD_RESOURCES if it is built in, else a view of {0} without forEach",
                              file.view.resource()));
    }
    parent->table.parts.push_back({file.view, file.path});
  }
}

const ResourceTable* Catalog::find(std::string_view table) const {
  const auto found = std::ranges::find_if(entries_, [&](const Entry& entry) { return entry.table.name() == table; });
  return found == entries_.end() ? nullptr : &found->table;
}

std::optional<std::vector<RunTable>> Catalog::run_tables(
    const std::optional<std::vector<std::string>>& resources) const {
  const auto names = resources ? named(*resources) : std::vector<std::string>();
  std::vector<RunTable> tables;
  bool standard = true;
  for (const auto& entry : entries_) {
    const auto& table = entry.table;
    const bool chosen =
        &entry == &entries_.front() || (resources && table.built_in() ? has(names, table.name()) : entry.loaded);
    const auto digest = table.users_digest();
    standard = standard && chosen == is_standard(table) && digest.empty();
    if (!chosen) continue;
    tables.push_back({table.resource(), table.name(), digest.empty() ? std::nullopt : std::optional(digest)});
  }
  if (standard) return std::nullopt;
  return tables;
}

std::vector<const ResourceTable*> Catalog::tables_of(const LoadOptions& options) const {
  if (!options.tables) return {&patients(), find("observation")};
  std::vector<const ResourceTable*> tables;
  for (const auto& wanted : *options.tables) {
    const auto* table = find(wanted.table);
    if (table == nullptr) {
      throw Error(ErrorCode::invalid_setting,
                  fmt::format("the run fills table {}, which no view here has", wanted.table),
                  "Set WELLHEAD_VIEWS as where the load was asked for");
    }
    if (table->users_digest() != wanted.view.value_or("")) {
      throw Error(ErrorCode::invalid_setting,
                  fmt::format("the view of table {} is another than the run began with", wanted.table),
                  "Put it back and `wellhead runs retry` the run, or cancel the run and load the zip code again");
    }
    tables.push_back(table);
  }
  return tables;
}

std::vector<const ResourceTable*> Catalog::tables_of(const LoadOptions& options, std::string_view type) const {
  auto tables = tables_of(options);
  std::erase_if(tables, [&](const ResourceTable* table) { return table->resource() != type; });
  return tables;
}

std::vector<storage::TargetTable> Catalog::targets_of(const LoadOptions& options) const {
  std::vector<storage::TargetTable> targets;
  for (const auto* table : tables_of(options)) std::ranges::move(table->targets(), std::back_inserter(targets));
  return targets;
}

std::vector<const ResourceTable*> Catalog::served(std::span<const std::string> applied) const {
  std::vector<const ResourceTable*> tables;
  for (const auto& entry : entries_) {
    const bool before = std::ranges::find(applied, entry.table.name()) != applied.end();
    if (entry.loaded || is_standard(entry.table) || before) tables.push_back(&entry.table);
  }
  return tables;
}

std::vector<View> views_of(std::span<const ResourceTable* const> tables) {
  std::vector<View> views;
  for (const auto* table : tables) std::ranges::move(table->views(), std::back_inserter(views));
  return views;
}

const Catalog& standard_catalog() {
  static const Catalog catalog;
  return catalog;
}

}  // namespace wellhead::zipcode
