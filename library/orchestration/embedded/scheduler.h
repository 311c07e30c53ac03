// Fires schedules: the part of the owner that looks which are due and decides what is to be done. Beside it, what the
// engine does about schedules in any process. Blocks on the journal, whose errors it throws.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "library/orchestration/journal.h"

namespace wellhead::orchestration::embedded {

// What is to be done about a schedule that is due: by its times, catch-up window and overlap policy. No I/O.
ScheduleStep decide(const ScheduleRecord& schedule, meta::Time now);

// Used by the workflow thread alone.
class Scheduler {
 public:
  // poll_interval: how soon a change by other processes, or the end of an action that others wait for, is noticed.
  Scheduler(Journal& journal, std::int64_t epoch, std::chrono::milliseconds poll_interval)
      : journal_(journal), epoch_(epoch), poll_interval_(poll_interval) {}

  // Queues what is due, and returns when to come again. Coming earlier costs nothing.
  //
  // Each schedule moves on in the transaction that queues its workflows, from the state that was read: a crash, or an
  // error whose outcome is unknown, loses no time and fires none twice.
  meta::Time fire(meta::Time now);

 private:
  Journal& journal_;
  const std::int64_t epoch_;
  const std::chrono::milliseconds poll_interval_;
  meta::Time next_{};
};

void create_schedule(Journal& journal, const Schedule& schedule);
void unpause_schedule(Journal& journal, const std::string& schedule_id, const std::string& note);
// Error{not_found} unless it was there.
void require_schedule(bool found, const std::string& schedule_id);

}  // namespace wellhead::orchestration::embedded
