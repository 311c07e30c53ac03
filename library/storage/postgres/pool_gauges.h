// What /metrics tells of connections to the database, by pool; a pool has the name that PostgreSQL has for its
// connections (application_name), and may be many objects. Each of them keeps one of these, and shows what it has.
//
// Not thread-safe: the owner shows under its own lock, or on its own thread.
#pragma once

#include <optional>
#include <string>

#include "library/meta/metrics.h"

namespace wellhead::storage {

struct PoolUse {
  int lent = 0;     // in use: borrowed, or with queries under way
  int idle = 0;     // connected, and kept
  int limit = 0;    // how many there may be in use
  int queries = 0;  // waiting or under way, of connections that take several at a time
};

class PoolGauges {
 public:
  // queries: whether the pool's connections take several at a time, so that they are counted.
  explicit PoolGauges(const std::string& pool, bool queries = false);
  ~PoolGauges() { show({}); }
  PoolGauges(const PoolGauges&) = delete;
  PoolGauges& operator=(const PoolGauges&) = delete;
  // What its owner has from now on, instead of what it showed before.
  void show(const PoolUse& now) noexcept;

 private:
  meta::Gauge lent_;
  meta::Gauge idle_;
  meta::Gauge limit_;
  std::optional<meta::Gauge> queries_;
  PoolUse shown_;
};

}  // namespace wellhead::storage
