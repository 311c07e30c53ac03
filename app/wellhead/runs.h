// The commands under `wellhead runs`; each is a file.
#pragma once

#include <cstdint>
#include <memory>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "library/meta/ids.h"

namespace wellhead::app {

void add_runs_show(const Command& runs, CommandLine& line);
void add_runs_watch(const Command& runs, CommandLine& line);
void add_runs_retry(const Command& runs, CommandLine& line);
void add_runs_control(const Command& runs, CommandLine& line);  // pause, resume, cancel

// The number of the run that the command is about; set when its action is called.
std::shared_ptr<meta::RunId> add_run_argument(const Command& command);

// Says how the run stands after a change, and when no process runs workflows that it will take effect later.
void tell_change(const CommandLine& line, const Database& database, meta::RunId run, std::string_view what);

}  // namespace wellhead::app
