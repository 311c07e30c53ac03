// The conformance suite of the engines, against a Temporal server of each test's own.
#include "library/orchestration/testing/conformance.h"

#include "library/orchestration/temporal/temporal_engine.h"
#include "tests/fixture/temporal_server.h"

namespace wellhead::orchestration::testing {
namespace {

using std::chrono::milliseconds;
using temporal_engine::TemporalEngine;

class TemporalHome final : public EngineHome {
 public:
  std::unique_ptr<Engine> start(const Registry& registry) override {
    auto engine = make(registry);
    engine->begin();
    return engine;
  }
  std::unique_ptr<Engine> client(const Registry& registry) override { return make(registry); }
  void widen(std::size_t slots) override {
    slots_ = slots;
    turn_limit_ = milliseconds(60'000);  // a long history is replayed in one turn
  }
  int taken_up_at_once() const override { return 5; }  // pollers of workflow tasks
  milliseconds shortest_interval() const override { return milliseconds(1000); }
  milliseconds shortest_catchup_window() const override { return milliseconds(10'000); }
  std::string action_prefix(const std::string& schedule_id) const override { return schedule_id + "-"; }
  void without_schedules(const std::function<void()>& action) override {
    server_.kill();
    action();
    server_.start_again();
  }

 private:
  std::unique_ptr<TemporalEngine> make(const Registry& registry) {
    return std::make_unique<TemporalEngine>(
        registry, temporal_engine::TemporalEngineOptions{.connection = {.address = server_.address()},
                                                         .slots = {{"default", slots_}},
                                                         .workflow_task_timeout = turn_limit_});
  }

  std::size_t slots_ = 3;
  milliseconds turn_limit_{0};
  fixture::TemporalServer server_{{"--dynamic-config-value", "matching.useNewMatcher=true"}};
};

WELLHEAD_ENGINE_CONFORMANCE(Temporal, EngineFactory([] { return std::make_unique<TemporalHome>(); }));

}  // namespace
}  // namespace wellhead::orchestration::testing
