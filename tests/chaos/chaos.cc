#include "tests/chaos/chaos.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "library/meta/error.h"

namespace wellhead::chaos {
namespace {

using fixture::Process;
using std::chrono::milliseconds;

constexpr auto kPoll = milliseconds(50);
constexpr int kKillsAtTheEnd = 5;

// Each kind once for certain, and by chance, which fhirsim draws from its seed and the target.
constexpr auto kFaults = R"([
  {"kind": "too_many_requests", "after": 10, "times": 1, "retry_after": "1"},
  {"kind": "server_error", "after": 20, "times": 1},
  {"kind": "html_error", "after": 30, "times": 1},
  {"kind": "reset", "after": 40, "times": 1},
  {"kind": "truncate", "after": 50, "times": 1},
  {"kind": "reset_in_body", "after": 60, "times": 1},
  {"kind": "latency", "ms": 120, "jitter_ms": 60},
  {"kind": "too_many_requests", "probability": 0.02, "retry_after": "1"},
  {"kind": "server_error", "probability": 0.02},
  {"kind": "html_error", "probability": 0.01},
  {"kind": "reset", "probability": 0.02},
  {"kind": "truncate", "probability": 0.01},
  {"kind": "reset_in_body", "probability": 0.01}])";

}  // namespace

Chaos::Chaos(const Options& options)
    : DisturbedLoad(options.patients, options.observations, options.seed), options_(options) {}

std::map<std::string, std::string> Chaos::settings() const {
  auto environment = DisturbedLoad::settings();
  environment["WELLHEAD_RETRY_DELAY"] = "20ms";
  return environment;
}

void Chaos::load_undisturbed() { DisturbedLoad::load_undisturbed(kFaults); }

// Spread evenly over the kills, but not over the first contact with the server, which is tried only twice.
Chaos::Event Chaos::event_of(int life) const {
  const auto due = [&](int wanted, int done, int begin) {
    return done < wanted && life >= begin + done * (options_.kills - begin) / wanted;
  };
  if (due(options_.database_kills, database_kills_, 2)) return Event::database_kill;
  if (due(options_.blob_outages, blob_outages_, 4)) return Event::blob_outage;
  return Event::none;
}

void Chaos::disturb() {
  for (int life = 0; kills_ < options_.kills; ++life) live(life);
}

// One start of the program, from a random moment of which on it is dead. A life that gets ahead of the others is cut
// short, so that the load lasts for all of them.
void Chaos::live(int life) {
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  const auto event = event_of(life);
  if (event == Event::database_kill) kill_database(load);
  if (event == Event::blob_outage) break_blobs(load);
  const auto end = Clock::now() + chance(20, 2500);
  const auto most = static_cast<std::int64_t>(patients()) * (kills_ + 1) / (options_.kills + 2);
  while (load.running() && Clock::now() < end && patients_done() < most) std::this_thread::sleep_for(kPoll);
  if (!load.running()) fail(fmt::format("the load ended after {} kills", kills_), load);
  kill_program(load);
  ++kills_;
  if (kills_ % 10 == 0) {
    fmt::print("{} kills, {} of PostgreSQL, {} blob outages: {} of {} patients done\n", kills_, database_kills_,
               blob_outages_, patients_done(), patients());
    std::fflush(stdout);
  }
}

void Chaos::kill_program(Process& load) {
  load.signal(SIGKILL);
  load.wait();
  proof_.note(warehouse_, source_);
}

void Chaos::wait_for_ownership(Process& load) const {
  while (load.running() && !functional::owns(warehouse_, load.pid())) std::this_thread::sleep_for(kPoll);
}

// Under a program that loads, which goes on when PostgreSQL is back.
void Chaos::kill_database(Process& load) {
  wait_for_ownership(load);
  std::this_thread::sleep_for(chance(0, 1000));
  if (database_kills_++ % 2 == 0) {
    postgres_.kill();
  } else {
    postgres_.stop_at_once();
  }
  std::this_thread::sleep_for(chance(0, 1500));
  postgres_.start_again();
}

// Permissions do not bind root, so the place of new blobs is taken by a file. Ends when a write has failed; the program
// goes on. Every other time another one is started meanwhile: it must refuse, naming the store.
void Chaos::break_blobs(Process& load) {
  const std::string named = "blob store file://";
  const auto incoming = warehouse_.blob_directory() / "incoming";
  const auto away = warehouse_.blob_directory() / "incoming.away";
  wait_for_ownership(load);
  std::filesystem::rename(incoming, away);
  std::ofstream(incoming) << "in the way";
  const auto limit = Clock::now() + std::chrono::seconds(60);
  while (load.running() && Clock::now() < limit && load.errors().find(named) == std::string::npos) {
    std::this_thread::sleep_for(kPoll);
  }
  if (load.errors().find(named) == std::string::npos) fail("no write to the blob store failed", load);
  if (++blob_outages_ % 2 == 0) {
    Process refused(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
    if (refused.wait() != 1 || refused.errors().find(named) == std::string::npos) {
      fail("a load without a blob store was to be refused", refused);
    }
  }
  std::filesystem::remove(incoming);
  std::filesystem::rename(away, incoming);
}

void Chaos::finish() {
  source_.clear_faults();
  source_.add_fault(R"({"kind": "server_error", "probability": 0.02})");
  for (; kills_at_the_end_ < kKillsAtTheEnd; ++kills_at_the_end_) {
    Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
    const auto end = Clock::now() + chance(100, 1000);
    while (load.running() && Clock::now() < end) std::this_thread::sleep_for(milliseconds(5));
    if (!load.running()) return;  // its end is verified below
    load.signal(SIGKILL);
    load.wait();
    // The run that is complete has forgotten its patients, and a further load would be another run.
    if (warehouse_.value("SELECT state FROM run") != "running") return;
    proof_.note(warehouse_, source_);
  }
  Process load(WELLHEAD_PROGRAM, {"load", "02139"}, settings());
  if (load.wait(std::chrono::minutes(5)) != 0) fail("the load did not end complete", load);
}

void Chaos::verify() const {
  expect_equal();
  const auto sums = warehouse_.value(
      "SELECT bool_and(entries_received = duplicates + out_of_zip + rejected + erased + staged AND staged = inserted + "
      "updated + unchanged + older AND missing = 0) FROM receipt");
  expect(sums == "t", "the receipt does not add up:\n" + warehouse_.receipts());
  expect(warehouse_.number("SELECT count(*) FROM (SELECT FROM wellhead_journal.event WHERE kind = 'activity_completed' "
                           "GROUP BY execution_id, sequence HAVING count(*) > 1) repeated") == 0,
         "the journal has a step that was completed twice");
  const auto figures = proof_.figures(warehouse_, source_);
  const auto disturbances = kills_ + kills_at_the_end_ + database_kills_ + blob_outages_;
  std::map<std::string, int> faults;
  for (const auto& request : source_.request_log()) {
    for (const auto& fault : request.faults) ++faults[fault];
  }
  fmt::print("{} kills and {} near the end, {} of PostgreSQL, {} blob outages\n", kills_, kills_at_the_end_,
             database_kills_, blob_outages_);
  for (const auto& [fault, count] : faults) fmt::print("{} times {}\n", count, fault);
  fmt::print(
      "{} searches answered, {} of them again; batches of up to {} patients; {} steps finished before a kill "
      "repeated\n",
      figures.searches, figures.repeated, figures.largest_batch, figures.fetched_again.size());
  expect_little_repeated(figures, disturbances);
  expect(faults.size() >= 7, "not every kind of fault has happened");
}

}  // namespace wellhead::chaos
