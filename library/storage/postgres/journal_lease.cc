#include "library/storage/postgres/journal_lease.h"

#include "library/meta/error.h"
#include "library/storage/postgres/journal.h"

namespace wellhead::storage {
namespace {

// Advisory locks of this class are numbered by lease epoch.
constexpr int kLockClass = 0x57484a4c;

constexpr std::string_view kCheck = "SELECT 1 FROM wellhead_journal.lease WHERE epoch = $1 FOR KEY SHARE";

// The lock of an epoch whose owner's session is gone can be had; it is let go of with this statement's transaction.
constexpr std::string_view kLook = R"(
  SELECT epoch, owner IS NULL OR expires_at <= clock_timestamp(), pg_try_advisory_xact_lock($1::integer, epoch::integer)
  FROM wellhead_journal.lease)";
constexpr std::string_view kTryLock = "SELECT pg_try_advisory_lock($1::integer, $2::bigint::integer)";
// Transactions that have checked the lease hold this lock until they end; a process that sleeps in one would keep the
// epoch from changing.
constexpr std::string_view kEndFencedSessions = R"(
  SELECT pg_terminate_backend(pid) FROM pg_locks
  WHERE locktype = 'relation' AND relation = 'wellhead_journal.lease'::regclass AND mode = 'RowShareLock'
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database()) AND pid <> pg_backend_pid())";
constexpr std::string_view kTake = R"(
  UPDATE wellhead_journal.lease
  SET epoch = epoch + 1, owner = $2, expires_at = clock_timestamp() + $3 * interval '1 millisecond'
  WHERE epoch = $1)";
constexpr std::string_view kRenew = R"(
  UPDATE wellhead_journal.lease SET expires_at = clock_timestamp() + $2 * interval '1 millisecond' WHERE epoch = $1)";
constexpr std::string_view kRelease = R"(
  UPDATE wellhead_journal.lease SET owner = NULL, expires_at = '-infinity' WHERE epoch = $1)";

std::int64_t milliseconds(std::chrono::milliseconds duration) { return duration.count(); }

void end_fenced_sessions(Connection& session) {
  try {
    session.query(kEndFencedSessions);
  } catch (const meta::Error& error) {
    // Those of another database user cannot be ended: then taking over waits for them.
    if (error.code() != meta::ErrorCode::database_refused) throw;
  }
}

}  // namespace

void throw_lease_lost() {
  throw meta::Error(meta::ErrorCode::lease_lost,
                    "another process runs the workflows now; this one has written nothing more",
                    "Follow the run there, or stop the other process");
}

void check_lease(Connection& connection, std::int64_t epoch) {
  if (epoch == orchestration::kNoLease) return;
  if (connection.query(kCheck, {epoch}).empty()) throw_lease_lost();
}

Connection& JournalLease::connection() {
  if (!connection_ || !connection_->idle()) {
    disconnect();
    connection_.emplace(url_, ConnectionOptions{.application_name = "wellhead lease"});
    connection_->execute("SET lock_timeout TO '5s'");
  }
  return *connection_;
}

// Session locks go with the connection.
void JournalLease::disconnect() {
  connection_.reset();
  locked_epoch_ = 0;
}

std::optional<std::int64_t> JournalLease::acquire(const std::string& owner, std::chrono::milliseconds duration) {
  const std::lock_guard lock(mutex_);
  try {
    return take_over(owner, duration);
  } catch (const meta::Error& error) {
    disconnect();
    // Somebody's transaction holds on to the old epoch.
    if (error.code() == meta::ErrorCode::database_conflict) return std::nullopt;
    throw;
  }
}

std::optional<std::int64_t> JournalLease::take_over(const std::string& owner, std::chrono::milliseconds duration) {
  Connection& session = connection();
  const Result seen = session.query(kLook, {kLockClass});
  const std::int64_t epoch = seen.integer(0, 0);
  const bool abandoned = seen.boolean(0, 2) && locked_epoch_ != epoch;  // one's own lock can always be had
  if (!seen.boolean(0, 1) && !abandoned) return std::nullopt;
  if (!session.query(kTryLock, {kLockClass, epoch + 1}).boolean(0, 0)) return std::nullopt;
  end_fenced_sessions(session);
  if (session.query(kTake, {epoch, owner, milliseconds(duration)}).affected_rows() == 0) {
    disconnect();
    return std::nullopt;
  }
  locked_epoch_ = epoch + 1;
  return locked_epoch_;
}

void JournalLease::renew(std::int64_t epoch, std::chrono::milliseconds duration) {
  const std::lock_guard lock(mutex_);
  Connection& session = connection();
  if (session.query(kRenew, {epoch, milliseconds(duration)}).affected_rows() == 0) throw_lease_lost();
  if (locked_epoch_ == epoch) return;
  // After a reconnection; if someone is taking over just now, the next renewal says so.
  if (session.query(kTryLock, {kLockClass, epoch}).boolean(0, 0)) locked_epoch_ = epoch;
}

void JournalLease::release(std::int64_t epoch) {
  const std::lock_guard lock(mutex_);
  connection().query(kRelease, {epoch});
  disconnect();
}

}  // namespace wellhead::storage
