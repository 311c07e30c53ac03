#include "library/orchestration/activation.h"

#include <fmt/format.h>

namespace wellhead::orchestration {
namespace {

struct Describe {
  std::string operator()(const ScheduleActivity& command) const {
    return fmt::format("schedule activity {} '{}'", command.sequence, command.activity);
  }
  std::string operator()(const RequestCancelActivity& command) const {
    return fmt::format("cancel activity {}", command.sequence);
  }
  std::string operator()(const StartTimer& command) const { return fmt::format("start timer {}", command.sequence); }
  std::string operator()(const CancelTimer& command) const { return fmt::format("cancel timer {}", command.sequence); }
  std::string operator()(const CompleteWorkflow&) const { return "complete the workflow"; }
  std::string operator()(const FailWorkflow&) const { return "fail the workflow"; }
  std::string operator()(const CancelWorkflowExecution&) const { return "end the workflow as cancelled"; }
  std::string operator()(const StartChild& command) const {
    return fmt::format("start child {} '{}' as '{}'", command.sequence, command.workflow_type, command.workflow_id);
  }
  std::string operator()(const RequestCancelChild& command) const {
    return fmt::format("cancel child {}", command.sequence);
  }
  std::string operator()(const SetPatchMarker& command) const { return fmt::format("mark patch '{}'", command.patch); }
  std::string operator()(const ContinueAsNew&) const { return "continue as new"; }
};

}  // namespace

bool is_terminal(const Command& command) {
  return std::holds_alternative<CompleteWorkflow>(command) || std::holds_alternative<FailWorkflow>(command) ||
         std::holds_alternative<CancelWorkflowExecution>(command) || std::holds_alternative<ContinueAsNew>(command);
}

std::string_view to_string(ParentClosePolicy policy) {
  return policy == ParentClosePolicy::abandon ? "abandon" : "request_cancel";
}

std::string describe(const Command& command) { return std::visit(Describe{}, command); }

}  // namespace wellhead::orchestration
