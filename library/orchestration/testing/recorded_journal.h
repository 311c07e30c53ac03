// Journals of workflows that really ran, kept as files beside the workflow (testdata/NAME.journal.ndjson) and replayed
// by its tests: whoever changes the workflow learns at once that runs under way could not go on.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "library/orchestration/journal.h"
#include "library/orchestration/registry.h"

namespace wellhead::orchestration::testing {

struct RecordedJournal {
  WorkflowRecord record;  // type, ids, seed and input
  std::vector<Event> events;
};

// One line for the execution, then one for each event.
void write_journal(const std::filesystem::path& file, const WorkflowRecord& record, const std::vector<Event>& events);
// std::runtime_error when it cannot be read.
RecordedJournal read_journal(const std::filesystem::path& file);

// Runs the journal through the registered workflow; throws Error{nondeterminism} where the two differ.
void replay_journal(const RecordedJournal& journal, const Registry& registry);

}  // namespace wellhead::orchestration::testing
