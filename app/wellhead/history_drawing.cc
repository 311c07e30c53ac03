// How `wellhead runs show` draws the history of a run.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <initializer_list>
#include <map>
#include <string_view>
#include <utility>

#include "app/wellhead/run_history.h"
#include "app/wellhead/table.h"
#include "service/zipcode/step_summary.h"

namespace wellhead::app {
namespace {

using orchestration::StepDescription;
using orchestration::WorkflowDescription;
using State = StepDescription::State;

constexpr std::size_t kFoldFrom = 4;
constexpr std::size_t kMostOfAKind = 20;  // that failed and stand alone

struct Interval {
  meta::Time from;
  meta::Time to;
};

double seconds(meta::Time from, meta::Time to) { return std::chrono::duration<double>(to - from).count(); }

// The time of the run as cells of the terminal, each of two halves.
class TimeAxis {
 public:
  TimeAxis(const RunHistory& history, const DrawingOptions& options)
      : options_(options),
        from_(history.executions.front().started_at.value_or(history.executions.front().created_at)),
        to_(from_) {
    for (const auto& [id, execution] : history.retried) from_ = std::min(from_, execution.started_at.value_or(from_));
    for (const auto& execution : history.executions) {
      to_ = std::max(to_, execution.ended_at.value_or(options.now));
      for (const auto& step : execution.steps) from_ = std::min(from_, step.scheduled_at.value_or(from_));
    }
  }

  std::string title() const {
    const auto taken = seconds(from_, to_);
    const auto length = taken < 60 ? fmt::format("{:.1f} s", taken) : clock_time(taken);
    const auto blank = options_.bar_width > length.size() + 1 ? options_.bar_width - length.size() - 1 : 1;
    return "0" + std::string(blank, ' ') + length;
  }

  std::string bar(const std::vector<Interval>& intervals) const {
    std::vector<bool> halves(2 * options_.bar_width);
    for (const auto& interval : intervals) {
      const auto begin = std::min(half_of(interval.from), halves.size() - 1);
      const auto end = std::clamp(half_of(interval.to), begin + 1, halves.size());
      std::fill(halves.begin() + static_cast<std::ptrdiff_t>(begin), halves.begin() + static_cast<std::ptrdiff_t>(end),
                true);
    }
    std::string text;
    for (std::size_t cell = 0; cell < options_.bar_width; ++cell) text += glyph(halves[2 * cell], halves[2 * cell + 1]);
    return text;
  }

  meta::Time now() const { return options_.now; }

 private:
  std::size_t half_of(meta::Time time) const {
    const auto length = seconds(from_, to_);
    if (length <= 0) return 0;
    const auto share = std::clamp(seconds(from_, time) / length, 0.0, 1.0);
    return static_cast<std::size_t>(std::lround(share * 2 * static_cast<double>(options_.bar_width)));
  }
  std::string_view glyph(bool left, bool right) const {
    if (!left && !right) return " ";
    if (!options_.unicode) return "#";
    if (left && right) return "█";
    return left ? "▌" : "▐";
  }

  const DrawingOptions& options_;
  meta::Time from_;
  meta::Time to_;
};

// One line below an execution: a step, several alike, or how many more there are.
struct Branch {
  std::vector<const StepDescription*> steps;
  bool rest = false;
};

bool went_well(const StepDescription& step) {
  return step.kind == StepDescription::Kind::activity && step.state == State::completed && step.attempts.size() <= 1;
}

std::vector<Branch> branches_of(const WorkflowDescription& execution, bool all) {
  std::map<std::string, std::size_t> good;
  for (const auto& step : execution.steps) good[step.name] += went_well(step) ? 1 : 0;
  std::vector<Branch> branches;
  std::map<std::string, std::size_t> folded;  // the branch of each kind
  std::map<std::string, std::size_t> rest;
  std::map<std::string, std::size_t> bad;
  for (const auto& step : execution.steps) {
    const bool fold = !all && went_well(step) && good[step.name] >= kFoldFrom;
    const bool too_many = !all && !went_well(step) && ++bad[step.name] > kMostOfAKind;
    if (!fold && !too_many) {
      branches.push_back({{&step}});
      continue;
    }
    const auto [found, is_new] = (fold ? folded : rest).try_emplace(step.name, branches.size());
    if (is_new) branches.push_back({{}, too_many});
    branches[found->second].steps.push_back(&step);
  }
  return branches;
}

std::string seconds_text(const std::optional<double>& taken) { return taken ? fmt::format("{:.2f}", *taken) : "-"; }

Interval interval_of(const StepDescription& step, meta::Time now) {
  auto from = step.scheduled_at.value_or(now);
  if (!step.attempts.empty() && step.attempts.front().started_at) from = *step.attempts.front().started_at;
  return {from, step.ended_at.value_or(now)};
}

bool is_told_by_a_step(const WorkflowDescription& execution) {
  return std::ranges::any_of(execution.steps, [&](const StepDescription& step) {
    return std::ranges::any_of(step.attempts, [&](const orchestration::AttemptDescription& attempt) {
      return attempt.failure && attempt.failure->message == execution.failure->message;
    });
  });
}

class Drawing {
 public:
  Drawing(const RunHistory& history, const DrawingOptions& options)
      : history_(history), options_(options), axis_(history, options) {
    rows_.push_back({"STEP", "STATE", "ATTEMPTS", "SECONDS", axis_.title(), "ERROR"});
  }

