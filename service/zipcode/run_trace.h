// Which trace (W3C Trace Context) a run belongs to: that of the request that asked for it, or one of its own. It is
// kept in the run's options, so that every process that works at the run logs it and passes it on to the source.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include "library/meta/ids.h"
#include "library/meta/trace.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::zipcode {

// Thread-safe; the pool outlives it.
class RunTraces {
 public:
  explicit RunTraces(storage::ConnectionPool& database) : database_(database) {}

  // Gives a new run the trace of this thread (meta::current_trace()), or a new one.
  void keep(meta::RunId run);
  // Asks the database once a run. nullopt: there is none, or the database does not answer; work goes on without.
  std::optional<meta::TraceContext> of(meta::RunId run);

 private:
  storage::ConnectionPool& database_;
  std::mutex mutex_;
  std::map<meta::RunId, meta::TraceContext> known_;
};

}  // namespace wellhead::zipcode
