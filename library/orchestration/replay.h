// Histories: turns of a run as journal events, and back. Replaying a history against changed code is how nondeterminism
// is found, by the engine on recovery and by tests over recorded histories.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
  std::optional<Payload> last_heartbeat;
};
struct OpenTimer {
  Sequence sequence = 0;
  meta::Time due{};
};

struct ReplayedState {
  std::int64_t last_event = 0;
  std::map<Sequence, OpenActivity> activities;
  std::map<Sequence, OpenTimer> timers;
  std::map<Sequence, StartChild> children;
  std::vector<Job> undelivered;  // recorded, but not given to the workflow yet
};

// Brings a new run to the end of its history. Throws Error{nondeterminism} that names both sides when the run's
// commands are not the recorded ones. seed: of the run's random numbers; without one, random_seed of its execution id.
ReplayedState replay(WorkflowRun& run, std::span<const Event> history, std::optional<std::uint64_t> seed = {});

std::uint64_t random_seed(const std::string& execution_id);

// What a run keeps of the history of an execution that failed or was cancelled, to go on from there: everything before
// the failure was taken in, and what steps that were open then have finished since. Steps that had failed or were
// given up are open again, with all their attempts. Numbered from 1; ends with the note `retried`.
std::vector<Event> history_to_retry(std::span<const Event> history, meta::Time now);

// Unnumbered events of a job and of a command.
Event to_event(const Job& job, meta::Time at);
Event to_event(const Command& command, meta::Time at);

WorkflowDescription describe_history(const WorkflowRecord& record, std::span<const Event> history);

}  // namespace wellhead::orchestration
