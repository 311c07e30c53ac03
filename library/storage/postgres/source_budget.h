// The request rate of a source, shared by all processes through a row of source_budget: a process takes requests of the
// current second a few at a time and waits for the next second when there are none left. What it does not use in that
// second is lost, never saved up. Retry-After is shared the same way, and so is the circuit (source_circuit.h).
//
// An unlimited rate (0) asks the database nothing while the source answers: Retry-After then holds for this process at
// once, and for the others only if they are limited.
//
// Thread-safe; connects on first use, with connections of its own, so that no activity that holds one waits for
// another.
#pragma once

#include <atomic>
#include <chrono>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/source_circuit.h"
#include "library/webclient/rate_limiter.h"

namespace wellhead::storage {

class SourceBudget final : public webclient::RateLimiter {
 public:
  // rate: requests a second of all processes together; 0 is unlimited. Needs the table of migration 0004.
  SourceBudget(std::string database_url, std::string source_url, int rate, CircuitOptions circuit = {});

  // Errors: cancelled; database_* when the budget cannot be read; those of SourceCircuit::pass.
  webclient::Permit acquire(std::stop_token stop) override;
  void report(const webclient::Permit& permit, const webclient::RequestOutcome& outcome) noexcept override;
  // Shares the wait if the database can be reached; this process keeps to it in any case.
  void block_until(meta::Time until) override;

 private:
  using Steady = std::chrono::steady_clock;

  // When to ask again; nullopt: a request was granted.
  std::optional<Steady::time_point> try_acquire();
  void take_from_database();
  Connection& connection();

  const std::string database_url_;
  const std::string source_url_;
  const int rate_;
  SourceCircuit circuit_;
  std::atomic<Steady::rep> blocked_until_{0};

  std::mutex mutex_;  // of what follows
  std::optional<Connection> connection_;
  int granted_ = 0;                // requests left of those taken …
  Steady::time_point second_end_;  // … which are good until then
  Steady::time_point ask_again_;   // nothing to be had before
};

}  // namespace wellhead::storage
