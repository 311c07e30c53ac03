// Schedules: workflows that an engine starts again and again, at the times of a specification, in Temporal's words.
// Created, listed and changed through the Engine; whoever runs the workflows fires them.
//
// A time is fired at most once: it becomes a workflow `<schedule id>/<time>`. It is not fired when the overlap policy
// skips it, when it was missed for longer than the catch-up window, or while the schedule is paused.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/clock.h"
#include "library/orchestration/cron_line.h"
#include "library/orchestration/engine.h"

namespace wellhead::orchestration {

// What to do at a time when an action of the schedule is still open.
enum class OverlapPolicy {
  skip,          // nothing
  buffer_one,    // start when it has ended; one waits, further times are skipped
  cancel_other,  // ask it to end as cancelled, and start when it has ended; of several that wait, the latest
  allow_all,     // start
};
std::string_view to_string(OverlapPolicy policy);
// Error{invalid_input} names those there are.
OverlapPolicy overlap_policy_from_string(std::string_view text);

// Either an interval, whose times are its whole multiples since 1970-01-01T00:00Z (every hour: on the hour), or a cron
// line, in UTC. There are no other time zones.
struct ScheduleSpec {
  std::optional<std::chrono::milliseconds> every;
  std::string cron;
};

// A specification made ready.
class ScheduleTimes {
 public:
  // Error{invalid_input}: not exactly one of the two, an interval that is not positive, a bad cron line.
  explicit ScheduleTimes(const ScheduleSpec& spec);
  meta::Time next_after(meta::Time time) const;
  // How many there are in [from, until).
  std::int64_t count(meta::Time from, meta::Time until) const;
  // Of the times in [from, now], the first that is not missed: not older than the window. Without a window: not older
  // than ten minutes, or the last one before now. If there is none, the first after now.
  meta::Time first_to_make_up(meta::Time from, meta::Time now,
                              std::optional<std::chrono::milliseconds> catchup_window) const;

 private:
  std::optional<std::chrono::microseconds> every_;
  std::optional<CronLine> cron_;
};

struct ScheduleAction {
  std::string workflow_type;
  Payload input;
  int priority = kNormalPriority;
};

struct Schedule {
  std::string id;  // letters, digits, and any of . _ - :
  ScheduleSpec spec;
  ScheduleAction action;
  OverlapPolicy overlap = OverlapPolicy::skip;
  // Times that nobody could fire when they came are made up for when they are not older than this. Absent: ten minutes,
  // and the last one in any case. So an hourly schedule makes up for one hour after a night's outage.
  std::optional<std::chrono::milliseconds> catchup_window;
  bool paused = false;
  std::string note;  // for people
};

// Error{invalid_input} when it cannot be one.
void require_valid(const Schedule& schedule);

struct StartedAction {
  meta::Time scheduled_at{};
  meta::Time started_at{};
  std::string workflow_id;
  std::string execution_id;  // the latest of that workflow id
  WorkflowState state = WorkflowState::queued;
};

inline constexpr int kRecentActions = 10;

struct ScheduleDescription {
  Schedule schedule;
  meta::Time created_at{};
  std::optional<meta::Time> next_at;      // absent while paused
  std::optional<meta::Time> buffered_at;  // the time that waits for an open action to end
  std::int64_t actions = 0;               // started, triggered ones too
  std::int64_t skipped_overlap = 0;
  std::int64_t missed_catchup = 0;
  std::vector<StartedAction> recent;  // in order: the last kRecentActions, and all that are open
};

}  // namespace wellhead::orchestration
