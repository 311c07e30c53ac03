// What goes into and comes out of the steps of a load. These values travel through the journal: numbers, cursors and
// ranges, never a row and nothing of a patient.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/ids.h"

namespace wellhead::zipcode {

// A table that a run fills.
struct RunTable {
  std::string type;                 // of resources
  std::string table;                // with its tables of parts
  std::optional<std::string> view;  // digest of what users wrote of it, so that a view cannot change under a run

  static constexpr auto kFields =
      meta::fields(meta::field("type", &RunTable::type), meta::field("table", &RunTable::table),
                   meta::field("view", &RunTable::view));
};

// How a load was asked for; kept in run.options.
struct LoadOptions {
  std::int64_t concurrency = 5;            // extraction steps of the load at a time
  std::int64_t page_size = 1000;           // _count; servers may give less
  std::string observations = "auto";       // auto | batched | per-patient
  std::int64_t rows_per_load = 50'000;     // staged rows that make a group worth loading
  std::int64_t batch_bytes = 16 << 20;     // an extraction step should not receive more than this …
  double batch_seconds = 1.0;              // … nor take longer
  std::int64_t steps_per_execution = 500;  // then the workflow continues as new, so that its history stays short
  int priority = 3;                        // 1 to 5; lower goes first where steps or loads wait
  // Built-in views to load, where they are not those of the process that takes the request.
  std::optional<std::vector<std::string>> resources;
  std::optional<bool> restore_erased;  // whether patients that were erased are loaded, and no longer count as erased
  // What the request was found to mean, patients first; absent: patients and observations by built-in views.
  std::optional<std::vector<RunTable>> tables;

  static constexpr auto kFields = meta::fields(
      meta::field("concurrency", &LoadOptions::concurrency), meta::field("page_size", &LoadOptions::page_size),
      meta::field("observations", &LoadOptions::observations),
      meta::field("rows_per_load", &LoadOptions::rows_per_load), meta::field("batch_bytes", &LoadOptions::batch_bytes),
      meta::field("batch_seconds", &LoadOptions::batch_seconds),
      meta::field("steps_per_execution", &LoadOptions::steps_per_execution),
      meta::field("priority", &LoadOptions::priority), meta::field("resources", &LoadOptions::resources),
      meta::field("restore_erased", &LoadOptions::restore_erased), meta::field("tables", &LoadOptions::tables));
};

// How far a load is, as its workflow knows it; what the query "progress" answers.
struct LoadCounts {
  std::optional<std::int64_t> patients_expected;  // the server's total, when it gave one
  std::int64_t patient_pages = 0, observation_batches = 0;
  std::int64_t patients_staged = 0, patients_covered = 0;  // covered: their observations are staged
  std::int64_t observations_staged = 0;
  std::int64_t rows_loaded = 0, rejected = 0;
  std::int64_t requests = 0, retries = 0, bytes_received = 0;
  std::optional<std::int64_t> others_staged;  // resources of other types, where the load has such

  static constexpr auto kFields =
      meta::fields(meta::field("patients_expected", &LoadCounts::patients_expected),
                   meta::field("patient_pages", &LoadCounts::patient_pages),
                   meta::field("observation_batches", &LoadCounts::observation_batches),
                   meta::field("patients_staged", &LoadCounts::patients_staged),
                   meta::field("patients_covered", &LoadCounts::patients_covered),
                   meta::field("observations_staged", &LoadCounts::observations_staged),
                   meta::field("rows_loaded", &LoadCounts::rows_loaded), meta::field("rejected", &LoadCounts::rejected),
                   meta::field("requests", &LoadCounts::requests), meta::field("retries", &LoadCounts::retries),
                   meta::field("bytes_received", &LoadCounts::bytes_received),
                   meta::field("others_staged", &LoadCounts::others_staged));
};

// How far the searches of one resource type are.
struct SearchPosition {
  std::string type;
  std::int64_t handed_out = 0;      // ordinals that are in a batch
  std::int64_t batch_patients = 0;  // size of the next batch
  std::int64_t per_search = 1;
  bool negotiating = false;
  std::int64_t covered = 0;  // patients of whom all is staged

