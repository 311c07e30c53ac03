// Schedules of the journal in memory.
#include <algorithm>

#include "library/orchestration/testing/memory_journal.h"

namespace wellhead::orchestration::testing {

bool MemoryJournal::create_schedule(const Schedule& schedule, std::optional<meta::Time> next_at) {
  const auto lock = enter();
  const auto [record, inserted] = schedules_.try_emplace(schedule.id);
  if (!inserted) return false;
  record->second.schedule = schedule;
  record->second.created_at = meta::SystemClock().now();
  record->second.next_at = next_at;
  // Of one that was deleted under this id, nothing is true any more.
  record->second.revision = ++last_notice_;
  return true;
}

bool MemoryJournal::delete_schedule(const std::string& schedule_id) {
  const auto lock = enter();
  return schedules_.erase(schedule_id) > 0;
}

bool MemoryJournal::set_schedule_paused(const std::string& schedule_id, bool paused, const std::string& note,
                                        std::optional<meta::Time> next_at) {
  const auto lock = enter();
  const auto found = schedules_.find(schedule_id);
  if (found == schedules_.end()) return false;
  ScheduleRecord& record = found->second;
  if (paused || record.schedule.paused) record.next_at = next_at;
  if (paused) record.buffered_at.reset();
  if (!note.empty()) record.schedule.note = note;
  record.schedule.paused = paused;
  record.revision = ++last_notice_;
  return true;
}

bool MemoryJournal::trigger_schedule(const std::string& schedule_id) {
  const auto lock = enter();
  const auto found = schedules_.find(schedule_id);
  if (found == schedules_.end()) return false;
  ++found->second.triggers;
  found->second.revision = ++last_notice_;
  return true;
}

ScheduleRecord MemoryJournal::with_states(ScheduleRecord record) const {
  for (auto& action : record.recent) {
    for (const auto& [id, stored] : executions_) {
      if (stored.record.workflow_id != action.workflow_id) continue;
      action.execution_id = stored.record.execution_id;
      action.state = stored.record.state;
    }
  }
  return record;
}

std::vector<ScheduleRecord> MemoryJournal::schedules(const std::optional<std::string>& schedule_id) {
  const auto lock = enter();
  std::vector<ScheduleRecord> found;
  for (const auto& [id, record] : schedules_) {
    if (!schedule_id || *schedule_id == id) found.push_back(with_states(record));
  }
  return found;
}

DueSchedules MemoryJournal::due_schedules(meta::Time now) {
  const auto lock = enter();
  DueSchedules found;
  for (const auto& [id, stored] : schedules_) {
    ScheduleRecord record = with_states(stored);
    const bool open = std::ranges::any_of(record.recent, [](const auto& action) { return !is_end(action.state); });
    if ((record.next_at && *record.next_at <= now) || record.triggers > 0 || (record.buffered_at && !open)) {
      found.due.push_back(std::move(record));
    } else if (record.next_at && (!found.next_at || *record.next_at < *found.next_at)) {
      found.next_at = record.next_at;
    }
  }
  return found;
}

bool MemoryJournal::advance_schedule(std::int64_t epoch, const ScheduleStep& step) {
  const auto lock = enter();
  check(epoch);
  const auto found = schedules_.find(step.schedule_id);
  if (found == schedules_.end() || found->second.revision != step.revision) return false;
  ScheduleRecord& record = found->second;
  for (const auto& workflow_id : step.cancels) {
    if (Stored* open = open_workflow(workflow_id)) open->record.cancel_requested = true;
  }
  for (const auto& start : step.starts) {
    if (open_workflow(start.workflow_id) == nullptr) {
      insert(record.schedule.action.workflow_type, start.workflow_id, record.schedule.action.input).priority =
          record.schedule.action.priority;
    }
    record.recent.push_back({start.scheduled_at, meta::SystemClock().now(), start.workflow_id, {}, {}});
  }
  record = with_states(std::move(record));
  for (std::size_t i = 0; record.recent.size() - i > static_cast<std::size_t>(kRecentActions);) {
    if (is_end(record.recent[i].state)) {
      record.recent.erase(record.recent.begin() + static_cast<std::ptrdiff_t>(i));
    } else {
      ++i;
    }
  }
  record.next_at = step.next_at;
  record.buffered_at = step.buffered_at;
  record.triggers -= step.triggers;
  record.actions += static_cast<std::int64_t>(step.starts.size());
  record.skipped_overlap += step.skipped_overlap;
  record.missed_catchup += step.missed_catchup;
  record.schedule.paused = record.schedule.paused || step.pause;
  if (step.pause) record.schedule.note = *step.pause;
  record.revision = ++last_notice_;
  return true;
}

}  // namespace wellhead::orchestration::testing
