// What the commands under `wellhead views` share.
#pragma once

#include "app/wellhead/command.h"

namespace wellhead::app {

void add_views_list(const Command& views, CommandLine& line);
void add_views_check(const Command& views, CommandLine& line);
void add_views_run(const Command& views, CommandLine& line);
void add_views_test(const Command& views, CommandLine& line);

}  // namespace wellhead::app
