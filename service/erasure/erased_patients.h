// The patients that were erased, remembered by a digest of their id under a key (HMAC-SHA256) that is not in the
// database: a later load does not bring them back, and whoever has the table alone learns nobody's id.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "library/security/secret.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::erasure {

// The key, of whoever loads or erases.
struct ErasureKey {
  // secret: at least 32 bytes.
  explicit ErasureKey(std::string_view secret) : digest(secret) {}
  std::string of(std::string_view patient_id) const { return digest.of(std::string("patient\n").append(patient_id)); }

  security::KeyedDigest digest;
};

// Error{invalid_setting} when the database's digests were made by another key; the first call settles which it is.
void require_key(storage::Connection& connection, const ErasureKey& key);

// What a load has to know: a picture of the table.
class ErasedPatients {
 public:
  ErasedPatients() = default;
  // Error{invalid_setting} as require_key(), and when patients were erased and there is no key.
  static ErasedPatients read(storage::Connection& connection, const ErasureKey* key);

  bool empty() const { return digests_.empty(); }
  // The digest as hex digits, if the patient was erased.
  std::optional<std::string> find(std::string_view patient_id) const;
  // In the transaction that records what was staged, after hold_blobs(): whether the picture is still right. Erasing
  // waits for that transaction, and the transaction for erasing.
  bool current(storage::Connection& connection) const;

 private:
  const ErasureKey* key_ = nullptr;
  std::unordered_set<std::string> digests_;  // hex
};

// Forgets that they were erased, in the caller's transaction.
void restore(storage::Connection& connection, const std::vector<std::string>& digests);

}  // namespace wellhead::erasure
