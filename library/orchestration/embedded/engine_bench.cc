// Steps a second of trivial activities, journaled in the PostgreSQL of WELLHEAD_BENCH_DATABASE_URL (a database of its
// own, which it migrates): many beside each other, one after another, and the replay of a long history.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <vector>

#include "library/orchestration/embedded/embedded_engine.h"
#include "library/orchestration/replay.h"
#include "library/storage/postgres/journal.h"
#include "library/storage/postgres/migrations.h"

namespace wellhead::orchestration::embedded {
namespace {

const ActivityName<int, int> kNothing{"nothing"};
const WorkflowName<int, int> kBeside{"beside"};
const WorkflowName<int, int> kInARow{"in_a_row"};

Workflow<int> beside(WorkflowContext& flow, int count) {
  std::vector<int> inputs(static_cast<std::size_t>(count), 1);
  std::vector<int> results = co_await flow.for_each<int, int>(200, kNothing, std::move(inputs));
  co_return static_cast<int>(results.size());
}

Workflow<int> in_a_row(WorkflowContext& flow, int count) {
  int sum = 0;
  for (int i = 0; i < count; ++i) sum += co_await flow.run(kNothing, 1);
  co_return sum;
}

std::string database_url() {
  const char* url = std::getenv("WELLHEAD_BENCH_DATABASE_URL");
  return url == nullptr ? "" : url;
}

class Home {
 public:
  Home() : journal_(migrated(database_url())), engine_(journal_, registry(), {.slots = {{"default", 8}}}) {
    engine_.try_own();
  }
  EmbeddedEngine& engine() { return engine_; }
  storage::PostgresJournal& journal() { return journal_; }

  static const Registry& registry() {
    static const Registry filled = [] {
      Registry made;
      made.add_workflow(kBeside, beside);
      made.add_workflow(kInARow, in_a_row);
      made.add_activity(kNothing, [](ActivityContext&, int number) { return number; });
      return made;
    }();
    return filled;
  }

 private:
  static std::string migrated(std::string url) {
    storage::Connection connection(url);
    storage::migrate(connection);
    return url;
  }

  storage::PostgresJournal journal_;
  EmbeddedEngine engine_;
};

std::string fresh_id() {
  static std::atomic<int> number = 0;
  return "bench-" + std::to_string(std::random_device{}()) + "-" + std::to_string(++number);
}

void run_steps(benchmark::State& state, const WorkflowName<int, int>& workflow) {
  if (database_url().empty()) return state.SkipWithError("WELLHEAD_BENCH_DATABASE_URL is not set");
  Home home;
  const auto count = static_cast<int>(state.range(0));
  for (auto unused : state) {
    benchmark::DoNotOptimize(home.engine().result(workflow, home.engine().start(workflow, fresh_id(), count)));
  }
  state.counters["steps/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * count), benchmark::Counter::kIsRate);
}

void steps_beside_each_other(benchmark::State& state) { run_steps(state, kBeside); }
void steps_in_a_row(benchmark::State& state) { run_steps(state, kInARow); }

void replay_of_a_history(benchmark::State& state) {
  if (database_url().empty()) return state.SkipWithError("WELLHEAD_BENCH_DATABASE_URL is not set");
  Home home;
  const auto count = static_cast<int>(state.range(0));
  const auto execution = home.engine().start(kBeside, fresh_id(), count);
  home.engine().result(kBeside, execution);
  const auto history = home.journal().history(execution.execution_id);
  for (auto unused : state) {
    WorkflowRun run(Home::registry(), {kBeside.name, "replayed", execution.execution_id});
    benchmark::DoNotOptimize(replay(run, history).last_event);
  }
  state.counters["steps/s"] =
      benchmark::Counter(static_cast<double>(state.iterations() * count), benchmark::Counter::kIsRate);
}

BENCHMARK(steps_beside_each_other)->Arg(10'000)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(steps_in_a_row)->Arg(500)->UseRealTime()->Unit(benchmark::kMillisecond);
BENCHMARK(replay_of_a_history)->Arg(10'000)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace wellhead::orchestration::embedded
