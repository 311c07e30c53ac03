// Places at which a test ends or stops this process: just before and just after a commit. They exist in test builds
// only (CMake option WELLHEAD_FAIL_POINTS); elsewhere fail_point() is empty and kFailPoints false.
// docs/design/faults.md lists the places.
//
//   WELLHEAD_FAIL_POINT=stage_patients.before:3        SIGKILL when stage_patients.before is passed for the third time
//   WELLHEAD_FAIL_POINT=load.before:1:stop             SIGSTOP instead; the process goes on at SIGCONT
//   WELLHEAD_FAIL_POINT_LOG=/tmp/passed                appends a line with the name of each point that is passed
//
// The environment is read once. Thread-safe; throws Error{invalid_setting} when the variable is malformed.
#pragma once

#include <string_view>

namespace wellhead::meta {

#ifdef WELLHEAD_FAIL_POINTS
inline constexpr bool kFailPoints = true;
void fail_point(std::string_view place, std::string_view moment);
#else
inline constexpr bool kFailPoints = false;
inline void fail_point(std::string_view, std::string_view) {}
#endif

// Begins the names of both variables; they are no settings.
inline constexpr std::string_view kFailPointVariables = "WELLHEAD_FAIL_POINT";

}  // namespace wellhead::meta
