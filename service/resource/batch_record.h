// The rows that make a staged batch count: raw_blob, staged_batch, staged_view, staged_blob, reject.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/ids.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/loader.h"
#include "library/webclient/http.h"
#include "service/resource/staging.h"

namespace wellhead::resource {

// The columns of staged_batch that its content does not tell.
struct BatchCounts {
  std::int64_t entries_received = 0, duplicates = 0, out_of_zip = 0, erased = 0, missing = 0;
  bool totals_known = true;
  std::optional<std::int64_t> server_total_before, server_total_after;
  webclient::Traffic traffic;
  double seconds = 0;
  meta::Time fetched_at{};
};

// Whether an id may be stored as text: what a server sends as the id of a bad resource may hold anything, and
// PostgreSQL takes neither bad UTF-8 nor U+0000. Wider than FHIR's rule for ids (R4 §2.24.0.1).
bool is_storable_id(std::string_view id);

// The caller owns the transaction, so that what belongs to the batch (run_patient) commits together with it. result:
// the activity's answer as JSON. A batch that is already recorded is Error{database_conflict} (23505).
void record_batch(storage::Connection& connection, meta::RunId run, meta::BatchId batch, std::string_view resource_type,
                  const StagedContent& content, const BatchCounts& counts, std::string_view result);

// For /metrics, once that transaction is committed.
void count_staged(std::string_view resource_type);

// The answer of a batch that is already staged.
std::optional<std::string> staged_result(storage::Connection& connection, meta::RunId run, meta::BatchId batch);

// What load_batches() needs to know of staged batches, in the given order. Error{internal} when one was never staged.
std::vector<storage::BatchToLoad> batches_to_load(storage::Connection& connection, meta::RunId run,
                                                  const std::vector<meta::BatchId>& batches);

}  // namespace wellhead::resource
