// The workflow that loads a zip code, and the names of its activities.
#pragma once

#include "library/orchestration/activity.h"
#include "library/orchestration/workflow.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

inline constexpr const char* kExtractionQueue = "extraction";
inline constexpr const char* kLoadingQueue = "loading";
// Answers LoadCounts.
inline constexpr const char* kProgressQuery = "progress";

extern const orchestration::WorkflowName<LoadZipcode, LoadOutcome> kLoadZipcode;

extern const orchestration::ActivityName<RunStep, LoadBegun> kBeginLoad;
extern const orchestration::ActivityName<ExtractPatients, ExtractedPatients> kExtractPatients;
extern const orchestration::ActivityName<ExtractObservations, ExtractedResources> kExtractObservations;
extern const orchestration::ActivityName<ExtractResources, ExtractedResources> kExtractResources;
extern const orchestration::ActivityName<LoadStaged, LoadedGroup> kLoadStaged;
extern const orchestration::ActivityName<RunStep, TotalsChecked> kCheckTotals;
extern const orchestration::ActivityName<RunStep, LoadOutcome> kIssueReceipt;
extern const orchestration::ActivityName<EndRun, Nothing> kEndRun;

// Extracts page by page and batch by batch while staged groups are loaded beside it; repeats the patient search once if
// the totals do not agree; ends with the receipt. A step that fails for good ends the run as failed.
orchestration::Workflow<LoadOutcome> load_zipcode(orchestration::WorkflowContext& flow, LoadZipcode request);

}  // namespace wellhead::zipcode
