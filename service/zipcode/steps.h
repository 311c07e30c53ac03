// What goes into and comes out of the steps of a load. These values travel through the journal: numbers, cursors and
// ranges, never a row and nothing of a patient.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/ids.h"

namespace wellhead::zipcode {

// How a load was asked for; kept in run.options.
struct LoadOptions {
  std::int64_t concurrency = 5;         // extraction steps of the load at a time
  std::int64_t page_size = 1000;        // _count; servers may give less
  std::string observations = "auto";    // auto | batched | per-patient
  std::int64_t rows_per_load = 50'000;  // staged rows that make a group worth loading
  std::int64_t batch_bytes = 16 << 20;  // an extraction step should not receive more than this …
  double batch_seconds = 1.0;           // … nor take longer

  static constexpr auto kFields = meta::fields(
      meta::field("concurrency", &LoadOptions::concurrency), meta::field("page_size", &LoadOptions::page_size),
      meta::field("observations", &LoadOptions::observations),
      meta::field("rows_per_load", &LoadOptions::rows_per_load), meta::field("batch_bytes", &LoadOptions::batch_bytes),
      meta::field("batch_seconds", &LoadOptions::batch_seconds));
};

// Input of the workflow load_zipcode.
struct LoadZipcode {
  meta::RunId run;
  meta::Zipcode zipcode;
  LoadOptions options;

  static constexpr auto kFields =
      meta::fields(meta::field("run", &LoadZipcode::run), meta::field("zipcode", &LoadZipcode::zipcode),
                   meta::field("options", &LoadZipcode::options));
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

  static constexpr auto kFields =
      meta::fields(meta::field("batch", &ExtractedPatients::batch),
                   meta::field("patients", &ExtractedPatients::patients), meta::field("rows", &ExtractedPatients::rows),
                   meta::field("pages", &ExtractedPatients::pages), meta::field("next", &ExtractedPatients::next));
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

struct ExtractedObservations {
  meta::BatchId batch;
  std::int64_t patients = 0;
  std::int64_t rows = 0;   // staged, components included
  std::int64_t bytes = 0;  // received
  double seconds = 0;
  std::int64_t per_search = 1;  // what the server was found to take
  bool negotiated = true;       // false: there was nothing to tell by, try again with the next batch

  static constexpr auto kFields = meta::fields(
      meta::field("batch", &ExtractedObservations::batch), meta::field("patients", &ExtractedObservations::patients),
      meta::field("rows", &ExtractedObservations::rows), meta::field("bytes", &ExtractedObservations::bytes),
      meta::field("seconds", &ExtractedObservations::seconds),
      meta::field("per_search", &ExtractedObservations::per_search),
      meta::field("negotiated", &ExtractedObservations::negotiated));
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
