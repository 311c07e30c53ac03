#include "library/orchestration/embedded/embedded_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <thread>

#include "library/orchestration/embedded/crash_job.h"
#include "library/orchestration/replay.h"
#include "library/orchestration/testing/conformance.h"
#include "library/storage/postgres/journal.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"
#include "tests/fixture/process.h"

namespace wellhead::orchestration::testing {
namespace {

using embedded::EmbeddedEngine;
using std::chrono::milliseconds;
using storage::Connection;
using storage::PostgresJournal;

class MigratedDatabase : public fixture::TestDatabase {
 public:
  MigratedDatabase() {
    Connection connection = connect();
    storage::migrate(connection);
  }
};

class PostgresHome final : public EngineHome {
 public:
  std::unique_ptr<Engine> start(const Registry& registry) override {
    auto engine = make(registry);
    EXPECT_TRUE(engine->try_own());
    return engine;
  }
  std::unique_ptr<Engine> client(const Registry& registry) override { return make(registry); }

 private:
  std::unique_ptr<EmbeddedEngine> make(const Registry& registry) {
    journal_ = std::make_unique<PostgresJournal>(database_.url());
    return std::make_unique<EmbeddedEngine>(
        *journal_, registry,
        embedded::EmbeddedEngineOptions{
            .slots = {{"default", 3}}, .maximum_workflows = 4, .poll_interval = milliseconds(10)});
  }

  MigratedDatabase database_;
  std::unique_ptr<PostgresJournal> journal_;
};

WELLHEAD_ENGINE_CONFORMANCE(Postgres, EngineFactory([] { return std::make_unique<PostgresHome>(); }));

// ---- a process that is killed

class Crash : public ::testing::Test {
 protected:
  Crash() : database_(), connection_(database_.connect()), journal_(database_.url()) {
    connection_.execute("CREATE TABLE note (step integer NOT NULL, epoch bigint NOT NULL)");
    execution_ = journal_.start(embedded::kCrashJob.name, "crash", std::to_string(embedded::kRounds));
  }

  std::int64_t number(const std::string& sql) { return connection_.query(sql).integer(0, 0); }
  std::unique_ptr<fixture::Process> run_program() {
    return std::make_unique<fixture::Process>(WELLHEAD_CRASH_PROGRAM,
                                              std::vector<std::string>{database_.url(), execution_.execution_id},
                                              std::map<std::string, std::string>{});
  }
  std::int64_t completed_steps() {
    return number("SELECT count(*) FROM wellhead_journal.event WHERE kind = 'activity_completed'");
  }
  // Until that many steps are done, or the program has ended.
  void wait_for_steps(fixture::Process& program, std::int64_t count) {
    while (program.running() && completed_steps() < count) std::this_thread::yield();
  }

