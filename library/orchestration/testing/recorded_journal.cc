#include "library/orchestration/testing/recorded_journal.h"

#include <fstream>
#include <stdexcept>
#include <string>

#include "library/orchestration/replay.h"

namespace wellhead::orchestration::testing {
namespace {

struct ExecutionLine {
  std::string workflow_type, workflow_id, execution_id;
  std::uint64_t random_seed = 0;

  static constexpr auto kFields = meta::fields(meta::field("workflow_type", &ExecutionLine::workflow_type),
                                               meta::field("workflow_id", &ExecutionLine::workflow_id),
                                               meta::field("execution_id", &ExecutionLine::execution_id),
                                               meta::field("random_seed", &ExecutionLine::random_seed));
};

struct EventLine {
  std::string kind;
  Sequence sequence = 0;
  std::string name;
  int attempt = 0;
  std::int64_t at = 0;  // microseconds since 1970
  Payload payload;

  static constexpr auto kFields =
      meta::fields(meta::field("kind", &EventLine::kind), meta::field("sequence", &EventLine::sequence),
                   meta::field("name", &EventLine::name), meta::field("attempt", &EventLine::attempt),
                   meta::field("at", &EventLine::at), meta::field("payload", &EventLine::payload));
};

}  // namespace

void write_journal(const std::filesystem::path& file, const WorkflowRecord& record, const std::vector<Event>& events) {
  std::ofstream out(file);
  out << meta::to_json(ExecutionLine{record.workflow_type, record.workflow_id, record.execution_id, record.random_seed})
      << '\n';
  for (const Event& event : events) {
    out << meta::to_json(EventLine{std::string(to_string(event.kind)), event.sequence, event.name, event.attempt,
                                   event.at.time_since_epoch().count(), event.payload})
        << '\n';
  }
  if (!out.flush()) throw std::runtime_error("cannot write " + file.string());
}

RecordedJournal read_journal(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string line;
  if (!std::getline(in, line)) throw std::runtime_error("cannot read " + file.string());
  const auto execution = meta::from_json<ExecutionLine>(line);
  RecordedJournal journal;
  journal.record.workflow_type = execution.workflow_type;
  journal.record.workflow_id = execution.workflow_id;
  journal.record.execution_id = execution.execution_id;
  journal.record.random_seed = execution.random_seed;
  while (std::getline(in, line)) {
    auto event = meta::from_json<EventLine>(line);
    journal.events.push_back({.number = static_cast<std::int64_t>(journal.events.size()) + 1,
                              .kind = event_kind_from_string(event.kind),
                              .sequence = event.sequence,
                              .name = std::move(event.name),
                              .attempt = event.attempt,
                              .at = meta::Time(std::chrono::microseconds(event.at)),
                              .payload = std::move(event.payload)});
  }
  return journal;
}

void replay_journal(const RecordedJournal& journal, const Registry& registry) {
  const WorkflowRecord& record = journal.record;
  WorkflowRun run(registry, {record.workflow_type, record.workflow_id, record.execution_id});
  replay(run, journal.events, record.random_seed);
}

}  // namespace wellhead::orchestration::testing
