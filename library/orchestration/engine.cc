#include "library/orchestration/engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "library/orchestration/journal.h"

namespace wellhead::orchestration {
namespace {

constexpr std::array<std::string_view, 6> kWorkflowStates = {"queued", "running",   "completed",
                                                             "failed", "cancelled", "continued"};
constexpr std::array<std::string_view, 4> kStepStates = {"scheduled", "completed", "failed", "cancelled"};
constexpr std::array<std::string_view, 3> kStepKinds = {"activity", "timer", "child"};
constexpr auto kEventKinds = std::to_array<std::string_view>(
    {"workflow_started",   "activity_completed", "activity_failed", "timer_fired",        "cancel_requested",
     "child_completed",    "child_failed",       "signal_received", "activation",         "activity_scheduled",
     "activity_cancelled", "timer_started",      "timer_cancelled", "workflow_completed", "workflow_failed",
     "workflow_cancelled", "child_started",      "child_cancelled", "patch_marked",       "workflow_continued",
     "attempt_failed",     "heartbeat_recorded", "retried"});

template <class Enum, std::size_t Count>
Enum from_name(const std::array<std::string_view, Count>& names, std::string_view text) {
  const auto found = std::ranges::find(names, text);
  if (found == names.end()) {
    throw meta::Error(meta::ErrorCode::database_version,
                      fmt::format("the journal holds '{}', which this program does not know", text),
                      "It was written by a newer version: start that one");
  }
  return static_cast<Enum>(found - names.begin());
}

}  // namespace

std::string_view to_string(WorkflowState state) { return kWorkflowStates.at(static_cast<std::size_t>(state)); }

WorkflowState workflow_state_from_string(std::string_view text) {
  return from_name<WorkflowState>(kWorkflowStates, text);
}

std::string_view to_string(StepDescription::State state) { return kStepStates.at(static_cast<std::size_t>(state)); }

std::string_view to_string(StepDescription::Kind kind) { return kStepKinds.at(static_cast<std::size_t>(kind)); }

std::string_view to_string(EventKind kind) { return kEventKinds.at(static_cast<std::size_t>(kind)); }

EventKind event_kind_from_string(std::string_view text) { return from_name<EventKind>(kEventKinds, text); }

void Engine::throw_unless_completed(const WorkflowDescription& ended) {
  if (ended.state == WorkflowState::completed) return;
  if (ended.failure) throw to_error(*ended.failure);
  throw meta::Error(meta::ErrorCode::cancelled, fmt::format("workflow {} was cancelled", ended.workflow_id));
}

}  // namespace wellhead::orchestration
