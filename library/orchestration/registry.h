// The workflows and activities that an engine can run, by name. Filled in main() before the engine starts, then only
// read.
#pragma once

#include <functional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "library/orchestration/activity.h"
#include "library/orchestration/workflow.h"

namespace wellhead::orchestration {

class Registry {
 public:
  using ActivityFunction = std::function<Payload(ActivityContext&, const Payload& input)>;
  using WorkflowFunction = std::function<Workflow<Payload>(WorkflowContext&, Payload input)>;

  // callable(ActivityContext&, In) -> Out. Called on several threads at once.
  template <class In, class Out, class Callable>
  void add_activity(const ActivityName<In, Out>& name, Callable callable) {
    add_activity_function(name.name,
                          [callable = std::move(callable)](ActivityContext& context, const Payload& input) -> Payload {
                            if constexpr (std::is_void_v<Out>) {
                              callable(context, meta::from_json<In>(input));
                              return "null";
                            } else {
                              const Out out = callable(context, meta::from_json<In>(input));
                              return meta::to_json(out);
                            }
                          });
  }

  // A coroutine: Workflow<Out> function(WorkflowContext&, In).
  template <class In, class Out>
  void add_workflow(const WorkflowName<In, Out>& name,
                    std::type_identity_t<std::function<Workflow<Out>(WorkflowContext&, In)>> function) {
    add_workflow_function(name.name, [function = std::move(function)](WorkflowContext& flow, Payload input) {
      return adapt<In, Out>(function, flow, std::move(input));
    });
  }

  // Null when there is none of that name.
  const ActivityFunction* activity(const std::string& name) const;
  const WorkflowFunction* workflow(const std::string& name) const;

 private:
  void add_activity_function(const std::string& name, ActivityFunction function);
  void add_workflow_function(const std::string& name, WorkflowFunction function);

  template <class In, class Out>
  static Workflow<Payload> adapt(std::function<Workflow<Out>(WorkflowContext&, In)> function, WorkflowContext& flow,
                                 Payload input) {
    Workflow<Out> workflow = function(flow, meta::from_json<In>(input));
    if constexpr (std::is_void_v<Out>) {
      co_await workflow;
      co_return Payload("null");
    } else {
      Out out = co_await workflow;
      co_return meta::to_json(out);
    }
  }

  std::unordered_map<std::string, ActivityFunction> activities_;
  std::unordered_map<std::string, WorkflowFunction> workflows_;
};

}  // namespace wellhead::orchestration
