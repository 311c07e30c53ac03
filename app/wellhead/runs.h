// The commands under `wellhead runs`; each is a file.
#pragma once

#include <cstdint>
#include <memory>

#include "app/wellhead/command.h"
#include "app/wellhead/composition.h"
#include "library/meta/ids.h"

namespace wellhead::app {

void add_runs_show(CLI::App& runs, CommandLine& line);
void add_runs_watch(CLI::App& runs, CommandLine& line);
void add_runs_retry(CLI::App& runs, CommandLine& line);
void add_runs_control(CLI::App& runs, CommandLine& line);  // pause, resume, cancel

// The number of the run that the command is about; set when its action is called.
std::shared_ptr<meta::RunId> add_run_argument(CLI::App& command);

// Says how the run stands after a change, and when no process runs workflows that it will take effect later.
void tell_change(const CommandLine& line, const Database& database, meta::RunId run, std::string_view what);

}  // namespace wellhead::app
