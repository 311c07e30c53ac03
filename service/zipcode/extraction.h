// The extraction activities: search, convert, stage. Each looks first whether its batch is already staged, and then
// answers without a request.
#pragma once

#include "library/meta/error.h"
#include "library/orchestration/activity.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "service/erasure/erased_patients.h"
#include "service/resource/batch_record.h"
#include "service/resource/staging.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/source.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

// What activities share; all of it outlives them and may be used from many threads.
struct Workplace {
  storage::ConnectionPool& database;
  storage::BlobStore& blobs;
  SourcePool& sources;
  const Catalog& catalog;
  const erasure::ErasureKey* erasure_key;  // null: this process knows no erased patients
};

// Of tables of one resource type.
std::vector<resource::StagingTarget> staging_targets(Source& source,
                                                     const std::vector<const resource::ResourceTable*>& tables);

webclient::Parameters patient_search(const meta::Zipcode& zipcode);

// Of a type of which a server takes neither search: the type's name, and what to do.
meta::Error unsearchable(const std::string& type, const meta::Error& refusal);

// For the counts that the workflow keeps.
ExtractionCounts counts_of(const resource::BatchCounts& counts, const resource::StagedContent& content);

// Follows the patient search from the cursor for about a second or 16 MiB, at least one page. A search whose link has
// expired is begun again without taking anything twice.
ExtractedPatients extract_patients(Workplace& workplace, orchestration::ActivityContext& activity,
                                   const ExtractPatients& step);

// Fetches all resources of a type of a range of patients. A search whose distinct ids lie outside the totals it gave is
// repeated once; lists that the server refuses or answers short are split.
ExtractedResources extract_observations(Workplace& workplace, orchestration::ActivityContext& activity,
                                        const ExtractObservations& step);
ExtractedResources extract_resources(Workplace& workplace, orchestration::ActivityContext& activity,
                                     const ExtractResources& step);

}  // namespace wellhead::zipcode
