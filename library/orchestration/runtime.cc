#include "library/orchestration/runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration {
namespace {

[[noreturn]] void unfit(const WorkflowInfo& info, const std::string& what) {
  throw meta::Error(meta::ErrorCode::nondeterminism,
                    fmt::format("workflow {} ({}): {}", info.workflow_id, info.workflow_type, what));
}

bool is_outcome(const Job& job) {
  return std::holds_alternative<ResolveActivity>(job) || std::holds_alternative<FireTimer>(job) ||
         std::holds_alternative<ResolveChild>(job);
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
  context_.continue_as_new_suggested_ = activation.continue_as_new_suggested;
  const auto cancel =
      std::ranges::find_if(activation.jobs, [](const Job& job) { return std::holds_alternative<CancelWorkflow>(job); });
  for (auto job = activation.jobs.begin(); job != cancel; ++job) apply(*job);
  // What a step became counts before a cancellation that came in the same turn: that gives up the open ones.
  for (auto job = cancel; job != activation.jobs.end(); ++job) {
    if (is_outcome(*job)) apply(*job);
  }
  for (auto job = cancel; job != activation.jobs.end(); ++job) {
    if (!is_outcome(*job)) apply(*job);
  }
  turn();
  if (!ended_ && main_ && main_->done()) {
    context_.commands_.push_back(terminal_command());
    ended_ = true;
  }
  return std::exchange(context_.commands_, {});
}

void WorkflowRun::apply(const Job& job) {
  std::visit([this](const auto& given) { take(given); }, job);
}

void WorkflowRun::take(const InitializeWorkflow& job) {
  if (main_) unfit(info(), "it was started twice");
  context_.random_.seed(job.random_seed);
  main_.emplace((*registry_.workflow(info().workflow_type))(context_, job.input));
  main_->start(queue_);
}

void WorkflowRun::take(const ResolveActivity& job) {
  settle(close_step(job.sequence, WorkflowContext::StepKind::activity), job.sequence, job.outcome);
}

void WorkflowRun::take(const ResolveChild& job) {
  settle(close_step(job.sequence, WorkflowContext::StepKind::child), job.sequence, job.outcome);
}

void WorkflowRun::take(const FireTimer& job) {
  close_step(job.sequence, WorkflowContext::StepKind::timer).slot->settle();
}

void WorkflowRun::take(const CancelWorkflow&) { context_.request_cancel(); }

void WorkflowRun::take(const SignalWorkflow& job) { context_.signal_queue(job.name)->deliver(job.payload); }

void WorkflowRun::take(const NotifyHasPatch& job) {
  context_.patches_[job.patch] = true;
  context_.told_patches_.insert(job.patch);
}

void WorkflowRun::take(const UpdateRandomSeed& job) { context_.random_.seed(job.random_seed); }

WorkflowContext::OpenStep WorkflowRun::close_step(Sequence sequence, WorkflowContext::StepKind kind) {
  const auto found = context_.open_.find(sequence);
  if (found == context_.open_.end()) {
    unfit(info(), fmt::format("an outcome came for step {}, which is not open", sequence));
  }
  auto step = std::move(found->second);
  context_.open_.erase(found);
  if (step.kind != kind) unfit(info(), fmt::format("the outcome of step {} is of another kind of step", sequence));
  return step;
}

void WorkflowRun::settle(const WorkflowContext::OpenStep& step, Sequence sequence, const StepOutcome& outcome) {
  if (const auto* completed = std::get_if<StepCompleted>(&outcome)) return step.slot->complete_from(completed->result);
  Failure failure{.code = "cancelled", .message = "the step was cancelled"};
  if (const auto* failed = std::get_if<StepFailed>(&outcome)) failure = failed->failure;
  step.slot->fail(std::make_exception_ptr(StepError(failure, step.name, sequence)));
}

Payload WorkflowRun::query(const std::string& name) {
  const auto found = context_.queries_.find(name);
  if (found == context_.queries_.end()) {
    throw meta::Error(meta::ErrorCode::not_found, fmt::format("workflow {} ({}) answers no query '{}'",
                                                              info().workflow_id, info().workflow_type, name));
  }
  Payload answer = found->second();
  if (!context_.commands_.empty()) unfit(info(), fmt::format("its query '{}' scheduled a step", name));
  return answer;
}

void WorkflowRun::turn() {
  do {
    queue_.drain();
  } while (context_.settle_conditions());
}

Command WorkflowRun::terminal_command() {
  try {
    Payload result = main_->take();
    if (context_.next_input_) return ContinueAsNew{*context_.next_input_};
    return CompleteWorkflow{std::move(result)};
  } catch (const meta::Error& error) {
    if (error.code() == meta::ErrorCode::cancelled && context_.cancel_requested_) return CancelWorkflowExecution{};
    return FailWorkflow{to_failure(std::current_exception())};
  } catch (...) {
    return FailWorkflow{to_failure(std::current_exception())};
  }
}

}  // namespace wellhead::orchestration
