// Keyed pseudonyms of ids: what a key of the role deidentified sees of patients, observations and encounters in place
// of their ids. The same id has the same pseudonym for as long as the database has its key (table shared_secret), and
// without the key nobody can tell either from the other, nor make up a pseudonym.
//
// A pseudonym is the id itself, sealed (library/security/seal.h): who has the key finds the row by it with the index on
// the id, and needs no table of pseudonyms.
#pragma once

#include <atomic>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "library/security/seal.h"

namespace wellhead::resource {

// Of what an id of up to 64 characters becomes.
inline constexpr std::size_t kLongestPseudonym = 119;

// Thread-safe.
class Pseudonyms {
 public:
  // Once; what comes after the first is ignored. Until then the others throw Error{database_unreachable}.
  void set(std::string_view key);
  // Letters, digits, - and _: 71 of an id of up to 36 characters, however long it is; see kLongestPseudonym.
  std::string of(std::string_view id) const;
  // The id. nullopt: of() made no such pseudonym. Takes the same course for a real id as for anything else.
  std::optional<std::string> id_of(std::string_view pseudonym) const;

 private:
  const security::Seal& seal() const;

  std::mutex mutex_;
  std::unique_ptr<const security::Seal> owned_;
  std::atomic<const security::Seal*> seal_ = nullptr;
};

}  // namespace wellhead::resource
