// `wellhead` as a program over a warehouse, and the proof from fhirsim's request log that it repeats no finished step.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "tests/fixture/fhirsim.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {

// Environment of a load from the server into the warehouse, in small steps: pages of 20, observations patient by
// patient, as FetchProof needs it.
std::map<std::string, std::string> program_settings(const Warehouse& warehouse, const fixture::FhirSim& server);

// Asks for a load by a `wellhead serve` of its own, which has ended when this returns. Throws std::runtime_error, with
// what it wrote.
void request_load(std::map<std::string, std::string> settings, const std::string& zip);

// Whether this process runs the workflows, by the lease.
bool owns(const Warehouse& warehouse, pid_t process);

// Of one load whose observations are searched patient by patient, on one page each. Throws what the database and
// fhirsim throw when they are away.
class FetchProof {
 public:
  struct Staged {
    std::size_t pages = 0;  // of patients
    std::vector<std::int64_t> batches;
  };
  // What stands in staged_batch now.
  Staged look(const Warehouse& warehouse);
  // Call when no process loads any more that did when this was looked at: an attempt that begins later finds it staged,
  // and must not ask for it.
  void settle(Staged staged, const fixture::FhirSim& server);
  // Both. Call while no process loads.
  void note(const Warehouse& warehouse, const fixture::FhirSim& server) { settle(look(warehouse), server); }

  struct Figures {
    std::int64_t searches = 0;               // that fhirsim answered whole
    std::int64_t repeated = 0;               // of these, the second and later ones of the same
    std::int64_t largest_batch = 0;          // patients
    std::vector<std::string> fetched_again;  // targets that belong to a batch that was staged before
  };
  // Once the load has ended.
  Figures figures(const Warehouse& warehouse, const fixture::FhirSim& server) const;

 private:
  struct Note {
    std::size_t requests = 0;  // in the log at that time
    Staged staged;
  };
  std::map<std::string, std::size_t> finished_patients(const Warehouse& warehouse, Figures& figures) const;

  std::vector<Note> notes_;
  std::vector<std::string> patients_;  // by ordinal; the run forgets them when it ends
};

}  // namespace wellhead::functional
