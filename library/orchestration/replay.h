// Histories: turns of a run as journal events, and back. Replaying a history against changed code is how nondeterminism
// is found, by the engine on recovery and by tests over recorded histories.
#pragma once

#include <map>
#include <span>
#include <vector>

#include "library/orchestration/engine.h"
#include "library/orchestration/journal.h"
#include "library/orchestration/runtime.h"

namespace wellhead::orchestration {

// A step that was begun and has no outcome yet.
struct OpenActivity {
  ScheduleActivity command;
  int failed_attempts = 0;
  meta::Time scheduled_at{};
};
struct OpenTimer {
  Sequence sequence = 0;
  meta::Time due{};
};

struct ReplayedState {
  std::int64_t last_event = 0;
  std::map<Sequence, OpenActivity> activities;
  std::map<Sequence, OpenTimer> timers;
  std::vector<Job> undelivered;  // recorded, but not given to the workflow yet
};

// Brings a new run to the end of its history. Throws Error{nondeterminism} that names both sides when the run's
// commands are not the recorded ones. execution_id seeds the run's random numbers.
ReplayedState replay(WorkflowRun& run, std::span<const Event> history);

std::uint64_t random_seed(const std::string& execution_id);

// Unnumbered events of a job and of a command.
Event to_event(const Job& job, meta::Time at);
Event to_event(const Command& command, meta::Time at);

WorkflowDescription describe_history(const WorkflowRecord& record, std::span<const Event> history);

}  // namespace wellhead::orchestration
