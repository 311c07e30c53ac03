// The audit trail of reads: who was given something of which patient, when, by which key. Kept in memory and written to
// the table `audit` by COPY, every second, on a thread and a connection of its own.
//
// Reads of one patient by one actor from one address by one operation become one row a second, with the times of the
// first and the last and how many they were. A row may stand there twice when the connection broke just as it was
// written; none is lost:
//   - while the database cannot be written, entries are kept, up to `most` of them; beyond that note() says no;
//   - stop() writes what there is; if the database does not take it in time, it becomes a file in `spill`, which the
//     next start() reads.
// A killed process (kill -9, power) loses what it had not written: about the last second.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <memory>
#include <string>

#include "library/webserver/server.h"

namespace wellhead::access {

struct AuditOptions {
  std::string database_url;
  std::filesystem::path spill;  // a directory; empty: none
  std::size_t workers = 1;      // of the server
  std::size_t most = 1'000'000;
  std::chrono::milliseconds interval{1'000};
  std::chrono::milliseconds stop_patience{10'000};
};

class AuditTrail {
 public:
  explicit AuditTrail(AuditOptions options);
  ~AuditTrail();  // stops
  AuditTrail(const AuditTrail&) = delete;
  AuditTrail& operator=(const AuditTrail&) = delete;

  void start();
  // From the server's workers; quick. false: it cannot be kept, so the answer must not be given.
  bool note(const webserver::Disclosure& disclosure);
  // Writes what there is. When the server has stopped.
  void stop();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::access
