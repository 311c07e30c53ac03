// The circuit of a source, shared by all processes through its row of source_budget. It is closed while the source
// answers. A number of failures in a row, in one process, opens it for all: requests then wait for a moment or fail at
// once, until its period is over and one request of one process probes the source, for which the others wait. An answer
// closes the circuit; a failure begins a longer period.
//
// While the source answers nothing is asked of the database. A process that does not see failures does not notice a
// circuit that another one opened; its first failure makes it look, and its first success means that there is no
// reason to.
//
// Thread-safe. Connects when the source first fails, with a connection of its own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <optional>
#include <random>
#include <stop_token>
#include <string>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"
#include "library/webclient/rate_limiter.h"

namespace wellhead::storage {

struct CircuitOptions {
  int failures = 10;  // in a row, to open it; 0: never
  // Doubles with each failed probe; shortened at random by up to a fifth.
  std::chrono::milliseconds first_period{1'000};
  std::chrono::milliseconds max_period{60'000};
  std::chrono::milliseconds wait{5'000};         // a period that lasts longer fails requests at once instead
  std::chrono::milliseconds probe_time{75'000};  // a probe that is silent for longer is taken for lost with its process
};

class SourceCircuit {
 public:
  // Needs the table of migration 0004.
  SourceCircuit(std::string database_url, std::string source_url, CircuitOptions options);

  // Returns at once while the circuit is closed. Errors: cancelled; the code of the source's last failure, retryable,
  // with retry_after(): it says since when and why the circuit is open, and until when; database_*.
  webclient::Permit pass(const std::stop_token& stop);
  // Without the database a failure opens nothing: it is counted, and the next one tries again.
  void report(const webclient::Permit& permit, const webclient::RequestOutcome& outcome) noexcept;

 private:
  using Steady = std::chrono::steady_clock;

  // With the mutex held.
  std::optional<webclient::Permit> try_pass(Steady::time_point give_up);
  void note_failure(const webclient::RequestOutcome& outcome);
  void end_probe(std::int64_t probe, const webclient::RequestOutcome& outcome);
  void look();
  void close(std::string_view how);
  std::int64_t next_period();
  Result query(std::string_view sql, std::initializer_list<Value> parameters);
  std::int64_t forgotten_after() const;
  meta::Error open_error() const;

  const std::string database_url_;
  const std::string source_url_;
  const CircuitOptions options_;
  std::atomic<int> failures_{0};
  std::atomic<bool> open_{false};

  std::mutex mutex_;  // of what follows
  std::optional<Connection> connection_;
  Steady::time_point next_look_;       // at the row
  Steady::time_point database_again_;  // no opening before that: the database did not answer
  Steady::time_point retry_at_;        // when the period is over
  std::int64_t failed_probes_ = 0;
  std::string since_, until_, reason_;  // for the message
  meta::ErrorCode code_ = meta::ErrorCode::source_unreachable;
  std::minstd_rand random_{std::random_device{}()};
};

}  // namespace wellhead::storage
