// Histories of loads that ran on a Temporal server, replayed by its core and this program's workflows: what is under
// way when a new version is started can go on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/orchestration/temporal/history_replay.h"
#include "service/zipcode/load_workflow.h"
#include "service/zipcode/scheduled_load.h"
#include "tests/fixture/thrown.h"
#include "tests/functional/temporal_histories.h"

namespace wellhead::functional {
namespace {

using orchestration::Registry;
using orchestration::temporal_engine::replay_history;

// The activities are known, and not run.
Registry program() {
  using namespace zipcode;  // NOLINT: all of its names
  Registry registry;
  registry.add_workflow(kLoadZipcode, load_zipcode);
  registry.add_workflow(kScheduledLoad, scheduled_load);
  const auto know = [&registry]<class In, class Out>(const orchestration::ActivityName<In, Out>& name) {
    registry.add_activity(name, [](orchestration::ActivityContext&, const In&) { return Out{}; });
  };
  know(kBeginLoad);
  know(kExtractPatients);
  know(kExtractObservations);
  know(kExtractResources);
  know(kLoadStaged);
  know(kCheckTotals);
  know(kIssueReceipt);
  know(kEndRun);
  know(kRequestRun);
  know(kLookAtRun);
  return registry;
}

std::string workflow_id_of(const ::temporal::api::history::v1::History& history) {
  return history.events(0).workflow_execution_started_event_attributes().workflow_id();
}

class RecordedHistory : public testing::TestWithParam<std::filesystem::path> {};

TEST_P(RecordedHistory, CanGoOnWithThisProgram) {
  const auto history = read_history(GetParam());
  EXPECT_GT(history.events_size(), 10);
  EXPECT_NO_THROW(replay_history(program(), workflow_id_of(history), history));
}

TEST_P(RecordedHistory, AChangedStepIsNoticedAndNamed) {
  auto history = read_history(GetParam());
  for (auto& event : *history.mutable_events()) {
    if (!event.has_activity_task_scheduled_event_attributes()) continue;
    event.mutable_activity_task_scheduled_event_attributes()->mutable_activity_type()->set_name("another_step");
    break;
  }
  const auto error = fixture::error_of([&] { replay_history(program(), workflow_id_of(history), history); });
  EXPECT_EQ(error.code(), meta::ErrorCode::nondeterminism);
  EXPECT_THAT(error.message(), testing::HasSubstr("another_step"));
}

TEST_P(RecordedHistory, AProgramWithoutItsWorkflowSaysSo) {
  const auto history = read_history(GetParam());
  const auto error = fixture::error_of([&] { replay_history(Registry(), workflow_id_of(history), history); });
  EXPECT_THAT(error.message(), testing::HasSubstr("load"));
}

INSTANTIATE_TEST_SUITE_P(Testdata, RecordedHistory, testing::ValuesIn(recorded_histories()),
                         [](const auto& file) { return file.param.stem().string(); });

TEST(RecordedHistories, AreThere) { EXPECT_GE(recorded_histories().size(), 2U); }

}  // namespace
}  // namespace wellhead::functional
