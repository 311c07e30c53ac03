#include "library/orchestration/embedded/crash_job.h"

#include "library/storage/postgres/journal.h"

namespace wellhead::orchestration::embedded {
namespace {

const ActivityName<int, int> kNote{"note"};

Workflow<int> crash_job(WorkflowContext& flow, int rounds) {
  int sum = 0;
  for (int round = 0; round < rounds; ++round) {
    std::vector<Future<int>> steps;
    steps.reserve(3);
    for (int i = 0; i < 3; ++i) steps.push_back(flow.run(kNote, 3 * round + i));
    std::vector<int> done = co_await flow.all(std::move(steps));
    for (const int number : done) sum += number;
  }
  co_return sum;
}

}  // namespace

void add_crash_job(Registry& registry, const std::string& url) {
  registry.add_workflow(kCrashJob, crash_job);
  registry.add_activity(kNote, [url](ActivityContext& activity, int number) {
    thread_local storage::Connection connection(url);
    storage::Transaction transaction(connection);
    storage::check_lease(connection, activity.lease_epoch());
    connection.query("INSERT INTO note VALUES ($1, $2)", {number, activity.lease_epoch()});
    transaction.commit();
    return number;
  });
}

}  // namespace wellhead::orchestration::embedded
