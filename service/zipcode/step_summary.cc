#include "service/zipcode/step_summary.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>

namespace wellhead::zipcode {
namespace {

using orchestration::StepDescription;

void add(StepSummary& summary, const StepDescription& step) {
  ++summary.steps;
  switch (step.state) {
    case StepDescription::State::completed:
      ++summary.completed;
      break;
    case StepDescription::State::failed:
      ++summary.failed;
      break;
    case StepDescription::State::cancelled:
      ++summary.cancelled;
      break;
    case StepDescription::State::scheduled:
      ++summary.running;
      break;
  }
  for (const auto& attempt : step.attempts) {
    if (!attempt.failure) continue;
    ++summary.failed_attempts;
    summary.last_error = attempt.failure->message;
  }
}

}  // namespace

std::optional<double> seconds_of(const StepDescription& step) {
  if (!step.scheduled_at || !step.ended_at) return std::nullopt;
  return std::chrono::duration<double>(*step.ended_at - *step.scheduled_at).count();
}

std::optional<Spread> spread_of(std::vector<double> seconds) {
  if (seconds.empty()) return std::nullopt;
  std::ranges::sort(seconds);
  return Spread{seconds.front(), seconds[seconds.size() / 2], seconds.back()};
}

std::vector<StepSummary> summarize(const std::vector<orchestration::WorkflowDescription>& executions) {
  std::vector<StepSummary> summaries;
  std::map<std::string, std::vector<double>> seconds;
  for (const auto& execution : executions) {
    for (const auto& step : execution.steps) {
      auto found = std::ranges::find(summaries, step.name, &StepSummary::name);
      if (found == summaries.end()) found = summaries.insert(found, StepSummary{.name = step.name});
      add(*found, step);
      const auto taken = seconds_of(step);
      if (taken && step.state == StepDescription::State::completed) seconds[step.name].push_back(*taken);
    }
  }
  for (auto& summary : summaries) {
    const auto spread = spread_of(std::move(seconds[summary.name]));
    if (!spread) continue;
    summary.seconds_min = spread->min;
    summary.seconds_median = spread->median;
    summary.seconds_max = spread->max;
  }
  return summaries;
}

}  // namespace wellhead::zipcode
