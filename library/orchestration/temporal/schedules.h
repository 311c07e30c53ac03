// Our schedules as Temporal's: the server fires them, whether a worker runs or not. Thread-safe; every call blocks
// until the server answers. Temporal counts in seconds: an interval is one at least, a catch-up window ten.
#pragma once

#include <temporal/api/schedule/v1/message.pb.h>
#include <temporal/api/workflowservice/v1/request_response.pb.h>

#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "library/orchestration/schedule.h"
#include "library/orchestration/temporal/executions.h"

namespace wellhead::orchestration::temporal_engine {

class Schedules {
 public:
  explicit Schedules(Executions& executions) : executions_(executions), client_(executions.client()) {}

  // As the engine's port has them.
  void create(const Schedule& schedule);
  void remove(const std::string& schedule_id);
  void set_paused(const std::string& schedule_id, bool paused, const std::string& note);
  void trigger(const std::string& schedule_id);
  std::optional<ScheduleDescription> describe(const std::string& schedule_id);
  std::vector<ScheduleDescription> list();

 private:
  using Described = ::temporal::api::workflowservice::v1::DescribeScheduleResponse;
  std::optional<Described> look(const std::string& schedule_id);
  Described require(const std::string& schedule_id);
  ScheduleDescription description_of(const std::string& schedule_id, const Described& described);
  std::vector<StartedAction> actions_of(const Described& described);

  Executions& executions_;
  Client& client_;
  std::mutex mutex_;
  std::set<std::string> created_;  // by this process: the server's list follows some moments later
};

}  // namespace wellhead::orchestration::temporal_engine
