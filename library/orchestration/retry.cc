// What is kept of a history when its run goes on from the step that failed.
#include <algorithm>
#include <set>

#include "library/orchestration/replay.h"

namespace wellhead::orchestration {
namespace {

bool is_failure(const Event& event) {
  return event.kind == EventKind::activity_failed || event.kind == EventKind::child_failed;
}

bool is_result(const Event& event) {
  return event.kind == EventKind::activity_completed || event.kind == EventKind::child_completed;
}

// The event because of which the execution ended: the failure of the step that its own failure names, or the first
// request to cancel. None when the workflow's own code threw: then its last turn is taken again.
std::size_t cause_of_end(std::span<const Event> history) {
  const Event& last = history.back();
  if (last.kind == EventKind::workflow_failed) {
    const auto failure = meta::from_json<Failure>(last.payload);
    const auto found = std::ranges::find_if(
        history, [&](const Event& event) { return is_failure(event) && event.sequence == failure.sequence; });
    return static_cast<std::size_t>(found - history.begin());
  }
  const auto found = std::ranges::find(history, EventKind::cancel_requested, &Event::kind);
  return static_cast<std::size_t>(found - history.begin());
}

// The activation whose turn is the first that is not kept.
std::size_t first_lost_turn(std::span<const Event> history) {
  const std::size_t cause = cause_of_end(history);
  if (cause < history.size()) {
    const auto turn = std::ranges::find(history.subspan(cause), EventKind::activation, &Event::kind);
    return static_cast<std::size_t>(turn - history.begin());
  }
  for (std::size_t index = history.size(); index-- > 0;) {
    if (history[index].kind == EventKind::activation) return index;
  }
  return history.size();
}

// Where the jobs of a turn begin: after what the turn before has commanded.
std::size_t first_job(std::span<const Event> history, std::size_t activation) {
  while (activation > 0 && (is_job(history[activation - 1].kind) || is_note(history[activation - 1].kind)))
    --activation;
  return activation;
}

}  // namespace

std::vector<Event> history_to_retry(std::span<const Event> history, meta::Time now) {
  std::vector<Event> kept;
  const auto keep = [&](const Event& event) {
    kept.push_back(event);
    kept.back().number = static_cast<std::int64_t>(kept.size());
  };
  if (history.empty()) return kept;
  const std::size_t lost_turn = first_lost_turn(history);
  const std::size_t whole = first_job(history, lost_turn);
  std::set<Sequence> known;  // steps that the kept turns have scheduled
  for (const Event& event : history.first(whole)) {
    keep(event);
    if (is_command(event.kind)) known.insert(event.sequence);
  }
  for (const Event& event : history.subspan(whole, lost_turn - whole)) {
    if (!is_failure(event) && event.kind != EventKind::cancel_requested) keep(event);
  }
  for (const Event& event : history.subspan(lost_turn)) {
    if (event.kind == EventKind::signal_received || (is_result(event) && known.contains(event.sequence))) keep(event);
  }
  keep({.kind = EventKind::retried, .at = now});
  return kept;
}

}  // namespace wellhead::orchestration