  static constexpr auto kFields = meta::fields(
      meta::field("type", &SearchPosition::type), meta::field("handed_out", &SearchPosition::handed_out),
      meta::field("batch_patients", &SearchPosition::batch_patients),
      meta::field("per_search", &SearchPosition::per_search), meta::field("negotiating", &SearchPosition::negotiating),
      meta::field("covered", &SearchPosition::covered));
};

// Where a load stands between two steps: what LoadPlan knows while nothing runs.
struct LoadPosition {
  std::int64_t sweep = 1;
  std::int64_t next_batch = 1;
  std::optional<std::string> cursor;
  bool search_exhausted = false;
  std::int64_t patients = 0;    // ordinals known so far
  std::int64_t handed_out = 0;  // of the observations, as in SearchPosition
  std::int64_t batch_patients = 0;
  std::int64_t per_search = 1;
  bool negotiating = false;
  std::vector<meta::BatchId> staged;  // not loaded yet
  std::int64_t staged_rows = 0;
  LoadCounts counts;
  // Of a load with tables of its own choice: every type's, observations included.
  std::optional<std::vector<SearchPosition>> searches;

  static constexpr auto kFields = meta::fields(
      meta::field("sweep", &LoadPosition::sweep), meta::field("next_batch", &LoadPosition::next_batch),
      meta::field("cursor", &LoadPosition::cursor), meta::field("search_exhausted", &LoadPosition::search_exhausted),
      meta::field("patients", &LoadPosition::patients), meta::field("handed_out", &LoadPosition::handed_out),
      meta::field("batch_patients", &LoadPosition::batch_patients),
      meta::field("per_search", &LoadPosition::per_search), meta::field("negotiating", &LoadPosition::negotiating),
      meta::field("staged", &LoadPosition::staged), meta::field("staged_rows", &LoadPosition::staged_rows),
      meta::field("counts", &LoadPosition::counts), meta::field("searches", &LoadPosition::searches));
};

// Input of the workflow load_zipcode.
struct LoadZipcode {
  meta::RunId run;
  meta::Zipcode zipcode;
  LoadOptions options;
  std::optional<LoadPosition> position;  // where an earlier execution of the same load has left off

  static constexpr auto kFields =
      meta::fields(meta::field("run", &LoadZipcode::run), meta::field("zipcode", &LoadZipcode::zipcode),
                   meta::field("options", &LoadZipcode::options), meta::field("position", &LoadZipcode::position));
};

struct LoadBegun {
  std::optional<std::int64_t> patients_expected;
  static constexpr auto kFields = meta::fields(meta::field("patients_expected", &LoadBegun::patients_expected));
};

// What an extraction step did, for the counts.
struct ExtractionCounts {
  std::int64_t staged = 0, rejected = 0, requests = 0, retries = 0, bytes = 0;
  static constexpr auto kFields = meta::fields(
      meta::field("staged", &ExtractionCounts::staged), meta::field("rejected", &ExtractionCounts::rejected),
      meta::field("requests", &ExtractionCounts::requests), meta::field("retries", &ExtractionCounts::retries),
      meta::field("bytes", &ExtractionCounts::bytes));
};

// Names a run and nothing else.
struct RunStep {
  meta::RunId run;
  static constexpr auto kFields = meta::fields(meta::field("run", &RunStep::run));
};

struct Nothing {
  static constexpr auto kFields = meta::fields();
};

// The next pages of the patient search, as many as an activity should take.
struct ExtractPatients {
  meta::RunId run;
  meta::BatchId batch;
  std::int64_t sweep = 1;             // 2: the search is repeated because the totals did not agree
  std::int64_t first_ordinal = 0;     // of the patients it will find
  std::optional<std::string> cursor;  // the server's `next` link; absent: from the start

