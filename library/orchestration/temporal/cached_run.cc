#include <fmt/format.h>

#include <utility>

#include "library/orchestration/temporal/messages.h"
#include "library/orchestration/temporal/search_attributes.h"
#include "library/orchestration/temporal/workflow_worker.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

using coresdk::workflow_activation::WorkflowActivationJob;

WorkflowInfo info_of(const CachedRun::Activation& activation) {
  for (const auto& job : activation.jobs()) {
    if (!job.has_initialize_workflow()) continue;
    const auto& start = job.initialize_workflow();
    return {start.workflow_type(), start.workflow_id(), execution_id_of(start.workflow_id(), activation.run_id())};
  }
  throw meta::Error(meta::ErrorCode::internal, "core goes on with a run that is not cached");
}

template <class Resolution>
StepOutcome outcome_of(const Resolution& resolution) {
  if (resolution.has_completed()) return StepCompleted{payload_of(resolution.completed().result())};
  if (resolution.has_failed()) return StepFailed{failure_of(resolution.failed().failure())};
  return StepCancelled{};
}

// One that the history holds was taken by another program.
bool is_new_update(const WorkflowActivationJob& job) { return job.has_do_update() && job.do_update().run_validator(); }

std::optional<WorkflowState> end_of(const Command& command) {
  if (std::holds_alternative<CompleteWorkflow>(command)) return WorkflowState::completed;
  if (std::holds_alternative<FailWorkflow>(command)) return WorkflowState::failed;
  if (std::holds_alternative<CancelWorkflowExecution>(command)) return WorkflowState::cancelled;
  if (std::holds_alternative<ContinueAsNew>(command)) return WorkflowState::continued;
  return std::nullopt;
}

}  // namespace

CachedRun::CachedRun(const Registry& registry, const Activation& activation, CommandTerms terms)
    : registry_(registry), terms_(std::move(terms)), run_(registry, info_of(activation)) {}

CachedRun::Success CachedRun::activate(const Activation& activation) {
  bool only_questions = true;
  for (const auto& job : activation.jobs()) {
    only_questions = only_questions && (job.has_query_workflow() || is_new_update(job));
    take(job);
  }
  Success success;
  tell_state(success);
  if (!only_questions && !paused_) {
    const auto commands = run_.activate({.now = time_of(activation.timestamp()),
                                         .replaying = activation.is_replaying(),
                                         .continue_as_new_suggested = activation.continue_as_new_suggested(),
                                         .jobs = std::exchange(jobs_, {})});
    for (const Command& command : commands) {
      note(command);
      *success.add_commands() = to_core(command, terms_);
    }
  }
  for (const auto& job : activation.jobs()) {
    if (job.has_query_workflow()) answer(job.query_workflow(), success);
    if (is_new_update(job)) refuse(job.do_update(), success);
  }
  return success;
}

void CachedRun::take(const WorkflowActivationJob& job) {
  if (job.has_initialize_workflow()) {
    const auto& start = job.initialize_workflow();
    if (start.search_attributes().indexed_fields().contains(kStateAttribute)) told_paused_ = false;
    jobs_.emplace_back(InitializeWorkflow{first_of(start.arguments()), start.randomness_seed()});
  } else if (job.has_notify_has_patch()) {
    jobs_.emplace_back(NotifyHasPatch{job.notify_has_patch().patch_id()});
  } else if (job.has_update_random_seed()) {
    terms_.reset = true;
    jobs_.emplace_back(UpdateRandomSeed{job.update_random_seed().randomness_seed()});
  } else if (job.has_signal_workflow()) {
    const auto& signal = job.signal_workflow();
    if (signal.signal_name() == kPauseSignal) {
      paused_ = first_of(signal.input()) == "true";
    } else {
      jobs_.emplace_back(SignalWorkflow{signal.signal_name(), first_of(signal.input())});
    }
  } else if (job.has_cancel_workflow()) {
    paused_ = false;
    jobs_.emplace_back(CancelWorkflow{});
  } else if (job.has_fire_timer()) {
    jobs_.emplace_back(FireTimer{job.fire_timer().seq()});
  } else if (job.has_resolve_activity()) {
    const auto& resolved = job.resolve_activity();
    resolve(ResolveActivity{resolved.seq(), outcome_of(resolved.result())}, resolved.seq());
  } else if (job.has_resolve_child_workflow_execution_start()) {
    take_child_start(job.resolve_child_workflow_execution_start());
  } else if (job.has_resolve_child_workflow_execution()) {
    const auto& resolved = job.resolve_child_workflow_execution();
    resolve(ResolveChild{resolved.seq(), outcome_of(resolved.result())}, resolved.seq());
  } else if (!job.has_query_workflow() && !is_new_update(job)) {
    throw meta::Error(meta::ErrorCode::nondeterminism,
                      fmt::format("workflow {} ({}) got a job that this program does not know", info().workflow_id,
                                  info().workflow_type),
                      "It was begun by another program, or a newer one: start that one");
  }
}

