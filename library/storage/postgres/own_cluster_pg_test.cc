#include "library/storage/postgres/own_cluster.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <libpq-fe.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <functional>
#include <thread>

#include "library/meta/error.h"
#include "library/storage/postgres/client_environment.h"
#include "library/storage/postgres/cluster_layout.h"
#include "library/storage/postgres/cluster_server.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/postmaster.h"
#include "tests/fixture/directory.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Pair;

class OwnClusterTest : public ::testing::Test {
 protected:
  void SetUp() override { fs::permissions(scratch_.path(), fs::perms(0755)); }
  void TearDown() override {
    for (const auto& [version, programs] : installed_versions("/usr/lib/postgresql")) {
      const auto data = directory() / std::to_string(version);
      if (const auto pid = find_postmaster(data)) ::kill(*pid, SIGQUIT);
      if (fs::exists(data)) end_orphans(data, choose_server_user(directory()));
    }
  }

  OwnClusterOptions options() const { return {.home = home_}; }
  fs::path directory() const { return home_ / "postgres"; }
  ClusterLayout layout() const { return choose_layout(directory(), "/usr/lib/postgresql"); }
  bool runs() const { return find_postmaster(layout().data).has_value(); }
  pid_t postmaster() const { return find_postmaster(layout().data).value(); }

