// The schedules of the journal (migration 0006), for PostgresJournal: see library/orchestration/journal.h. Each call is
// a transaction of its own on the given connection.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/orchestration/journal.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

bool create_schedule(Connection& connection, const orchestration::Schedule& schedule,
                     const std::optional<meta::Time>& next_at);
bool delete_schedule(Connection& connection, const std::string& schedule_id);
bool set_schedule_paused(Connection& connection, const std::string& schedule_id, bool paused, const std::string& note,
                         const std::optional<meta::Time>& next_at);
bool trigger_schedule(Connection& connection, const std::string& schedule_id);
std::vector<orchestration::ScheduleRecord> read_schedules(Connection& connection,
                                                          const std::optional<std::string>& schedule_id);
orchestration::DueSchedules due_schedules(Connection& connection, meta::Time now);
bool advance_schedule(Connection& connection, std::int64_t epoch, const orchestration::ScheduleStep& step);

}  // namespace wellhead::storage
