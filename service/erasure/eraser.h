// Erases patients: their rows, their rejects, their raw resources (blobs are written anew without them and the rows of
// others pointed at the new ones), their staged rows; remembers them by a keyed digest and writes the audit trail. See
// docs/design/security.md.
//
// One transaction does all that the database has to do; nothing is staged meanwhile. Blobs are deleted after it, also
// by a later call if this process dies in between. What it does not reach: backups, PostgreSQL's WAL and dead tuples
// until VACUUM, and copies that others took.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/ids.h"
#include "library/storage/blob/blob_store.h"
#include "library/storage/postgres/connection.h"
#include "service/erasure/erased_patients.h"
#include "service/resource/resource_table.h"

namespace wellhead::erasure {

// On whose behalf; for the audit trail.
struct OnBehalf {
  std::string actor, client, request_id;
};

struct Erased {
  std::int64_t patients = 0;
  std::int64_t rows = 0;  // of all resource tables
  std::int64_t rejects = 0;
  std::int64_t raw_resources = 0;  // versions of resources in raw blobs
  std::int64_t raw_blobs = 0;      // that were written anew or had nothing else
  std::int64_t staged_blobs = 0;   // CSV, of ended runs

  static constexpr auto kFields =
      meta::fields(meta::field("patients", &Erased::patients), meta::field("rows", &Erased::rows),
                   meta::field("rejects", &Erased::rejects), meta::field("raw_resources", &Erased::raw_resources),
                   meta::field("raw_blobs", &Erased::raw_blobs), meta::field("staged_blobs", &Erased::staged_blobs));
};

class Eraser {
 public:
  // All outlive it. tables: every resource table that is in the database.
  Eraser(storage::ConnectionPool& database, storage::BlobStore& blobs,
         std::vector<const resource::ResourceTable*> tables, const ErasureKey& key)
      : database_(database), blobs_(blobs), tables_(std::move(tables)), key_(key) {}

  // Block; from any thread. Error{not_found}: nothing of the patient is here and it was not erased before.
  // Error{conflict}: a load that is under way has received it; nothing was erased. Errors of the database and the blob
  // store: nothing was erased, or all but the deletion of blobs.
  Erased erase_patient(const std::string& id, const OnBehalf& by);
  // The patients that are of no other zip code, and that the others were of this one.
  Erased erase_zipcode(const meta::Zipcode& zipcode, const OnBehalf& by);

 private:
  storage::ConnectionPool& database_;
  storage::BlobStore& blobs_;
  std::vector<const resource::ResourceTable*> tables_;
  const ErasureKey& key_;
};

// Deletes the blobs of which erased resources were taken, as far as that was not done yet; says how many. Blocks.
std::int64_t remove_erased_blobs(storage::Connection& connection, storage::BlobStore& blobs);

}  // namespace wellhead::erasure
