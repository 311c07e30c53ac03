// The engine's journal in PostgreSQL (schema wellhead_journal, migrations 0002, 0003 and 0006), and the fence by which
// whoever writes rows makes sure that its engine still owns the lease.
//
// The lease is one row: epoch, owner, expiry on the database's clock. Its holder also keeps a session lock numbered by
// the epoch, so that a killed owner is noticed as soon as its connection is gone, before the lease expires.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "library/orchestration/journal.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

// Inside a transaction, before it writes: throws Error{lease_lost} unless epoch is the current one, and keeps it so
// until the transaction ends, under a row lock that other checks and renewals do not wait for.
void check_lease(Connection& connection, std::int64_t epoch);

class PostgresJournal final : public orchestration::Journal {
 public:
  // Opens connections on demand; the schema must be migrated before the first call.
  explicit PostgresJournal(const std::string& url);
  ~PostgresJournal() override;

  orchestration::Execution start(const std::string& workflow_type, const std::string& workflow_id,
                                 const orchestration::Payload& input,
                                 const orchestration::StartOptions& options = {}) override;
  std::optional<orchestration::WorkflowRecord> find(const std::string& execution_id) override;
  std::optional<std::string> latest_execution(const std::string& workflow_id) override;
  std::vector<orchestration::Event> history(const std::string& execution_id) override;
  bool request_cancel(const std::string& execution_id) override;
  bool set_paused(const std::string& execution_id, bool paused) override;
  bool signal(const std::string& execution_id, const std::string& name, const orchestration::Payload& payload) override;
  orchestration::Execution restart(const std::string& execution_id,
                                   std::span<const orchestration::Event> history) override;
  std::int64_t ask(const std::string& execution_id, const std::string& query) override;
  std::optional<orchestration::QueryAnswer> take_answer(std::int64_t query_id) override;

  bool create_schedule(const orchestration::Schedule& schedule, std::optional<meta::Time> next_at) override;
  bool delete_schedule(const std::string& schedule_id) override;
  bool set_schedule_paused(const std::string& schedule_id, bool paused, const std::string& note,
                           std::optional<meta::Time> next_at) override;
  bool trigger_schedule(const std::string& schedule_id) override;
  std::vector<orchestration::ScheduleRecord> schedules(const std::optional<std::string>& schedule_id) override;

  std::optional<std::int64_t> acquire_lease(const std::string& owner, std::chrono::milliseconds duration) override;
  void renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) override;
  void release_lease(std::int64_t epoch) override;

  std::vector<orchestration::WorkflowRecord> running() override;
  std::vector<orchestration::WorkflowRecord> queued(std::size_t limit) override;
  std::vector<orchestration::WorkflowRecord> children(const std::string& execution_id) override;
  orchestration::Notices notices() override;
  void answer(std::int64_t query_id, const orchestration::QueryAnswer& answer) override;
  std::vector<orchestration::StartedChild> append(std::int64_t epoch,
                                                  std::span<const orchestration::JournalEntry> entries) override;
  orchestration::DueSchedules due_schedules(meta::Time now) override;
  bool advance_schedule(std::int64_t epoch, const orchestration::ScheduleStep& step) override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::storage