  std::string draw() {
    for (const auto& execution : history_.executions) {
      add_retried(execution);
      add(execution, "");
    }
    using enum Align;
    auto text = format_table(rows_, {left, left, right, right, left, left});
    if (folded_) {
      text +=
          "Steps of a kind that went well are one line, with the seconds of the quickest / the median / the slowest; "
          "--all shows each.\n";
    }
    return text;
  }

 private:
  void add_retried(const WorkflowDescription& execution) {
    const auto before = history_.retried.find(execution.retried ? execution.previous.value_or("") : "");
    if (before == history_.retried.end()) return;
    add_retried(before->second);
    add(before->second, "");
  }

  // A child's row is that of the step that started it.
  void add(const WorkflowDescription& execution, const std::string& indent) {
    if (indent.empty()) add_row(execution);
    const auto branches = branches_of(execution, options_.all);
    for (std::size_t i = 0; i < branches.size(); ++i) add(branches[i], indent, i + 1 == branches.size());
  }

  void add_row(const WorkflowDescription& execution) {
    auto state = std::string(to_string(execution.state));
    std::string error;
    if (execution.failure && !is_told_by_a_step(execution)) error = execution.failure->message;
    if (!orchestration::is_end(execution.state)) {
      if (execution.paused) state = "paused";
      if (execution.blocked) state = "blocked";
      if (execution.blocked) error = execution.blocked->message;
    }
    std::optional<double> taken;
    std::string bar;
    if (execution.started_at) {
      const auto end = execution.ended_at.value_or(axis_.now());
      taken = seconds(*execution.started_at, end);
      bar = axis_.bar({{*execution.started_at, end}});
    }
    rows_.push_back(
        {execution.workflow_type + (execution.retried ? ", retried" : ""), state, "", seconds_text(taken), bar, error});
  }

  void add(const Branch& branch, const std::string& indent, bool last) {
    const std::string fork = options_.unicode ? (last ? "└─ " : "├─ ") : (last ? "`- " : "|- ");
    const std::string below = last ? "   " : (options_.unicode ? "│  " : "|  ");
    if (branch.steps.size() == 1 && !branch.rest) {
      add(*branch.steps.front(), indent + fork, indent + below);
      return;
    }
    folded_ = true;
    std::vector<Interval> intervals;
    std::vector<double> taken;
    for (const auto* step : branch.steps) {
      intervals.push_back(interval_of(*step, axis_.now()));
      if (const auto length = zipcode::seconds_of(*step)) taken.push_back(*length);
    }
    const auto spread = zipcode::spread_of(std::move(taken));
    const auto* times = options_.unicode ? "×" : "x";
    rows_.push_back({fmt::format("{}{}{} {} {}", indent, fork, branch.steps.size(), branch.rest ? "more" : times,
                                 branch.steps.front()->name),
                     branch.rest ? "--all" : "completed", "",
                     spread ? fmt::format("{:.2f} / {:.2f} / {:.2f}", spread->min, spread->median, spread->max) : "-",
                     axis_.bar(intervals), ""});
  }

  void add(const StepDescription& step, const std::string& name_indent, const std::string& indent) {
    std::string error;
    if (step.attempts.size() == 1 && step.attempts.front().failure) error = step.attempts.front().failure->message;
    rows_.push_back({name_indent + step.name, std::string(to_string(step.state)),
                     step.attempts.empty() ? "" : std::to_string(step.attempts.size()),
                     seconds_text(zipcode::seconds_of(step)), axis_.bar({interval_of(step, axis_.now())}), error});
    if (step.attempts.size() > 1) {
      for (const auto& attempt : step.attempts) add(attempt, indent);
    }
    if (const auto* child = history_.child(step)) add(*child, indent);
  }

  void add(const orchestration::AttemptDescription& attempt, const std::string& indent) {
    const auto end = attempt.ended_at.value_or(axis_.now());
    const auto start = attempt.started_at.value_or(end);
    rows_.push_back({fmt::format("{}attempt {}", indent, attempt.attempt), attempt.failure ? "failed" : "completed", "",
                     seconds_text(seconds(start, end)), axis_.bar({{start, end}}),
                     attempt.failure ? attempt.failure->message : ""});
  }

  const RunHistory& history_;
  const DrawingOptions& options_;
  TimeAxis axis_;
  bool folded_ = false;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace

std::string draw_history(const RunHistory& history, const DrawingOptions& options) {
  return history.executions.empty() ? "" : Drawing(history, options).draw();
}

bool locale_is_utf8() {
  for (const auto* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || *value == '\0') continue;
    const std::string_view locale(value);
    return std::ranges::any_of(
        std::initializer_list<std::string_view>{"UTF-8", "utf-8", "UTF8", "utf8"},
        [&](std::string_view name_of) { return locale.find(name_of) != std::string_view::npos; });
  }
  return false;
}

}  // namespace wellhead::app
