// What an activity of a load logs says which run, zip code and step it is about:
//
//   const meta::LogScope scope(log_fields(activity.info()));
#pragma once

#include "library/meta/logging.h"
#include "library/orchestration/activity.h"

namespace wellhead::zipcode {

// Run and zip code as the workflow's id says them (workflow_id() in load.h); the step as activity/number:
// extract_patients/3.
meta::LogFields log_fields(const orchestration::ActivityInfo& info);

}  // namespace wellhead::zipcode
