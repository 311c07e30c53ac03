// Histories of loads that a Temporal server recorded: tests/functional/testdata/NAME.history, each the bytes of a
// temporal.api.history.v1.History, without the names of the machines that made it.
#pragma once

#include <temporal/api/history/v1/message.pb.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/fixture/temporal_server.h"

namespace wellhead::functional {

std::vector<std::filesystem::path> recorded_histories();
::temporal::api::history::v1::History read_history(const std::filesystem::path& file);

// Of the workflow's latest execution, as the server keeps it.
std::string history_bytes(const fixture::TemporalServer& server, const std::string& workflow_id);
// Nothing, unless WELLHEAD_RECORD_HISTORIES names the directory to write to. Of the workflow's latest execution.
void record_history(const fixture::TemporalServer& server, const std::string& workflow_id, const std::string& name);

}  // namespace wellhead::functional