  static constexpr auto kFields = meta::fields(
      meta::field("run", &ExtractPatients::run), meta::field("batch", &ExtractPatients::batch),
      meta::field("sweep", &ExtractPatients::sweep), meta::field("first_ordinal", &ExtractPatients::first_ordinal),
      meta::field("cursor", &ExtractPatients::cursor));
};

struct ExtractedPatients {
  meta::BatchId batch;
  std::int64_t patients = 0;  // distinct, of the zip code; they take the ordinals from first_ordinal on
  std::int64_t rows = 0;      // staged
  std::int64_t pages = 0;
  std::optional<std::string> next;  // absent: the search is exhausted
  ExtractionCounts counts;

  static constexpr auto kFields = meta::fields(
      meta::field("batch", &ExtractedPatients::batch), meta::field("patients", &ExtractedPatients::patients),
      meta::field("rows", &ExtractedPatients::rows), meta::field("pages", &ExtractedPatients::pages),
      meta::field("next", &ExtractedPatients::next), meta::field("counts", &ExtractedPatients::counts));
};

// The observations of the patients with the ordinals [first, first + count).
struct ExtractObservations {
  meta::RunId run;
  meta::BatchId batch;
  std::int64_t first = 0;
  std::int64_t count = 0;
  std::int64_t per_search = 1;  // patients in one search
  bool negotiate = false;       // find out whether the server takes lists of patients

  static constexpr auto kFields =
      meta::fields(meta::field("run", &ExtractObservations::run), meta::field("batch", &ExtractObservations::batch),
                   meta::field("first", &ExtractObservations::first), meta::field("count", &ExtractObservations::count),
                   meta::field("per_search", &ExtractObservations::per_search),
                   meta::field("negotiate", &ExtractObservations::negotiate));
};

// The same for the resources of any type.
struct ExtractResources : ExtractObservations {
  std::string type;

  static constexpr auto kFields =
      std::tuple_cat(meta::fields(meta::field("type", &ExtractResources::type)), ExtractObservations::kFields);
};

struct ExtractedResources {
  meta::BatchId batch;
  std::int64_t patients = 0;
  std::int64_t rows = 0;   // staged, components included
  std::int64_t bytes = 0;  // received
  double seconds = 0;
  std::int64_t per_search = 1;  // what the server was found to take
  bool negotiated = true;       // false: there was nothing to tell by, try again with the next batch
  ExtractionCounts counts;

  static constexpr auto kFields = meta::fields(
      meta::field("batch", &ExtractedResources::batch), meta::field("patients", &ExtractedResources::patients),
      meta::field("rows", &ExtractedResources::rows), meta::field("bytes", &ExtractedResources::bytes),
      meta::field("seconds", &ExtractedResources::seconds), meta::field("per_search", &ExtractedResources::per_search),
      meta::field("negotiated", &ExtractedResources::negotiated), meta::field("counts", &ExtractedResources::counts));
};

struct LoadStaged {
  meta::RunId run;
  std::vector<meta::BatchId> batches;

  static constexpr auto kFields =
      meta::fields(meta::field("run", &LoadStaged::run), meta::field("batches", &LoadStaged::batches));
};

struct LoadedGroup {
  std::int64_t rows = 0;
  std::int64_t inserted = 0;
  std::int64_t updated = 0;

  static constexpr auto kFields =
      meta::fields(meta::field("rows", &LoadedGroup::rows), meta::field("inserted", &LoadedGroup::inserted),
                   meta::field("updated", &LoadedGroup::updated));
};

// Whether the patients seen agree with the totals of the server.
struct TotalsChecked {
  bool agree = true;
  std::int64_t missing = 0;  // how far outside the range of the totals

  static constexpr auto kFields =
      meta::fields(meta::field("agree", &TotalsChecked::agree), meta::field("missing", &TotalsChecked::missing));
};

struct LoadOutcome {
  std::string verdict;  // complete | unverified | incomplete
  static constexpr auto kFields = meta::fields(meta::field("verdict", &LoadOutcome::verdict));
};

struct EndRun {
  meta::RunId run;
  std::string state;  // failed | cancelled
  std::string step;   // the one that failed
  std::string error;

  static constexpr auto kFields =
      meta::fields(meta::field("run", &EndRun::run), meta::field("state", &EndRun::state),
                   meta::field("step", &EndRun::step), meta::field("error", &EndRun::error));
};

}  // namespace wellhead::zipcode