  MigratedDatabase database_;
  Connection connection_;
  PostgresJournal journal_;
  Execution execution_;
};

TEST_F(Crash, KilledAgainAndAgainItFinishesAndRepeatsNoFinishedStep) {
  int kills = 0;
  for (std::int64_t goal = 1; goal < 3 * embedded::kRounds; goal += 20) {
    const auto program = run_program();
    wait_for_steps(*program, goal);
    // Steps whose completion is in the journal now must never run again.
    connection_.execute(
        "CREATE TABLE IF NOT EXISTS finished (step integer PRIMARY KEY, epoch bigint);"
        "INSERT INTO finished SELECT e.payload::integer, (SELECT epoch FROM wellhead_journal.lease)"
        " FROM wellhead_journal.event e WHERE e.kind = 'activity_completed' ON CONFLICT DO NOTHING");
    if (!program->running()) break;
    program->signal(SIGKILL);
    EXPECT_EQ(program->wait(), 128 + SIGKILL);
    ++kills;
  }
  EXPECT_GE(kills, 3);
  EXPECT_EQ(run_program()->wait(), 0);

  const auto ended =
      describe_history(*journal_.find(execution_.execution_id), journal_.history(execution_.execution_id));
  EXPECT_EQ(ended.state, WorkflowState::completed);
  const int steps = 3 * embedded::kRounds;
  EXPECT_EQ(ended.result, std::to_string(steps * (steps - 1) / 2));
  EXPECT_EQ(number("SELECT count(DISTINCT step) FROM note"), steps);
  EXPECT_EQ(number("SELECT count(*) FROM note n JOIN finished f USING (step) WHERE n.epoch > f.epoch"), 0);
  // Only what was in flight at a kill ran twice: at most three steps each time.
  EXPECT_LE(number("SELECT count(*) FROM note"), steps + 3 * kills);
}

TEST_F(Crash, ASuccessorTakesOverAtOnceWhenTheOwnerIsKilled) {
  const auto program = run_program();
  wait_for_steps(*program, 1);
  ASSERT_TRUE(program->running());
  EXPECT_EQ(journal_.acquire_lease("impatient", milliseconds(1'000)), std::nullopt);
  const auto before = std::chrono::steady_clock::now();
  program->signal(SIGKILL);
  std::optional<std::int64_t> epoch;
  while (!epoch) epoch = journal_.acquire_lease("successor", milliseconds(1'000));
  // The lease itself would last for ten seconds.
  EXPECT_LT(std::chrono::steady_clock::now() - before, std::chrono::seconds(5));
}

TEST_F(Crash, AnOwnerThatSleptPastItsLeaseWritesNothing) {
  const auto program = run_program();
  wait_for_steps(*program, 5);
  ASSERT_TRUE(program->running());
  program->signal(SIGSTOP);
  connection_.execute("UPDATE wellhead_journal.lease SET expires_at = now() - interval '1 second'");
  const auto epoch = journal_.acquire_lease("successor", std::chrono::hours(1));
  ASSERT_TRUE(epoch);
  const auto events = number("SELECT count(*) FROM wellhead_journal.event");
  const auto notes = number("SELECT count(*) FROM note");
  program->signal(SIGCONT);
  // It competes for the lease and follows the run; asked to end, it does.
  while (number("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'wellhead lease' AND state = 'idle' "
                "AND query LIKE '%pg_try_advisory_xact_lock%' AND datname = current_database()") == 0) {
    std::this_thread::yield();
  }
  EXPECT_EQ(number("SELECT count(*) FROM wellhead_journal.event"), events);
  EXPECT_EQ(number("SELECT count(*) FROM note"), notes);
  journal_.release_lease(*epoch);
  EXPECT_EQ(program->wait(), 0);
  EXPECT_EQ(number("SELECT count(DISTINCT step) FROM note"), 3 * embedded::kRounds);
}

TEST_F(Crash, TwoProcessesShareTheWorkWithoutDoingItTwice) {
  const auto first = run_program();
  const auto second = run_program();
  EXPECT_EQ(first->wait(), 0);
  EXPECT_EQ(second->wait(), 0);
  EXPECT_EQ(number("SELECT count(*) FROM note"), 3 * embedded::kRounds);
}

TEST_F(Crash, WorkQueuedByAProcessThatIsNotTheOwnerIsNoticed) {
  Registry registry;
  embedded::add_crash_job(registry, database_.url());
  EmbeddedEngine owner(journal_, registry);
  ASSERT_TRUE(owner.try_own());
  PostgresJournal elsewhere(database_.url());
  const auto queued = elsewhere.start(embedded::kCrashJob.name, "from elsewhere", "1");
  EXPECT_EQ(owner.wait(queued.execution_id).result, "3");
}

// ---- a journal that is not as this program wrote it

class ForeignJournal : public Crash {
 protected:
  // The run of the crash job is open in the journal, with some steps done, and another has been queued.
  ForeignJournal() {
    const auto program = run_program();
    wait_for_steps(*program, 5);
    program->signal(SIGKILL);
    program->wait();
    other_ = journal_.start(embedded::kCrashJob.name, "other", "1");
    embedded::add_crash_job(registry_, database_.url());
  }
  // The damaged run is blocked with a message; the other is not concerned.
  std::string message_of_blocked() {
    EmbeddedEngine engine(journal_, registry_);
    EXPECT_TRUE(engine.try_own());
    EXPECT_EQ(engine.wait(other_.execution_id).state, WorkflowState::completed);
    while (!journal_.find(execution_.execution_id)->blocked) std::this_thread::yield();
    return journal_.find(execution_.execution_id)->blocked->message;
  }

  Registry registry_;
  Execution other_;
};

TEST_F(ForeignJournal, ARowEditedByHandIsNoticedAndBlocksThatRunAlone) {
  const std::string where = " WHERE execution_id = " + execution_.execution_id + " AND number = 3";
  connection_.execute("UPDATE wellhead_journal.event SET payload = payload || ' '" + where);
  EXPECT_THAT(message_of_blocked(), ::testing::HasSubstr("event 3 of execution"));
  EXPECT_THROW(journal_.history(execution_.execution_id), meta::Error);
  // Put right again, the run goes on.
  connection_.execute("UPDATE wellhead_journal.event SET payload = rtrim(payload)" + where);
  EXPECT_EQ(run_program()->wait(), 0);
}

TEST_F(ForeignJournal, AMissingRowIsNoticed) {
  connection_.execute("DELETE FROM wellhead_journal.event WHERE number = 2 AND execution_id = " +
                      execution_.execution_id);
  EXPECT_THAT(message_of_blocked(), ::testing::HasSubstr("is missing"));
}

TEST_F(ForeignJournal, AnEventOfANewerVersionBlocksThatRunAlone) {
  connection_.execute(
      "UPDATE wellhead_journal.event SET kind = 'from_the_future', digest = NULL WHERE number = 2 "
      "AND execution_id = " +
      execution_.execution_id);
  EXPECT_THAT(message_of_blocked(), ::testing::HasSubstr("from_the_future"));
}

TEST_F(Crash, ABrokenDatabaseConnectionIsReplaced) {
  Registry registry;
  embedded::add_crash_job(registry, database_.url());
  EmbeddedEngine owner(journal_, registry);
  ASSERT_TRUE(owner.try_own());
  while (completed_steps() < 10) std::this_thread::yield();
  connection_.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
      "WHERE application_name LIKE 'wellhead %' AND datname = current_database()");
  EXPECT_EQ(owner.wait(execution_.execution_id).state, WorkflowState::completed);
  EXPECT_EQ(number("SELECT count(*) FROM note"), 3 * embedded::kRounds);
}

}  // namespace
}  // namespace wellhead::orchestration::testing
