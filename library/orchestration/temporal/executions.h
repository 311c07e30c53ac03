// Executions as a Temporal server knows them: starting, looking at and controlling them, by requests. Thread-safe;
// every call blocks until the server answers. Errors: those of core.h and of the engine's port.
#pragma once

#include <temporal/api/workflowservice/v1/request_response.pb.h>
#include <temporal/sdk/core/workflow_commands/workflow_commands.pb.h>

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "library/orchestration/engine.h"
#include "library/orchestration/registry.h"
#include "library/orchestration/temporal/core.h"
#include "library/orchestration/temporal/history.h"
#include "library/orchestration/temporal/search_attributes.h"

namespace wellhead::orchestration::temporal_engine {

class Executions {
 public:
  using Description = ::temporal::api::workflowservice::v1::DescribeWorkflowExecutionResponse;

  // client and registry outlive it.
  Executions(Client& client, const Registry& registry, std::string task_queue,
             std::chrono::milliseconds workflow_task_timeout)
      : client_(client),
        registry_(registry),
        task_queue_(std::move(task_queue)),
        workflow_task_timeout_(workflow_task_timeout),
        search_attributes_(client) {}

  Execution start(const std::string& workflow_type, const std::string& workflow_id, const Payload& input,
                  const StartOptions& options);
  // Search attributes for labels of these names are there afterwards, if this process may make them: whoever starts
  // workflows on a thread that others wait for does this first. Blocks for some seconds when they are new.
  void prepare_labels(const std::set<std::string>& names);
  // Of a child. Begun without search attributes when the server cannot be asked for them.
  void label(coresdk::workflow_commands::StartChildWorkflowExecution& child,
             const std::map<std::string, std::string>& labels);
  // As TemporalEngine has it.
  std::vector<std::string> unserved_queues(const std::vector<std::string>& queues);
  // nullopt: there is none.
  std::optional<Description> look(const std::string& execution_id);
  std::optional<std::string> latest(const std::string& workflow_id);
  TranslatedHistory history(const std::string& execution_id);
  // With what is known of steps that are open.
  WorkflowDescription describe(const std::string& execution_id, const Description& seen);
  // Of one that has continued as new: the next.
  std::string successor(const std::string& execution_id);

  // Of an open execution, or the one that it continues as.
  void cancel(const std::string& execution_id);
  void set_paused(const std::string& execution_id, bool paused);
  void signal(const std::string& execution_id, const std::string& name, const Payload& payload);
  Payload query(const std::string& execution_id, const std::string& name);
  Execution retry(const std::string& execution_id);

  Client& client() { return client_; }
  const std::string& task_queue() const { return task_queue_; }

 private:
  // Follows continuations; Error{not_found}.
  std::string last_of_chain(const std::string& execution_id, Description& seen);
  std::string require_open(const std::string& execution_id, const char* action, Description& seen);
  void pause_activity(const std::string& execution_id, const std::string& activity_id, bool paused);
  Payload query_history(const std::string& execution_id, const std::string& name);
  [[noreturn]] void throw_query_failure(const RpcError& error) const;
  Execution reset(const std::string& execution_id, std::int64_t event_id);
  bool is_served(const std::string& task_queue, ::temporal::api::enums::v1::TaskQueueType kind);
  void set_search_attributes(::temporal::api::common::v1::SearchAttributes& to,
                             const std::map<std::string, std::string>& labels);

  Client& client_;
  const Registry& registry_;
  const std::string task_queue_;
  const std::chrono::milliseconds workflow_task_timeout_;
  SearchAttributes search_attributes_;
};

// Where an execution that has ended is begun again: the end of the first workflow task whose commands are not kept. All
// steps that were open then, or were begun later, are scheduled anew. nullopt: from the start.
std::optional<std::int64_t> turn_to_retry(const TranslatedHistory& ended);

}  // namespace wellhead::orchestration::temporal_engine
