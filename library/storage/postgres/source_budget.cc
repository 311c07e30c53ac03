#include "library/storage/postgres/source_budget.h"

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "library/webclient/source_metrics.h"

namespace wellhead::storage {
namespace {

using std::chrono::milliseconds;

// A process takes a fifth of a second's requests at a time, so that several share it fairly.
constexpr int kShares = 5;

constexpr std::string_view kMakeRow = R"sql(
INSERT INTO source_budget (source_url, second, taken) VALUES ($1, date_trunc('second', clock_timestamp()), 0)
ON CONFLICT (source_url) DO NOTHING)sql";

// $1 source, $2 how many are wanted, $3 how many a second has. Gives: granted; milliseconds to the end of the second;
// milliseconds that the source wants to be left alone. The second never goes back, even if the clock does.
constexpr std::string_view kTake = R"sql(
WITH budget AS MATERIALIZED (
  SELECT greatest(second, date_trunc('second', clock_timestamp())) AS second,
         CASE WHEN second < date_trunc('second', clock_timestamp()) THEN 0 ELSE taken END AS taken,
         coalesce(blocked_until > clock_timestamp(), false) AS blocked
  FROM source_budget WHERE source_url = $1 FOR UPDATE),
grant_ AS (
  SELECT second, taken, CASE WHEN blocked THEN 0 ELSE least($2::integer, greatest($3::integer - taken, 0)) END AS granted
  FROM budget)
UPDATE source_budget AS kept SET second = grant_.second, taken = grant_.taken + grant_.granted
FROM grant_ WHERE kept.source_url = $1
RETURNING grant_.granted,
  ceil(1000 * extract(epoch FROM kept.second + interval '1 second' - clock_timestamp()))::bigint,
  coalesce(ceil(1000 * extract(epoch FROM kept.blocked_until - clock_timestamp())), 0)::bigint)sql";

constexpr std::string_view kBlock = R"sql(
INSERT INTO source_budget AS kept (source_url, second, taken, blocked_until)
VALUES ($1, date_trunc('second', clock_timestamp()), 0, clock_timestamp() + $2::bigint * interval '1 millisecond')
ON CONFLICT (source_url) DO UPDATE SET blocked_until = greatest(kept.blocked_until, excluded.blocked_until))sql";

}  // namespace

SourceBudget::SourceBudget(std::string database_url, std::string source_url, int rate, CircuitOptions circuit)
    : database_url_(std::move(database_url)),
      source_url_(std::move(source_url)),
      rate_(rate),
      circuit_(database_url_, source_url_, circuit) {}

webclient::Permit SourceBudget::acquire(std::stop_token stop) {
  std::optional<Steady::time_point> waiting;
  while (const auto turn = try_acquire()) {
    if (!waiting) waiting = Steady::now();
    if (!webclient::sleep_until(*turn, stop)) {
      throw meta::Error(meta::ErrorCode::cancelled, "stopped while waiting for the source's request rate");
    }
  }
  if (waiting) {
    webclient::source_metrics().waits.observe({"budget"},
                                              std::chrono::duration<double>(Steady::now() - *waiting).count());
  }
  // Last, so that a circuit that opened meanwhile is heeded.
  return circuit_.pass(stop);
}

void SourceBudget::report(const webclient::Permit& permit, const webclient::RequestOutcome& outcome) noexcept {
  circuit_.report(permit, outcome);
}

auto SourceBudget::try_acquire() -> std::optional<Steady::time_point> {
  const auto now = Steady::now();
  const Steady::time_point blocked(Steady::duration(blocked_until_.load(std::memory_order_relaxed)));
  if (blocked > now) return blocked;
  if (rate_ <= 0) return std::nullopt;
  const std::lock_guard lock(mutex_);
  if (granted_ > 0 && now >= second_end_) granted_ = 0;
  if (granted_ == 0) {
    if (ask_again_ > now) return ask_again_;
    take_from_database();
  }
  if (granted_ == 0) return ask_again_;
  --granted_;
  return std::nullopt;
}

void SourceBudget::take_from_database() {
  const int wanted = std::max(1, rate_ / kShares);
  auto& database = connection();
  auto result = database.query(kTake, {source_url_, wanted, rate_});
  if (result.empty()) {
    database.query(kMakeRow, {source_url_});
    result = database.query(kTake, {source_url_, wanted, rate_});
  }
  const auto now = Steady::now();
  granted_ = static_cast<int>(result.integer(0, 0));
  second_end_ = now + milliseconds(std::max<std::int64_t>(1, result.integer(0, 1)));
  ask_again_ = granted_ > 0 ? now : std::max(second_end_, now + milliseconds(result.integer(0, 2)));
}

Connection& SourceBudget::connection() {
  if (!connection_ || !connection_->usable()) {
    connection_.reset();
    connection_.emplace(database_url_, ConnectionOptions{.application_name = "wellhead source budget",
                                                         .connect_timeout_seconds = 5,
                                                         .statement_timeout_seconds = 10});
  }
  return *connection_;
}

void SourceBudget::block_until(meta::Time until) {
  const auto wait = std::chrono::ceil<milliseconds>(until - meta::SystemClock().now());
  if (wait <= milliseconds::zero()) return;
  const auto end = (Steady::now() + wait).time_since_epoch().count();
  auto known = blocked_until_.load();
  while (known < end && !blocked_until_.compare_exchange_weak(known, end)) {
  }
  const std::lock_guard lock(mutex_);
  granted_ = 0;
  try {
    connection().query(kBlock, {source_url_, wait.count()});
  } catch (const meta::Error&) {
    // The request that was refused has its own error to tell; without the database the others find out for themselves.
    connection_.reset();
  }
}

}  // namespace wellhead::storage
