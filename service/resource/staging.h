// One batch of resources of one type on its way into the blob store: each resource becomes CSV rows by its views and a
// line of raw NDJSON, or a reject. Memory is bounded by the buffers of the writers and by the rejects.
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
};

class Staging {
 public:
  // tables: the target of each of the converter's views, in order. store and converter outlive the Staging.
  Staging(storage::BlobStore& store, converter::Converter& converter, std::vector<std::string> tables,
          meta::BatchId batch);
  ~Staging();

  // A resource after conversion, not yet staged. Views are valid until keep() or discard(), one of which must follow.
  struct Candidate {
    bool convertible = false;  // false: keep() makes it a reject
    std::string_view id;       // empty when it has none
    std::string_view row;      // CSV bytes of its own row
  };
  const Candidate& convert(const webclient::Entry& entry);
  void keep();
  void discard();

  // A further CSV blob beside the views' own, e.g. zipcode_patient; one line without its line end.
  void add_row(std::string_view table, std::string_view line);

  StagedContent finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::resource
