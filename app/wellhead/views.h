// What the commands under `wellhead views` share.
#pragma once

#include "app/wellhead/command.h"

namespace wellhead::app {

void add_views_list(CLI::App& views, CommandLine& line);
void add_views_check(CLI::App& views, CommandLine& line);
void add_views_run(CLI::App& views, CommandLine& line);
void add_views_test(CLI::App& views, CommandLine& line);

}  // namespace wellhead::app
