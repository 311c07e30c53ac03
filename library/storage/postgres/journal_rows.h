// Rows of the journal's tables as the orchestration port's values, and back.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "library/orchestration/journal.h"
#include "library/storage/postgres/connection.h"

namespace wellhead::storage {

// An execution's id as the journal gives it out; nullopt for any other text.
std::optional<std::int64_t> parse_execution(const std::string& execution_id);

// The columns that workflow_records() reads, from wellhead_journal.workflow AS w; ends with WHERE.
extern const std::string_view kSelectRecord;
std::vector<orchestration::WorkflowRecord> workflow_records(const Result& result);

// All events of execution $1, for history_of().
extern const std::string_view kSelectHistory;
// Error{journal_damaged}: an event is missing, or differs from its digest. Error{database_version}: of an unknown kind.
std::vector<orchestration::Event> history_of(const std::string& execution_id, const Result& result);

// Writes the events of EventColumns, in the parameters $1 to $10; those that are there already are left alone.
extern const std::string_view kInsertEvents;

// Events as arrays, one a column of wellhead_journal.event.
class EventColumns {
 public:
  void add(std::int64_t execution, const orchestration::Event& event);
  std::vector<Value> parameters() const;

 private:
  std::vector<std::int64_t> executions_, numbers_, sequences_, attempts_;
  std::vector<std::string> kinds_, names_, starts_, times_, payloads_, digests_;
};

}  // namespace wellhead::storage