void CachedRun::take_child_start(const coresdk::workflow_activation::ResolveChildWorkflowExecutionStart& start) {
  if (start.has_succeeded()) return;
  StepOutcome outcome = StepCancelled{};
  if (start.has_failed()) {
    const bool open = start.failed().cause() ==
                      coresdk::child_workflow::START_CHILD_WORKFLOW_EXECUTION_FAILED_CAUSE_WORKFLOW_ALREADY_EXISTS;
    outcome = StepFailed{{.code = std::string(meta::to_string(meta::ErrorCode::conflict)),
                          .message = fmt::format("workflow {} {}", start.failed().workflow_id(),
                                                 open ? "is open already" : "could not be started")}};
  }
  resolve(ResolveChild{start.seq(), std::move(outcome)}, start.seq());
}

// Core tells the outcome of a step that was given up, too.
void CachedRun::resolve(Job job, Sequence sequence) {
  if (given_up_.erase(sequence) == 0) jobs_.push_back(std::move(job));
}

void CachedRun::note(const Command& command) {
  if (const auto* activity = std::get_if<RequestCancelActivity>(&command)) {
    given_up_.insert(activity->sequence);
  } else if (const auto* child = std::get_if<RequestCancelChild>(&command)) {
    given_up_.insert(child->sequence);
  } else if (const auto* schedule = std::get_if<ScheduleActivity>(&command)) {
    if (registry_.activity(schedule->activity) != nullptr) return;
    throw meta::Error(meta::ErrorCode::not_found,
                      fmt::format("this program knows no activity '{}'", schedule->activity),
                      "Start the version that does; the workflow goes on from there");
  } else if (const auto end = end_of(command)) {
    ended_ = end;
  }
}

// A signal that pauses is in the history, so this is replayed as it was.
void CachedRun::tell_state(Success& success) {
  if (!told_paused_ || *told_paused_ == paused_) return;
  told_paused_ = paused_;
  set_keyword(*success.add_commands()->mutable_upsert_workflow_search_attributes()->mutable_search_attributes(),
              kStateAttribute, paused_ ? kStatePaused : kStateRunning);
}

void CachedRun::answer(const coresdk::workflow_activation::QueryWorkflow& query, Success& success) {
  auto& result = *success.add_commands()->mutable_respond_to_query();
  result.set_query_id(query.query_id());
  try {
    set_payload(*result.mutable_succeeded()->mutable_response(), run_.query(query.query_type()));
  } catch (...) {
    set_failure(*result.mutable_failed(), to_failure(std::current_exception()), false);
  }
}

// Failing the workflow task instead would keep the workflow from going on for as long as whoever sent it waits.
void CachedRun::refuse(const coresdk::workflow_activation::DoUpdate& update, Success& success) const {
  auto& response = *success.add_commands()->mutable_update_response();
  response.set_protocol_instance_id(update.protocol_instance_id());
  set_failure(*response.mutable_rejected(),
              {.code = std::string(meta::to_string(meta::ErrorCode::not_found)),
               .message = fmt::format("workflow {} ({}) takes no update '{}'", info().workflow_id, info().workflow_type,
                                      update.name())},
              false);
}

}  // namespace wellhead::orchestration::temporal_engine
