#include "tests/chaos/temporal_chaos.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

namespace wellhead::chaos {
namespace {

using fixture::Process;
using std::chrono::milliseconds;

constexpr auto kPoll = milliseconds(100);
constexpr std::chrono::minutes kPatience{5};  // for the load's end once nothing disturbs it

}  // namespace

TemporalChaos::TemporalChaos(const TemporalOptions& options)
    : DisturbedLoad(options.patients, options.observations, options.seed),
      options_(options),
      workers_(static_cast<std::size_t>(options.workers)) {}

std::map<std::string, std::string> TemporalChaos::settings() const {
  auto environment = DisturbedLoad::settings();
  environment["WELLHEAD_ENGINE"] = "temporal";
  environment["TEMPORAL_ADDRESS"] = temporal_.address();
  environment["WELLHEAD_LEASE_DURATION"] = "3s";
  return environment;
}

void TemporalChaos::load_undisturbed() {
  DisturbedLoad::load_undisturbed(R"({"kind": "latency", "ms": 120, "jitter_ms": 60})");
}

void TemporalChaos::start(Worker& worker) {
  worker.process = std::make_unique<Process>(WELLHEAD_PROGRAM, std::vector<std::string>{"worker"}, settings());
  worker.next = Clock::now() + chance(200, 6000);
}

void TemporalChaos::disturb() {
  functional::request_load(settings(), "02139");
  for (auto& worker : workers_) start(worker);
  while (kills() < wanted_kills()) {
    const auto done = patients_done();
    for (auto& worker : workers_) look_after(worker, done);
    const auto due = options_.server_kills > server_kills_ &&
                     kills() >= (server_kills_ + 1) * wanted_kills() / (options_.server_kills + 1);
    if (due) kill_server();
    std::this_thread::sleep_for(kPoll);
  }
}

// A worker is killed when its time has come. All are, when the load gets ahead of the kills: it has to last for them.
void TemporalChaos::look_after(Worker& worker, std::int64_t done) {
  if (worker.process == nullptr) {
    if (Clock::now() >= worker.next && worker.kills < options_.kills) start(worker);
    return;
  }
  expect_running(worker);
  const auto most = static_cast<std::int64_t>(patients()) * (kills() + 1) / (wanted_kills() + 2);
  if (Clock::now() < worker.next && done < most) return;
  kill(worker);
}

void TemporalChaos::expect_running(Worker& worker) const {
  if (!worker.process->running())
    fail(fmt::format("a worker ended by itself after {} kills", kills()), *worker.process);
}

void TemporalChaos::kill(Worker& worker) {
  const auto process = worker.process->pid();
  worker.process->signal(SIGKILL);
  worker.process->wait();
  worker.process.reset();
  worker.next = Clock::now() + chance(0, 1000);
  ++worker.kills;
  note_death(process);
  if (kills() % 10 != 0) return;
  fmt::print("{} kills, {} of the server: {} of {} patients done\n", kills(), server_kills_, patients_done(),
             patients());
  std::fflush(stdout);
}

void TemporalChaos::note_death(pid_t process) {
  for (auto& pending : pending_) {
    pending.running.erase(process);
    if (pending.running.empty()) proof_.settle(std::move(pending.staged), source_);
  }
  std::erase_if(pending_, [](const Pending& pending) { return pending.running.empty(); });
  Pending now{.staged = proof_.look(warehouse_), .running = {}};
  for (const auto& worker : workers_) {
    if (worker.process != nullptr) now.running.insert(worker.process->pid());
  }
  if (now.running.empty()) {
    proof_.settle(std::move(now.staged), source_);
  } else {
    pending_.push_back(std::move(now));
  }
}

void TemporalChaos::kill_server() {
  temporal_.kill();
  ++server_kills_;
  std::this_thread::sleep_for(chance(0, 2000));
  temporal_.start_again();
}

int TemporalChaos::kills() const {
  int sum = 0;
  for (const auto& worker : workers_) sum += worker.kills;
  return sum;
}

void TemporalChaos::finish() {
  source_.clear_faults();
  for (auto& worker : workers_) {
    if (worker.process == nullptr) start(worker);
  }
  const auto end = Clock::now() + kPatience;
  const auto open = [&] { return warehouse_.value("SELECT state FROM run") == "running"; };
  while (open() && Clock::now() < end) {
    for (auto& worker : workers_) expect_running(worker);
    std::this_thread::sleep_for(kPoll);
  }
  if (open()) fail("the load did not end", *workers_.front().process);
  for (auto& worker : workers_) {
    worker.process->signal(SIGTERM);
    if (worker.process->wait() != 0) fail("a worker did not stop well", *worker.process);
  }
}

void TemporalChaos::verify() const {
  expect_equal();
  const auto figures = proof_.figures(warehouse_, source_);
  fmt::print(
      "{} kills of {} workers, {} of the Temporal server; {} searches answered, {} of them again; batches of up to {} "
      "patients; {} steps finished before an attempt began were fetched\n",
      kills(), options_.workers, server_kills_, figures.searches, figures.repeated, figures.largest_batch,
      figures.fetched_again.size());
  expect_little_repeated(figures, kills() + server_kills_);
}

}  // namespace wellhead::chaos
