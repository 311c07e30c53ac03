// worker_bench ADDRESS WORKFLOWS ACTIVITIES: workflows of one activity each, then one workflow of many activities, 100
// of them beside each other, on a Temporal server that is there; one line of JSON with the rates and this process's CPU
// seconds. benchmarks/temporal runs it beside the same in Python.
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "library/meta/logging.h"
#include "library/orchestration/temporal/temporal_engine.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kSlots = 100;
constexpr int kClients = 16;  // threads that start workflows and wait for them

const ActivityName<int, int> kNothing{"nothing"};
const WorkflowName<int, int> kOne{"one"};
const WorkflowName<int, int> kMany{"many"};

Workflow<int> one(WorkflowContext& flow, int input) {
  const int result = co_await flow.run(kNothing, input);
  co_return result;
}

Workflow<int> many(WorkflowContext& flow, int count) {
  std::vector<int> inputs(static_cast<std::size_t>(count), 1);
  std::vector<int> results = co_await flow.for_each<int, int>(kSlots, kNothing, std::move(inputs));
  co_return static_cast<int>(results.size());
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Measured {
  double seconds = 0;
  double cpu = 0;
};

template <class Action>
Measured measure(Action action) {
  const auto begun = Clock::now();
  const double cpu = cpu_seconds();
  action();
  return {std::chrono::duration<double>(Clock::now() - begun).count(), cpu_seconds() - cpu};
}

void run_workflows(TemporalEngine& engine, int count) {
  std::vector<std::jthread> clients;
  clients.reserve(kClients);
  for (int client = 0; client < kClients; ++client) {
    clients.emplace_back([&engine, client, count] {
      for (int i = client; i < count; i += kClients) {
        engine.result(kOne, engine.start(kOne, fmt::format("one-{}-{}", getpid(), i), i));
      }
    });
  }
}

int bench(const std::string& address, int workflows, int activities) {
  meta::start_logging({.level = "warn"});
  Registry registry;
  registry.add_workflow(kOne, one);
  registry.add_workflow(kMany, many);
  registry.add_activity(kNothing, [](ActivityContext&, int number) { return number; });
  TemporalEngine engine(
      registry, {.connection = {.address = address}, .task_queue = "bench-wellhead", .slots = {{"default", kSlots}}});
  engine.begin();
  run_workflows(engine, kClients);  // connections and caches are warm
  const auto ones = measure([&] { run_workflows(engine, workflows); });
  const auto beside =
      measure([&] { engine.result(kMany, engine.start(kMany, fmt::format("many-{}", getpid()), activities)); });
  engine.stop();
  fmt::print(R"({{"workflows":{},"workflow_seconds":{},"workflow_cpu":{},"activities":{},"activity_seconds":{},)"
             R"("activity_cpu":{}}})"
             "\n",
             workflows, ones.seconds, ones.cpu, activities, beside.seconds, beside.cpu);
  return 0;
}

}  // namespace
}  // namespace wellhead::orchestration::temporal_engine

int main(int count, char** arguments) {
  if (count != 4) {
    std::cerr << "worker_bench ADDRESS WORKFLOWS ACTIVITIES\n";
    return 2;
  }
  return wellhead::orchestration::temporal_engine::bench(arguments[1], std::atoi(arguments[2]),
                                                         std::atoi(arguments[3]));
}
