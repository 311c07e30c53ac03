// The journals of loads that ran, replayed: complete, retried after a failure, continued as new, scheduled.
#include "service/zipcode/load_workflow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "library/orchestration/testing/recorded_journal.h"
#include "service/zipcode/scheduled_load.h"

namespace wellhead::zipcode {
namespace {

using orchestration::EventKind;
using orchestration::testing::read_journal;
using orchestration::testing::RecordedJournal;
using orchestration::testing::replay_journal;

std::vector<std::filesystem::path> recorded() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(WELLHEAD_SOURCE_DIR "/service/zipcode/testdata")) {
    if (entry.path().string().ends_with(".journal.ndjson")) files.push_back(entry.path());
  }
  std::ranges::sort(files);
  return files;
}

orchestration::Registry workflows() {
  orchestration::Registry registry;
  registry.add_workflow(kLoadZipcode, load_zipcode);
  registry.add_workflow(kScheduledLoad, scheduled_load);
  return registry;
}

class RecordedLoad : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(RecordedLoad, CanGoOnWithThisProgram) {
  const RecordedJournal journal = read_journal(GetParam());
  EXPECT_GT(journal.events.size(), 5U);
  const auto registry = workflows();
  EXPECT_NO_THROW(replay_journal(journal, registry));
  // And from every turn on: each prefix is what a crash may have left.
  RecordedJournal prefix = journal;
  for (auto length = journal.events.size(); length > 0; --length) {
    if (!is_job(journal.events[length - 1].kind)) continue;
    prefix.events.resize(length);
    EXPECT_NO_THROW(replay_journal(prefix, registry)) << "after " << length << " events";
  }
}

TEST_P(RecordedLoad, AChangedStepIsNoticed) {
  RecordedJournal journal = read_journal(GetParam());
  const auto step = std::ranges::find(journal.events, EventKind::activity_scheduled, &orchestration::Event::kind);
  ASSERT_NE(step, journal.events.end());
  step->name = "another_step";
  EXPECT_THROW(replay_journal(journal, workflows()), meta::Error);
}

INSTANTIATE_TEST_SUITE_P(Testdata, RecordedLoad, ::testing::ValuesIn(recorded()), [](const auto& file) {
  const std::string name = file.param.filename().string();
  return name.substr(0, name.find('.'));
});

TEST(RecordedLoads, AreThere) { EXPECT_GE(recorded().size(), 5U); }

}  // namespace
}  // namespace wellhead::zipcode
