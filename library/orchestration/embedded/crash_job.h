// The workflow of the crash tests: rounds of three overlapping steps, each of which writes a row. Its code is compiled
// into the test and into the program that the test kills.
#pragma once

#include <string>

#include "library/orchestration/registry.h"

namespace wellhead::orchestration::embedded {

inline constexpr int kRounds = 60;
inline const WorkflowName<int, int> kCrashJob{"crash_job"};

// Steps write to `note (step integer, epoch bigint)` of that database.
void add_crash_job(Registry& registry, const std::string& url);

}  // namespace wellhead::orchestration::embedded
