// Raw blobs without the resources of some patients: the blob is written anew, and where its other resources went is
// said, so that rows can be pointed at them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "library/storage/blob/blob_store.h"
#include "library/storage/blob/frames.h"

namespace wellhead::erasure {

using PatientIds = std::unordered_set<std::string>;

// Whether a resource is a patient's: its own Patient, or one whose subject, patient or beneficiary (FHIR R4's
// elements of the Patient compartment that are single) is. Text that is no JSON is everybody's: true.
bool is_of_patients(std::string_view resource, const PatientIds& patients);

struct RewrittenBlob {
  std::int64_t removed = 0;                                // resources; 0: the blob stays as it is
  std::optional<storage::RawBlobWriter::Written> written;  // absent when nothing is left
  struct Move {
    storage::RawPosition from, to;
  };
  std::vector<Move> moves;  // of what is left
};

// Blocks. frames: of the blob. Memory: one frame, and some bytes a resource. Errors: those of blob_store.h.
RewrittenBlob rewrite_without(storage::BlobStore& blobs, const storage::BlobKey& key, std::int32_t frames,
                              const PatientIds& patients);

}  // namespace wellhead::erasure
