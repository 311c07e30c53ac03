// A journal in memory, for tests of engines and workflows without PostgreSQL: several engines (owners) may share one,
// as processes share a database. Failures can be ordered.
#pragma once

#include <map>
#include <mutex>

#include "library/orchestration/journal.h"

namespace wellhead::orchestration::testing {

class MemoryJournal final : public Journal {
 public:
  Execution start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                  const StartOptions& options = {}) override;
  std::optional<WorkflowRecord> find(const std::string& execution_id) override;
  std::optional<std::string> latest_execution(const std::string& workflow_id) override;
  std::vector<Event> history(const std::string& execution_id) override;
  bool request_cancel(const std::string& execution_id) override;
  bool set_paused(const std::string& execution_id, bool paused) override;
  bool signal(const std::string& execution_id, const std::string& name, const Payload& payload) override;
  Execution restart(const std::string& execution_id, std::span<const Event> history) override;
  std::int64_t ask(const std::string& execution_id, const std::string& query) override;
  std::optional<QueryAnswer> take_answer(std::int64_t query_id) override;

  bool create_schedule(const Schedule& schedule, std::optional<meta::Time> next_at) override;
  bool delete_schedule(const std::string& schedule_id) override;
  bool set_schedule_paused(const std::string& schedule_id, bool paused, const std::string& note,
                           std::optional<meta::Time> next_at) override;
  bool trigger_schedule(const std::string& schedule_id) override;
  std::vector<ScheduleRecord> schedules(const std::optional<std::string>& schedule_id) override;

  std::optional<std::int64_t> acquire_lease(const std::string& owner, std::chrono::milliseconds duration) override;
  void renew_lease(std::int64_t epoch, std::chrono::milliseconds duration) override;
  void release_lease(std::int64_t epoch) override;

  std::vector<WorkflowRecord> running() override;
  std::vector<WorkflowRecord> queued(std::size_t limit) override;
  std::vector<WorkflowRecord> children(const std::string& execution_id) override;
  Notices notices() override;
  void answer(std::int64_t query_id, const QueryAnswer& answer) override;
  std::vector<StartedChild> append(std::int64_t epoch, std::span<const JournalEntry> entries) override;
  DueSchedules due_schedules(meta::Time now) override;
  bool advance_schedule(std::int64_t epoch, const ScheduleStep& step) override;

  // Gives the lease to somebody else at once, as if the owner had slept past it.
  void steal_lease();
  // Every call throws an error of this code while set.
  void set_failing(std::optional<meta::ErrorCode> code);
  std::size_t appends() const;

 private:
  struct Stored {
    WorkflowRecord record;
    std::vector<Event> events;
  };
  std::unique_lock<std::mutex> enter() const;
  void check(std::int64_t epoch) const;
  Stored* open_execution(const std::string& execution_id);
  Stored* open_workflow(const std::string& workflow_id);
  WorkflowRecord& insert(const std::string& workflow_type, const std::string& workflow_id, const Payload& input);
  void apply(Stored& stored, const JournalEntry& entry);
  void continue_as_new(Stored& stored, const Payload& input);
  ScheduleRecord with_states(ScheduleRecord record) const;
  std::optional<StartedChild> start_child(const Stored& parent, const Event& event);

  mutable std::mutex mutex_;
  std::optional<meta::ErrorCode> failing_;
  std::map<std::int64_t, Stored> executions_;
  std::int64_t last_execution_ = 0;
  std::map<std::string, bool> abandoned_;  // children whose parent's end is nothing to them
  std::vector<Notices::Signal> signals_;
  std::vector<Notices::Query> queries_;
  std::map<std::int64_t, QueryAnswer> answers_;
  std::int64_t last_notice_ = 0;
  std::map<std::string, ScheduleRecord> schedules_;  // the states of their actions are as of their start
  std::int64_t epoch_ = 0;
  std::chrono::steady_clock::time_point lease_expires_{};
  std::size_t appends_ = 0;
};

}  // namespace wellhead::orchestration::testing
