// One batch of resources of one type on its way into the blob store: each resource becomes CSV rows by its views and a
// line of raw NDJSON, or a reject. Several tables may be made of the same resources, each on its own terms. Memory is
// bounded by the buffers of the writers and by the rejects.
//
// A Staging belongs to one activity and one thread. Nothing it wrote counts before record_batch() (batch_record.h) has
// committed.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/converter/converter.h"
#include "library/meta/ids.h"
#include "library/storage/blob/blob_store.h"
#include "library/webclient/fhir/search.h"

namespace wellhead::resource {

struct Reject {
  std::string resource_id;  // empty when it has none
  std::string reason;
  std::string raw;
  std::string table;  // of a further view's; empty: of the first
};

// What became of the distinct resources in one of the tables: each is a row, was left out by the view, or was rejected.
struct StagedView {
  std::string table;
  std::int64_t staged = 0, filtered = 0, rejected = 0;
};

struct StagedTable {
  std::string table;
  storage::BlobKey key;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

// What was staged; `raw` is absent when no resource became a row.
struct StagedContent {
  std::optional<StagedTable> raw;
  std::int64_t raw_frames = 0;
  std::vector<StagedTable> tables;
  std::vector<Reject> rejects;
  std::vector<StagedView> views;  // the first one's first
};

// A table to stage rows of, by a converter of its view and its parts'.
struct StagingTarget {
  converter::Converter* converter;
  std::vector<std::string> tables;  // of each of the converter's views, in order
  std::size_t patient_place;        // of the patient's id among the columns of the first view
  bool follows = false;             // takes nothing that the first target does not take
};

class Staging {
 public:
  // targets: at least one. store and the converters outlive the Staging.
  Staging(storage::BlobStore& store, std::vector<StagingTarget> targets, meta::BatchId batch);
  ~Staging();

  // A resource after conversion, not yet staged. Views are valid until one of keep(), keep_rows() and discard(), which
  // must follow.
  struct Candidate {
    bool convertible = false;     // into a row of some table
    bool first = false;           // into a row of the first
    std::string_view id;          // empty when it has none
    std::string_view patient_id;  // as a row of it has it
  };
  const Candidate& convert(const webclient::Entry& entry);
  // Its rows, and what became of it where it is none: counted and, if it is rejected, recorded as such.
  void keep();
  // A further version of what was kept: its rows alone.
  void keep_rows();
  void discard();

  // A further CSV blob beside the views' own, e.g. zipcode_patient; one line without its line end.
  void add_row(std::string_view table, std::string_view line);

  // Distinct resources so far that are rows of the first table.
  std::int64_t staged() const;

  StagedContent finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::resource