  static std::string ask(const OwnCluster& cluster, std::string_view sql) {
    return std::string(Connection(cluster.url()).query(sql).text(0, 0));
  }
  static void wait_until(const std::function<bool()>& condition) {
    for (int i = 0; i < 1500 && !condition(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ASSERT_TRUE(condition());
  }
  meta::Error failure(OwnClusterOptions options) const {
    try {
      OwnCluster cluster(std::move(options));
    } catch (const meta::Error& error) {
      return error;
    }
    return {meta::ErrorCode::internal, "nothing was thrown"};
  }

  fixture::TestDirectory scratch_;
  fs::path home_ = scratch_.path() / "home";
};

TEST_F(OwnClusterTest, StartsOnDemandAndStops) {
  OwnCluster cluster(options());
  EXPECT_TRUE(cluster.started_here());
  EXPECT_GE(cluster.major_version(), 15);
  EXPECT_EQ(ask(cluster, "SELECT current_database() || current_user"), "wellheadwellhead");
  EXPECT_EQ(ask(cluster, "SHOW listen_addresses"), "");
  EXPECT_EQ(ask(cluster, "SHOW dynamic_shared_memory_type"), "mmap");
  EXPECT_EQ(ask(cluster, "SHOW jit"), "off");
  EXPECT_EQ(ask(cluster, "SHOW server_encoding"), "UTF8");
  EXPECT_TRUE(runs());
  cluster.release();
  EXPECT_FALSE(runs());
  EXPECT_FALSE(fs::exists(layout().socket()));
}

TEST_F(OwnClusterTest, KeepsDataAndLocalSettings) {
  {
    OwnCluster first(options());
    Connection(first.url()).execute("CREATE TABLE kept AS SELECT 7 AS number");
  }
  std::ofstream(layout().data / "postgresql.local.conf") << "work_mem = 5MB\n";
  fs::permissions(layout().data / "postgresql.local.conf", fs::perms(0644));
  OwnCluster second(options());
  EXPECT_EQ(ask(second, "SELECT number FROM kept"), "7");
  EXPECT_EQ(ask(second, "SHOW work_mem"), "5MB");
}

TEST_F(OwnClusterTest, IsSharedAndStoppedByTheLast) {
  OwnCluster first(options());
  OwnCluster second(options());
  EXPECT_FALSE(second.started_here());
  first.release();
  EXPECT_EQ(ask(second, "SELECT 1"), "1");
  OwnCluster third(options());
  second.release();
  EXPECT_EQ(ask(third, "SELECT 1"), "1");
  third.release();
  EXPECT_FALSE(runs());
}

TEST_F(OwnClusterTest, IsStartedOnceByManyAtATime) {
  std::atomic<int> starts = 0;
  std::atomic<int> ready = 0;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      OwnCluster cluster(options());
      if (cluster.started_here()) ++starts;
      ++ready;
      while (ready < 4) std::this_thread::yield();
      EXPECT_EQ(ask(cluster, "SELECT 1"), "1");
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(starts, 1);
  EXPECT_FALSE(runs());
}

TEST_F(OwnClusterTest, OutlivesAKilledOwner) {
  std::array<int, 2> pipe{};
  ASSERT_EQ(::pipe(pipe.data()), 0);
  const pid_t owner = ::fork();
  if (owner == 0) {
    const OwnCluster cluster(options());
    Connection(cluster.url()).execute("CREATE TABLE kept AS SELECT 7 AS number");
    if (::write(pipe[1], "x", 1) == 1) ::pause();
    ::_exit(1);
  }
  char byte = 0;
  ASSERT_EQ(::read(pipe[0], &byte, 1), 1);
  ::kill(owner, SIGKILL);
  ::waitpid(owner, nullptr, 0);

  ASSERT_TRUE(runs());
  OwnCluster next(options());
  EXPECT_FALSE(next.started_here());
  EXPECT_EQ(ask(next, "SELECT number FROM kept"), "7");
  next.release();
  EXPECT_FALSE(runs());
}

TEST_F(OwnClusterTest, RecoversAfterTheServerWasKilled) {
  OwnCluster first(options());
  Connection connection(first.url());
  connection.execute("CREATE TABLE kept AS SELECT 7 AS number");
  // A backend at work notices the end of its postmaster late; it must not keep the next server from starting.
  // Should the test fail, the work ends by itself.
  connection.execute("SET statement_timeout = '60s'");
  std::jthread busy(
      [&] { EXPECT_THROW(connection.execute("DO $$ BEGIN LOOP PERFORM 1; END LOOP; END $$"), meta::Error); });
  Connection watch(first.url());
  wait_until([&] {
    return watch
               .query(
                   "SELECT 1 FROM pg_stat_activity WHERE query LIKE '%END LOOP%' "
                   "AND state = 'active' AND pid <> pg_backend_pid()")
               .rows() > 0;
  });
  ::kill(postmaster(), SIGKILL);
  wait_until([&] { return !runs(); });

  OwnCluster second(options());
  busy.join();
  EXPECT_TRUE(second.started_here());
  EXPECT_EQ(ask(second, "SELECT number FROM kept"), "7");
  first.release();
  EXPECT_EQ(ask(second, "SELECT 1"), "1");
  second.release();
  EXPECT_FALSE(runs());
}

TEST_F(OwnClusterTest, IsStartedAgainByAProcessThatKeepsItRunning) {
  OwnCluster cluster(options());
  OwnCluster guest(options());  // two keepers do not start two servers
  cluster.keep_running();
  guest.keep_running();
  Connection(cluster.url()).execute("CREATE TABLE kept AS SELECT 7 AS number");
  for (int round = 0; round < 2; ++round) {
    const auto killed = postmaster();
    ::kill(killed, SIGKILL);
    wait_until([&] {
      const auto found = find_postmaster(layout().data);
      return found && *found != killed && ::PQping(cluster.url().c_str()) == PQPING_OK;
    });
    EXPECT_EQ(ask(cluster, "SELECT number FROM kept"), "7");
  }
  ConnectionPool patient(cluster.url(), 1);
  patient.set_patience(std::chrono::minutes(5));
  ::kill(postmaster(), SIGKILL);
  wait_until([&] { return ::PQping(cluster.url().c_str()) == PQPING_NO_RESPONSE || runs(); });
  EXPECT_EQ(patient.borrow()->query("SELECT number FROM kept").text(0, 0), "7") << "it waits until the server is back";
  guest.release();
  EXPECT_EQ(ask(cluster, "SELECT 1"), "1");
  cluster.release();
  EXPECT_FALSE(runs());
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // longer than a keeper's look
  EXPECT_FALSE(runs()) << "what was stopped on purpose stays so";
}

TEST_F(OwnClusterTest, IgnoresAProcessIdThatIsSomeoneElsesNow) {
  OwnCluster(options()).release();
  const auto stale = [&](const fs::path& file) {
    std::ofstream(file) << ::getpid() << "\n" << layout().data.string() << "\n";
  };
  stale(layout().data / "postmaster.pid");
  stale(layout().socket().string() + ".lock");
  OwnCluster cluster(options());
  EXPECT_EQ(ask(cluster, "SELECT 1"), "1");
}

TEST_F(OwnClusterTest, MakesDataAgainWhenItWasInterrupted) {
  const auto unfinished = fs::path(directory() / (std::to_string(layout().major) + ".new"));
  fs::create_directories(unfinished / "base");
  fs::permissions(directory(), fs::perms(0755));
  OwnCluster cluster(options());
  EXPECT_EQ(ask(cluster, "SELECT 1"), "1");
  EXPECT_FALSE(fs::exists(unfinished));
}

TEST_F(OwnClusterTest, PutsTheSocketElsewhereWhenThePathIsLong) {
  home_ = scratch_.path() / std::string(120, 'x') / "with, odd 'characters' & 100%";
  OwnCluster cluster(options());
  EXPECT_EQ(ask(cluster, "SELECT 1"), "1");
  const auto sockets = layout().socket_directory;
  EXPECT_THAT(sockets.string(), HasSubstr("/tmp/wellhead-"));
  struct stat found{};
  ASSERT_EQ(::stat(sockets.c_str(), &found), 0);
  EXPECT_EQ(found.st_mode & 077, 0U);
  cluster.release();
  fs::remove_all(sockets);
}

TEST_F(OwnClusterTest, RefusesASocketDirectoryOfSomeoneElse) {
  home_ = scratch_.path() / std::string(120, 'y');
  fs::create_directories(directory());
  const auto sockets = layout().socket_directory;
  fs::create_directory(sockets);
  fs::permissions(sockets, fs::perms(0777));
  EXPECT_THAT(failure(options()).what(), AllOf(HasSubstr(sockets.string()), HasSubstr("someone else")));
  fs::remove_all(sockets);
}

TEST_F(OwnClusterTest, SaysWhatToDoWithDataOfAnotherMajorVersion) {
  fs::create_directories(directory() / "14");
  std::ofstream(directory() / "14" / "PG_VERSION") << "14\n";
  const auto error = failure(options());
  EXPECT_EQ(error.code(), meta::ErrorCode::database_version);
  EXPECT_THAT(error.what(), AllOf(HasSubstr("PostgreSQL 14"), HasSubstr("postgresql-14"), HasSubstr("mv ")));
}

TEST_F(OwnClusterTest, SaysWhatToInstall) {
  auto missing = options();
  missing.programs = scratch_.path() / "none";
  EXPECT_THAT(failure(missing).what(), AllOf(HasSubstr("not installed"), HasSubstr("apt-get install postgresql")));
}

TEST_F(OwnClusterTest, NamesTheDirectoryThatKeepsTheServerOut) {
  const auto closed = scratch_.path() / "closed";
  fs::create_directory(closed);
  fs::permissions(closed, ::geteuid() == 0 ? fs::perms(0700) : fs::perms(0500));
  home_ = closed / "home";
  EXPECT_THAT(failure(options()).what(), AllOf(HasSubstr(closed.string()), HasSubstr("WELLHEAD_HOME")));
}

TEST_F(OwnClusterTest, RefusesASocketTakenByAnotherServer) {
  OwnCluster(options()).release();
  auto other = layout();
  other.data = directory() / "other";
  ClusterServer server(other, choose_server_user(directory()), {});
  server.make_data();
  server.start(true, std::chrono::seconds(60));
  EXPECT_THAT(failure(options()).what(), AllOf(HasSubstr("taken by another PostgreSQL"), HasSubstr("other")));
  server.stop(std::chrono::seconds(20));
}

TEST_F(OwnClusterTest, CanBeCancelledWhileStarting) {
  auto cancelled = options();
  cancelled.cancelled = [] { return true; };
  EXPECT_EQ(failure(cancelled).code(), meta::ErrorCode::cancelled);
  EXPECT_FALSE(runs());
}

std::string told(std::string_view output) {
  try {
    fail_with_output("PostgreSQL did not start", output, {.directory = "/home/x"});
  } catch (const meta::Error& error) {
    return error.what();
  }
}

TEST(OwnClusterMessages, TellAFullDiskFromOtherTrouble) {
  EXPECT_THAT(told("x FATAL:  could not write lock file \"postmaster.pid\": No space left on device\n"),
              AllOf(HasSubstr("no space left"), HasSubstr("/home/x"), HasSubstr("Free some space")));
  EXPECT_THAT(told("LOG: a\n2026 [7] FATAL:  could not map anonymous shared memory: Cannot allocate memory\nHINT: b\n"),
              AllOf(HasSubstr("did not start: could not map anonymous shared memory"), HasSubstr("postgresql.log")));
}

TEST(OwnClusterConfiguration, FitsTheMachine) {
  const ClusterLayout layout{.major = 15, .socket_directory = "/x"};
  const auto small = server_configuration(layout, 512ULL << 20, 1ULL << 30);
  EXPECT_THAT(small, AllOf(HasSubstr("shared_buffers = 64MB"), HasSubstr("max_wal_size = 128MB")));
  const auto large = server_configuration(layout, 64ULL << 30, 1ULL << 40);
  EXPECT_THAT(large, AllOf(HasSubstr("shared_buffers = 1024MB"), HasSubstr("max_wal_size = 4096MB")));
}

TEST(ClientEnvironment, SplitsAUrlIntoVariables) {
  const auto environment = client_environment("postgresql://me:s%20x@db:5433/x?sslmode=require&keepalives_idle=7");
  EXPECT_THAT(
      environment.variables,
      ::testing::UnorderedElementsAre(Pair("PGUSER", "me"), Pair("PGPASSWORD", "s x"), Pair("PGHOST", "db"),
                                      Pair("PGPORT", "5433"), Pair("PGDATABASE", "x"), Pair("PGSSLMODE", "require")));
  EXPECT_EQ(environment.rest, "keepalives_idle='7'");
  EXPECT_THROW(client_environment("postgresql://[broken"), meta::Error);
}

}  // namespace
}  // namespace wellhead::storage
