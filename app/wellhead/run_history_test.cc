#include "app/wellhead/run_history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>

namespace wellhead::app {
namespace {

using orchestration::AttemptDescription;
using orchestration::Failure;
using orchestration::StepDescription;
using orchestration::WorkflowDescription;
using orchestration::WorkflowState;
using ::testing::HasSubstr;
using ::testing::Not;

meta::Time at(double second) { return meta::Time(std::chrono::microseconds(static_cast<std::int64_t>(second * 1e6))); }

StepDescription step(std::uint32_t sequence, const std::string& name, double from, double to) {
  StepDescription step{.sequence = sequence, .name = name, .state = StepDescription::State::completed};
  step.scheduled_at = at(from);
  step.ended_at = at(to);
  step.attempts = {{.attempt = 1, .started_at = at(from), .ended_at = at(to), .failure = std::nullopt}};
  return step;
}

StepDescription failing(std::uint32_t sequence, const std::string& name, double from, double to) {
  auto failed = step(sequence, name, from, to);
  failed.state = StepDescription::State::failed;
  failed.attempts.front().failure = Failure{.code = "source_failed", .message = "503 from the server"};
  return failed;
}

WorkflowDescription execution(std::vector<StepDescription> steps, double from, double to) {
  WorkflowDescription execution;
  execution.workflow_type = "load_zipcode";
  execution.workflow_id = "load-zipcode/02139/1";
  execution.execution_id = "1";
  execution.state = WorkflowState::completed;
  execution.started_at = at(from);
  execution.ended_at = at(to);
  execution.steps = std::move(steps);
  return execution;
}

constexpr DrawingOptions kPlain{.unicode = false, .all = false, .bar_width = 10, .now = meta::Time{}};
constexpr DrawingOptions kUnicode{.unicode = true, .all = false, .bar_width = 10, .now = meta::Time{}};

TEST(RunHistory, IsATreeWithBarsOnTheTimeOfTheRun) {
  const RunHistory history{
      {execution({step(1, "begin_load", 0, 2.5), step(2, "issue_receipt", 5, 10)}, 0, 10)}, {}, {}};
  EXPECT_EQ(draw_history(history, kPlain),
            "STEP              STATE      ATTEMPTS  SECONDS  0   10.0 s  ERROR\n"
            "load_zipcode      completed              10.00  ##########\n"
            "|- begin_load     completed         1     2.50  ###\n"
            "`- issue_receipt  completed         1     5.00       #####\n");
  EXPECT_EQ(draw_history(history, kUnicode),
            "STEP              STATE      ATTEMPTS  SECONDS  0   10.0 s  ERROR\n"
            "load_zipcode      completed              10.00  ██████████\n"
            "├─ begin_load     completed         1     2.50  ██▌\n"
            "└─ issue_receipt  completed         1     5.00       █████\n");
}

TEST(RunHistory, FoldsWhatWentWellAndShowsWhatFailedAlone) {
  std::vector<StepDescription> steps;
  steps.reserve(100);
  for (std::uint32_t i = 0; i < 6; ++i) steps.push_back(step(i + 1, "extract", i, i + 1.0 + 0.1 * i));
  steps.push_back(failing(7, "extract", 6, 8));
  const RunHistory history{{execution(std::move(steps), 0, 10)}, {}, {}};
  const auto folded = draw_history(history, kPlain);
  EXPECT_THAT(folded, HasSubstr("|- 6 x extract  completed            1.00 / 1.30 / 1.50  #######\n"));
  EXPECT_THAT(folded,
              HasSubstr("`- extract      failed            1                2.00        ##    503 from the server"));
  auto all = kPlain;
  all.all = true;
  const auto unfolded = draw_history(history, all);
  EXPECT_THAT(unfolded, Not(HasSubstr("6 x")));
  EXPECT_EQ(std::ranges::count(unfolded, '\n'), 9);
}

TEST(RunHistory, BoundsTheStepsThatFailed) {
  std::vector<StepDescription> steps;
  steps.reserve(100);
  for (std::uint32_t i = 0; i < 100; ++i) steps.push_back(failing(i + 1, "extract", i, i + 1.0));
  const auto text = draw_history({{execution(std::move(steps), 0, 100)}, {}, {}}, kPlain);
  EXPECT_THAT(text, HasSubstr("80 more extract"));
  EXPECT_LT(std::ranges::count(text, '\n'), 30);
}

TEST(RunHistory, ShowsAttemptsBelowTheirStep) {
  auto retried = step(1, "extract", 0, 10);
  retried.attempts = {{.attempt = 1, .started_at = at(0), .ended_at = at(2), .failure = Failure{.message = "503"}},
                      {.attempt = 2, .started_at = at(5), .ended_at = at(10), .failure = std::nullopt}};
  const auto text = draw_history({{execution({retried, step(2, "end", 10, 10)}, 0, 10)}, {}, {}}, kPlain);
  EXPECT_THAT(text, HasSubstr("|- extract    completed         2    10.00  ##########\n"
                              "|  attempt 1  failed                  2.00  ##          503\n"
                              "|  attempt 2  completed               5.00       #####\n"));
}

TEST(RunHistory, ShowsExecutionsThatGoOnAndChildren) {
  auto first = execution({step(1, "extract", 0, 4)}, 0, 5);
  first.state = WorkflowState::continued;
  auto second = execution({}, 5, 10);
  second.execution_id = "2";
  second.previous = "1";
  second.state = WorkflowState::running;
  second.paused = true;
  auto parent = step(1, "sweep", 5, 9);
  parent.kind = StepDescription::Kind::child;
  parent.child_workflow_id = "sweep/1";
  second.steps = {parent};
  auto child = execution({step(1, "delete_rows", 6, 8)}, 5, 9);
  child.workflow_id = "sweep/1";
  const RunHistory history{{first, second}, {{"sweep/1", child}}, {}};
  EXPECT_EQ(draw_history(history, kPlain),
            "STEP               STATE      ATTEMPTS  SECONDS  0   10.0 s  ERROR\n"
            "load_zipcode       continued               5.00  #####\n"
            "`- extract         completed         1     4.00  ####\n"
            "load_zipcode       paused                  5.00       #####\n"
            "`- sweep           completed         1     4.00       ####\n"
            "   `- delete_rows  completed         1     2.00        ##\n");
  const auto steps = shown_steps(history);
  ASSERT_EQ(steps.size(), 3U);
  EXPECT_EQ(steps[1].kind, "child");
  EXPECT_EQ(shown_executions(history)[1].previous, "1");
  EXPECT_TRUE(shown_executions(history)[1].paused);
}

TEST(RunHistory, ShowsWhatWasRetriedBefore) {
  auto before = execution({failing(2, "extract", 1, 2)}, 0, 2);
  before.state = WorkflowState::failed;
  before.failure = before.steps.front().attempts.front().failure;
  auto after = execution({step(1, "begin_load", 0, 1), step(2, "extract", 8, 10)}, 8, 10);
  after.execution_id = "2";
  after.previous = "1";
  after.retried = true;
  const RunHistory history{{after}, {}, {{"1", before}}};
  EXPECT_EQ(draw_history(history, kPlain),
            "STEP                   STATE      ATTEMPTS  SECONDS  0   10.0 s  ERROR\n"
            "load_zipcode           failed                  2.00  ##\n"
            "`- extract             failed            1     1.00   #          503 from the server\n"
            "load_zipcode, retried  completed               2.00          ##\n"
            "|- begin_load          completed         1     1.00  #\n"
            "`- extract             completed         1     2.00          ##\n");
  EXPECT_EQ(shown_executions(history).size(), 2U);
}

TEST(RunHistory, IsEmptyBeforeItBegins) { EXPECT_EQ(draw_history({}, kPlain), ""); }

}  // namespace
}  // namespace wellhead::app
