#include <fmt/format.h>

#include "library/storage/postgres/merge.h"

namespace wellhead::storage {
namespace {

// A newer run than this one knows better by which address the patient matches.
constexpr std::string_view kCountPatients = R"(
SELECT s.batch,
       count(*) FILTER (WHERE t.last_seen_run = $1::bigint),
       count(*) FILTER (WHERE t.patient_id IS NULL),
       count(*) FILTER (WHERE t.last_seen_run < $1::bigint
                          AND (t.address_index, t.postal_code) IS DISTINCT FROM (s.address_index, s.postal_code)),
       count(*) FILTER (WHERE t.last_seen_run < $1::bigint
                          AND (t.address_index, t.postal_code) IS NOT DISTINCT FROM (s.address_index, s.postal_code)),
       count(*) FILTER (WHERE t.last_seen_run > $1::bigint)
  FROM pg_temp.incoming_zipcode_patient s
  LEFT JOIN zipcode_patient t ON t.zipcode = $2 AND t.patient_id = s.patient_id
 GROUP BY s.batch)";

constexpr std::string_view kMergePatients = R"(
MERGE INTO zipcode_patient t
USING pg_temp.incoming_zipcode_patient s ON t.zipcode = $2 AND t.patient_id = s.patient_id
 WHEN MATCHED AND t.last_seen_run <= $1::bigint THEN
   UPDATE SET address_index = s.address_index, postal_code = s.postal_code, last_seen_run = $1::bigint
 WHEN NOT MATCHED THEN
   INSERT (zipcode, patient_id, address_index, postal_code, first_seen_run, last_seen_run)
   VALUES ($2, s.patient_id, s.address_index, s.postal_code, $1::bigint, $1::bigint))";

}  // namespace

std::vector<std::string> zipcode_patient_csv_columns() {
  return {"patient_id", "address_index", "postal_code", "batch"};
}

VersionOrder latest_match_first() { return {.facts = "", .order = "s.fetched_at DESC, s.batch DESC"}; }

void merge_zipcode_patients(LoadGroup& group, const meta::Zipcode& zipcode, Incoming& incoming) {
  const auto result = group.connection.query(kCountPatients, {group.run.value, zipcode.text()});
  for (int row = 0; row < result.rows(); ++row) {
    auto& counts = incoming.counts(result.integer(row, 0));
    counts.duplicates += result.integer(row, 1);
    counts.inserted = result.integer(row, 2);
    counts.updated = result.integer(row, 3);
    counts.unchanged = result.integer(row, 4);
    counts.older = result.integer(row, 5);
  }
  group.connection.query(kMergePatients, {group.run.value, zipcode.text()});
}

}  // namespace wellhead::storage
