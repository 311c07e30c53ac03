#include "library/orchestration/embedded/scheduler.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>

namespace wellhead::orchestration::embedded {
namespace {

using std::chrono::microseconds;

// So many times are dealt with in a step; more, after a long outage, in the steps after it.
constexpr int kMostTimes = 500;

bool is_open(const StartedAction& action) { return !is_end(action.state); }

std::string workflow_id_of(const std::string& schedule_id, meta::Time time) {
  const auto text = meta::to_rfc3339(time);
  constexpr std::string_view whole_second = ".000000Z";
  const bool whole = text.ends_with(whole_second);
  return fmt::format("{}/{}", schedule_id, whole ? text.substr(0, text.size() - whole_second.size()) + "Z" : text);
}

// A step in the making.
class Decision {
 public:
  explicit Decision(const ScheduleRecord& record)
      : record_(record), open_(std::ranges::any_of(record.recent, is_open)) {
    step_.schedule_id = record.schedule.id;
    step_.revision = record.revision;
    step_.next_at = record.next_at;
    step_.buffered_at = record.buffered_at;
  }

  ScheduleStep at(meta::Time now) {
    if (step_.buffered_at && !open_) {
      start(*step_.buffered_at);
      step_.buffered_at.reset();
    }
    if (step_.next_at && *step_.next_at <= now) take_times(now);
    step_.triggers = record_.triggers;
    for (std::int64_t i = 0; i < record_.triggers; ++i) take(now + microseconds(i));
    return step_;
  }

 private:
  void take_times(meta::Time now) {
    const ScheduleTimes times(record_.schedule.spec);
    const auto due = *step_.next_at;
    auto time = times.first_to_make_up(due, now, record_.schedule.catchup_window);
    step_.missed_catchup = times.count(due, time);
    for (int i = 0; i < kMostTimes && time <= now; ++i) {
      const auto next = times.next_after(time);
      take(time);
      time = next;
    }
    step_.next_at = time;
  }

  void take(meta::Time time) {
    if (!open_ || record_.schedule.overlap == OverlapPolicy::allow_all) return start(time);
    switch (record_.schedule.overlap) {
      case OverlapPolicy::skip:
        ++step_.skipped_overlap;
        break;
      case OverlapPolicy::buffer_one:
        if (step_.buffered_at) {
          ++step_.skipped_overlap;
        } else {
          step_.buffered_at = time;
        }
        break;
      case OverlapPolicy::cancel_other:
        replace_others(time);
        break;
      case OverlapPolicy::allow_all:
        break;
    }
  }

  // What has not been started yet gives way without being cancelled.
  void replace_others(meta::Time time) {
    if (!step_.starts.empty()) {
      ++step_.skipped_overlap;
      step_.starts.clear();
      return start(time);
    }
    if (step_.buffered_at) ++step_.skipped_overlap;
    step_.buffered_at = time;
    if (!step_.cancels.empty()) return;
    for (const auto& action : record_.recent) {
      if (is_open(action)) step_.cancels.push_back(action.workflow_id);
    }
  }

  void start(meta::Time time) {
    step_.starts.push_back({time, workflow_id_of(record_.schedule.id, time)});
    open_ = true;
  }

  const ScheduleRecord& record_;
  bool open_;
  ScheduleStep step_;
};

ScheduleStep give_up(const ScheduleRecord& record, const meta::Error& error) {
  spdlog::error("schedule {} is paused, it cannot go on: {}", record.schedule.id, error.what());
  ScheduleStep step;
  step.schedule_id = record.schedule.id;
  step.revision = record.revision;
  step.triggers = record.triggers;
  step.pause = error.message();
  return step;
}

}  // namespace

ScheduleStep decide(const ScheduleRecord& schedule, meta::Time now) {
  try {
    return Decision(schedule).at(now);
  } catch (const meta::Error& error) {
    return give_up(schedule, error);
  }
}

meta::Time Scheduler::fire(meta::Time now) {
  // Further ahead than that: the clock was set back.
  if (now < next_ && next_ <= now + poll_interval_) return next_;
  const auto found = journal_.due_schedules(now);
  auto next = now + poll_interval_;
  if (found.next_at) next = std::min<meta::Time>(next, *found.next_at);
  for (const auto& schedule : found.due) {
    const auto step = decide(schedule, now);
    if (!journal_.advance_schedule(epoch_, step)) {
      next = now;  // somebody has just changed it
    } else if (step.next_at) {
      next = std::min<meta::Time>(next, *step.next_at);
    }
  }
  next_ = next;
  return next_;
}

void create_schedule(Journal& journal, const Schedule& schedule) {
  require_valid(schedule);
  std::optional<meta::Time> next;
  if (!schedule.paused) next = ScheduleTimes(schedule.spec).next_after(meta::SystemClock().now());
  if (journal.create_schedule(schedule, next)) return;
  throw meta::Error(meta::ErrorCode::conflict, fmt::format("there is a schedule {} already", schedule.id),
                    "Remove that one, or give this one another id");
}

void unpause_schedule(Journal& journal, const std::string& schedule_id, const std::string& note) {
  const auto found = journal.schedules(schedule_id);
  require_schedule(!found.empty(), schedule_id);
  const auto next = ScheduleTimes(found.front().schedule.spec).next_after(meta::SystemClock().now());
  require_schedule(journal.set_schedule_paused(schedule_id, false, note, next), schedule_id);
}

void require_schedule(bool found, const std::string& schedule_id) {
  if (!found) throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no schedule {}", schedule_id));
}

}  // namespace wellhead::orchestration::embedded
