// A history of Temporal as the events of our journal: so that one code describes it, replays it and names what differs,
// whichever engine wrote it.
#pragma once

#include <temporal/api/history/v1/message.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/orchestration/journal.h"

namespace wellhead::orchestration::temporal_engine {

struct TranslatedHistory {
  WorkflowRecord record;
  std::vector<Event> events;
  // The event ids at which the execution can be begun again (ResetWorkflowExecution): ends of workflow tasks.
  struct Turn {
    std::int64_t event_id = 0;
    std::size_t first_event = 0;  // of `events`: what this turn's commands are, or what comes after
  };
  std::vector<Turn> turns;
  std::optional<std::string> failed_by;    // identity of the worker whose failed workflow task was the last
  std::optional<std::string> base_run_id;  // of the execution that failed, when this one goes on with it
};

TranslatedHistory translate(const std::string& workflow_id, const std::string& run_id,
                            const ::temporal::api::history::v1::History& history);

}  // namespace wellhead::orchestration::temporal_engine
