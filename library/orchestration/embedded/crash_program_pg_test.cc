// A process for the crash test to kill: owns the engine and works on the workflow `job` until it ends or is killed.
// Each activity notes its start in the table `note`, in a transaction of its own that checks the lease.
//
//   crash_program DATABASE_URL EXECUTION_ID
#include <chrono>
#include <cstdio>
#include <thread>

#include "library/orchestration/embedded/crash_job.h"
#include "library/orchestration/embedded/embedded_engine.h"
#include "library/storage/postgres/journal.h"

int main(int count, char** arguments) {
  using namespace wellhead;
  if (count != 3) return 2;
  storage::PostgresJournal journal(arguments[1]);
  orchestration::Registry registry;
  orchestration::embedded::add_crash_job(registry, arguments[1]);
  orchestration::embedded::EmbeddedEngine engine(journal, registry, {.slots = {{"default", 3}}});
  engine.own_when_free();
  std::puts("up");
  std::fflush(stdout);
  try {
    engine.wait(arguments[2]);
  } catch (const meta::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  engine.stop();
  return 0;
}
