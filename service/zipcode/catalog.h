// The tables that there are views for: the built-in ones and those of a user's directory; which of them a load fills.
//
// Never changes after it is made; shared by threads.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/loader.h"
#include "service/resource/resource_table.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

struct CatalogOptions {
  // Built-in tables that a load fills, by table (allergy_intolerance) or resource type (AllergyIntolerance), or `all`.
  // Patients always are.
  std::vector<std::string> resources = {"patient", "observation"};
  std::filesystem::path views;  // directory of users' *.json; empty: none
};

class Catalog {
 public:
  // Error{invalid_setting}: an unknown resource, a directory that cannot be read. Error{invalid_view} names the file.
  explicit Catalog(const CatalogOptions& options = {});

  struct Entry {
    resource::ResourceTable table;
    bool loaded = false;  // by a load that is not told otherwise
  };
  // A resource type's tables stand together: its built-in one, then users' by name. Patients come first.
  const std::vector<Entry>& entries() const { return entries_; }
  const resource::ResourceTable* find(std::string_view table) const;
  const resource::ResourceTable& patients() const { return entries_.front().table; }

  // What a run is to fill, to be kept with it. resources: as in the options, instead of them. nullopt: patients and
  // observations by built-in views alone.
  std::optional<std::vector<RunTable>> run_tables(const std::optional<std::vector<std::string>>& resources = {}) const;
  // The tables of a run. Error{invalid_setting} when this process has no view of one, or another than the run began
  // with; it says what to do.
  std::vector<const resource::ResourceTable*> tables_of(const LoadOptions& options) const;
  // Of these, the resource type's.
  std::vector<const resource::ResourceTable*> tables_of(const LoadOptions& options, std::string_view type) const;
  // For the loader.
  std::vector<storage::TargetTable> targets_of(const LoadOptions& options) const;

  // What is to be there in the database and in the API: patients, observations, what is loaded, and of the rest what
  // was loaded before. applied: the names of tables that were made.
  std::vector<const resource::ResourceTable*> served(std::span<const std::string> applied = {}) const;

 private:
  void add_built_in();
  void choose(const std::vector<std::string>& resources);
  void add_users(const std::filesystem::path& directory);
  std::vector<std::string> named(const std::vector<std::string>& resources) const;

  std::vector<Entry> entries_;
};

// Of tables, parents before their children: for resource::ensure_tables().
std::vector<converter::View> views_of(std::span<const resource::ResourceTable* const> tables);

// Of patients and observations alone; made once.
const Catalog& standard_catalog();

}  // namespace wellhead::zipcode
