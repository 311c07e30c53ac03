#include "library/orchestration/runtime.h"

#include <fmt/format.h>

#include <utility>

namespace wellhead::orchestration {
namespace {

[[noreturn]] void unfit(const WorkflowInfo& info, const std::string& what) {
  throw meta::Error(meta::ErrorCode::nondeterminism,
                    fmt::format("workflow {} ({}): {}", info.workflow_id, info.workflow_type, what));
}

}  // namespace

WorkflowRun::WorkflowRun(const Registry& registry, WorkflowInfo info)
    : registry_(registry), context_(std::move(info), queue_) {
  if (registry_.workflow(context_.info().workflow_type) == nullptr) {
    throw meta::Error(meta::ErrorCode::not_found,
                      fmt::format("this program knows no workflow '{}'", context_.info().workflow_type),
                      "Start the version that does");
  }
}

WorkflowRun::~WorkflowRun() {
  context_.closing_ = true;
  main_.reset();
  context_.beside_.clear();
}

const WorkflowInfo& WorkflowRun::info() const { return context_.info(); }

std::vector<Command> WorkflowRun::activate(const Activation& activation) {
  context_.now_ = activation.now;
  context_.replaying_ = activation.replaying;
  for (const Job& job : activation.jobs) apply(job);
  turn();
  if (!ended_ && main_ && main_->done()) {
    context_.commands_.push_back(terminal_command());
    ended_ = true;
  }
  return std::exchange(context_.commands_, {});
}

void WorkflowRun::apply(const Job& job) {
  if (const auto* initialize = std::get_if<InitializeWorkflow>(&job)) {
    if (main_) unfit(info(), "it was started twice");
    context_.random_.seed(initialize->random_seed);
    main_.emplace((*registry_.workflow(info().workflow_type))(context_, initialize->input));
    main_->start(queue_);
  } else if (const auto* resolve = std::get_if<ResolveActivity>(&job)) {
    settle_open(resolve->sequence, job);
  } else if (const auto* fire = std::get_if<FireTimer>(&job)) {
    settle_open(fire->sequence, job);
  } else {
    context_.request_cancel();
  }
}

void WorkflowRun::settle_open(Sequence sequence, const Job& job) {
  const auto found = context_.open_.find(sequence);
  if (found == context_.open_.end())
    unfit(info(), fmt::format("an outcome came for step {}, which is not open", sequence));
  const auto step = std::move(found->second);
  context_.open_.erase(found);
  const auto* resolve = std::get_if<ResolveActivity>(&job);
  if ((resolve == nullptr) != step.activity.empty()) {
    unfit(info(), fmt::format("the outcome of step {} is of another kind of step", sequence));
  }
  if (resolve == nullptr) {
    step.slot->settle();
  } else if (const auto* completed = std::get_if<ActivityCompleted>(&resolve->outcome)) {
    step.slot->complete_from(completed->result);
  } else if (const auto* failed = std::get_if<ActivityFailed>(&resolve->outcome)) {
    step.slot->fail(std::make_exception_ptr(StepError(failed->failure, step.activity)));
  } else {
    const Failure cancelled{.code = "cancelled", .message = "the activity was cancelled"};
    step.slot->fail(std::make_exception_ptr(StepError(cancelled, step.activity)));
  }
}

void WorkflowRun::turn() {
  do {
    queue_.drain();
  } while (context_.settle_conditions());
}

Command WorkflowRun::terminal_command() {
  try {
    return CompleteWorkflow{main_->take()};
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::cancelled && context_.cancel_requested_) return CancelWorkflowExecution{};
    return FailWorkflow{to_failure(std::current_exception())};
  } catch (...) {
    return FailWorkflow{to_failure(std::current_exception())};
  }
}

}  // namespace wellhead::orchestration
