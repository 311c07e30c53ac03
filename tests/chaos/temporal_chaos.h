// One load by several workers on a Temporal cluster: each worker is killed with -9 again and again, and so is the
// Temporal server, whose database is a file. The load must end as an undisturbed one on the embedded engine does, and
// no attempt may fetch what an earlier one had finished.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "tests/chaos/disturbed_load.h"
#include "tests/fixture/temporal_server.h"

namespace wellhead::chaos {

struct TemporalOptions {
  int workers = 3;
  int kills = 30;  // of each
  int server_kills = 6;
  int patients = 1500;
  int observations = 20;
  std::uint64_t seed = 0;
};

// Owns its servers, databases and directories. Every call blocks, and throws std::runtime_error with what was expected
// and what the programs wrote.
class TemporalChaos : public DisturbedLoad {
 public:
  explicit TemporalChaos(const TemporalOptions& options);

  void load_undisturbed();
  // Kills, until there were as many of each kind as the options want.
  void disturb();
  // Lets the load end, and stops the workers in good order.
  void finish();
  // Compares with the undisturbed load, and prints the figures.
  void verify() const;

 private:
  struct Worker {
    std::unique_ptr<fixture::Process> process;  // null between a kill and the next start
    Clock::time_point next;                     // of a kill, or a start
    int kills = 0;
  };
  // What was staged at some time, and who ran then and still does.
  struct Pending {
    functional::FetchProof::Staged staged;
    std::set<pid_t> running;
  };

  std::map<std::string, std::string> settings() const;
  void start(Worker& worker);
  void look_after(Worker& worker, std::int64_t done);
  void kill(Worker& worker);
  void note_death(pid_t process);
  void kill_server();
  void expect_running(Worker& worker) const;
  int kills() const;
  int wanted_kills() const { return options_.kills * options_.workers; }

  TemporalOptions options_;
  fixture::TemporalServer temporal_;
  std::vector<Pending> pending_;
  std::vector<Worker> workers_;
  int server_kills_ = 0;
};

}  // namespace wellhead::chaos
