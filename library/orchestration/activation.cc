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
};

}  // namespace

bool is_terminal(const Command& command) {
  return std::holds_alternative<CompleteWorkflow>(command) || std::holds_alternative<FailWorkflow>(command) ||
         std::holds_alternative<CancelWorkflowExecution>(command);
}

std::string describe(const Command& command) { return std::visit(Describe{}, command); }

}  // namespace wellhead::orchestration
