// Fires schedules: the part of the owner that looks which are due and decides what is to be done. Beside it, what the
// engine does about schedules in any process. Blocks on the journal, whose errors it throws.
#pragma once

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
  Scheduler(Journal& journal, std::int64_t epoch) : journal_(journal), epoch_(epoch) {}

  // Queues what is due. Returns when to come again at the latest; nullopt: no schedule waits for a time.
  //
  // Each schedule moves on in the transaction that queues its workflows, from the state that was read: a crash, or an
  // error whose outcome is unknown, loses no time and fires none twice.
  std::optional<meta::Time> fire(meta::Time now);

 private:
  Journal& journal_;
  const std::int64_t epoch_;
};

void create_schedule(Journal& journal, const Schedule& schedule);
void unpause_schedule(Journal& journal, const std::string& schedule_id, const std::string& note);
// Error{not_found} unless it was there.
void require_schedule(bool found, const std::string& schedule_id);

}  // namespace wellhead::orchestration::embedded
