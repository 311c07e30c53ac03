// One load under everything that can go wrong at once: the FHIR server answers 429, 5xx, late, short or not at all; the
// program is killed with -9 again and again, and so is PostgreSQL; the blob directory cannot be written for a while.
// The load must end as an undisturbed one does, and have fetched nothing again that it had finished.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "tests/chaos/disturbed_load.h"

namespace wellhead::chaos {

struct Options {
  int kills = 100;
  int database_kills = 10;
  int blob_outages = 4;
  int patients = 1000;
  int observations = 60;
  std::uint64_t seed = 0;
};

// Owns its servers, databases and directories. Every call blocks, and throws std::runtime_error with what was expected
// and what the program wrote.
class Chaos : public DisturbedLoad {
 public:
  explicit Chaos(const Options& options);

  void load_undisturbed();
  // Kills, until there were as many of each kind as the options want.
  void disturb();
  // Kills on until the load is near its end, then lets it end.
  void finish();
  // Compares with the undisturbed load, and prints the figures.
  void verify() const;

 private:
  enum class Event { none, database_kill, blob_outage };

  std::map<std::string, std::string> settings() const;
  Event event_of(int life) const;
  void live(int life);
  void kill_program(fixture::Process& load);
  void wait_for_ownership(fixture::Process& load) const;
  void kill_database(fixture::Process& load);
  void break_blobs(fixture::Process& load);

  Options options_;
  int kills_ = 0;
  int kills_at_the_end_ = 0;
  int database_kills_ = 0;
  int blob_outages_ = 0;
};

}  // namespace wellhead::chaos
