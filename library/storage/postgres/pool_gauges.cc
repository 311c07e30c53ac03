#include "library/storage/postgres/pool_gauges.h"

namespace wellhead::storage {
namespace {

struct PoolFamilies {
  meta::GaugeFamily connections{"wellhead_database_connections",
                                "Connections to the database, by pool: lent (in use), or idle and kept.",
                                {"pool", "state"}};
  meta::GaugeFamily limit{"wellhead_database_connections_limit", "How many of a pool may be lent at a time.", {"pool"}};
  meta::GaugeFamily queries{
      "wellhead_database_queries",
      "Queries that wait or are under way on the API's connections, which take several at a time.",
      {"pool"}};
};

PoolFamilies& families() {
  static PoolFamilies all;
  return all;
}

}  // namespace

PoolGauges::PoolGauges(const std::string& pool, bool queries)
    : lent_(families().connections.at({pool, "lent"})),
      idle_(families().connections.at({pool, "idle"})),
      limit_(families().limit.at({pool})) {
  if (queries) queries_ = families().queries.at({pool});
}

void PoolGauges::show(const PoolUse& now) noexcept {
  if (now.lent != shown_.lent) lent_.add(now.lent - shown_.lent);
  if (now.idle != shown_.idle) idle_.add(now.idle - shown_.idle);
  if (now.limit != shown_.limit) limit_.add(now.limit - shown_.limit);
  if (queries_ && now.queries != shown_.queries) queries_->add(now.queries - shown_.queries);
  shown_ = now;
}

}  // namespace wellhead::storage
