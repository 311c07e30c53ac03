// Keyed pseudonyms of ids: what a key of the role deidentified sees of patients, observations and encounters in place
// of their ids. The same id has the same pseudonym for as long as the database has its key (table shared_secret), and
// without the key nobody can tell either from the other.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "library/security/secret.h"

namespace wellhead::resource {

// Thread-safe.
class Pseudonyms {
 public:
  // Once; what comes after the first is ignored. Until then of() throws Error{database_unreachable}.
  void set(std::string_view key);
  // 32 hex digits: half of HMAC-SHA256.
  std::string of(std::string_view id) const;

 private:
  std::mutex mutex_;
  std::unique_ptr<const security::KeyedDigest> owned_;
  std::atomic<const security::KeyedDigest*> digest_ = nullptr;
};

}  // namespace wellhead::resource
