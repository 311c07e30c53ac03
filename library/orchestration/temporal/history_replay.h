// A history that a server recorded, replayed by core and by this program's workflows, without a server: what CI does
// with recorded histories, so that runs which are under way can go on with a new program.
#pragma once

#include <temporal/api/history/v1/message.pb.h>

#include <string>

#include "library/orchestration/registry.h"

namespace wellhead::orchestration::temporal_engine {

// Blocks until the history was replayed. Error{nondeterminism}: the commands of this program's workflow are others, or
// it does not know the workflow; Error{invalid_input}: it is no whole history.
void replay_history(const Registry& registry, const std::string& workflow_id,
                    const ::temporal::api::history::v1::History& history);

}  // namespace wellhead::orchestration::temporal_engine
