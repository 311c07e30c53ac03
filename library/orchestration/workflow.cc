#include "library/orchestration/workflow.h"

#include <utility>

namespace wellhead::orchestration {
namespace {

std::exception_ptr cancelled() {
  return std::make_exception_ptr(meta::Error(meta::ErrorCode::cancelled, "the workflow was cancelled"));
}

}  // namespace

ReadyQueue& Steps::queue() { return flow_->queue_; }

void Steps::schedule_activity(std::shared_ptr<Slot> slot, const std::string& activity, Payload input,
                              ActivityOptions options) {
  const Sequence sequence =
      flow_->open_step({std::move(slot), WorkflowContext::StepKind::activity, activity, shielded_});
  if (sequence == 0) return;
  flow_->commands_.emplace_back(ScheduleActivity{sequence, activity, std::move(input), std::move(options)});
}

void Steps::start_child(std::shared_ptr<Slot> slot, StartChild command) {
  command.sequence =
      flow_->open_step({std::move(slot), WorkflowContext::StepKind::child, command.workflow_type, shielded_});
  if (command.sequence != 0) flow_->commands_.emplace_back(std::move(command));
}

Future<void> Steps::sleep(std::chrono::milliseconds duration) {
  auto slot = std::make_shared<ValueSlot<void>>(queue());
  const Sequence sequence = flow_->open_step({slot, WorkflowContext::StepKind::timer, {}, shielded_});
  if (sequence != 0) flow_->commands_.emplace_back(StartTimer{sequence, duration});
  return Future<void>(std::move(slot));
}

WorkflowContext::WorkflowContext(WorkflowInfo info, ReadyQueue& queue)
    : Steps(*this, false), info_(std::move(info)), queue_(queue) {}

Sequence WorkflowContext::open_step(OpenStep step) {
  if (closing_) return 0;
  if (cancel_requested_ && !step.shielded) {
    step.slot->fail(cancelled());
    return 0;
  }
  const Sequence sequence = ++last_sequence_;
  open_.emplace(sequence, std::move(step));
  return sequence;
}

bool WorkflowContext::patched(const std::string& id) {
  const auto [known, first_time] = patches_.try_emplace(id, !replaying_);
  // A patch that the history holds was told before (NotifyHasPatch) and is marked again, to match it.
  const bool mark = first_time ? known->second : told_patches_.erase(id) > 0;
  if (mark && !closing_) commands_.emplace_back(SetPatchMarker{id});
  return known->second;
}

Future<void> WorkflowContext::until(std::function<bool()> predicate) {
  auto slot = std::make_shared<ValueSlot<void>>(queue_);
  conditions_.push_back({std::move(predicate), slot});
  return Future<void>(std::move(slot));
}

Workflow<void> WorkflowContext::all(std::vector<Future<void>> futures) {
  std::exception_ptr first;
  for (auto& future : futures) {
    try {
      co_await future;
    } catch (...) {
      if (!first) first = std::current_exception();
    }
  }
  if (first) std::rethrow_exception(first);
}

void WorkflowContext::keep(Workflow<void> beside) {
  if (closing_) return;
  std::erase_if(beside_, [](const auto& workflow) { return workflow.done(); });
  beside_.push_back(std::move(beside));
  beside_.back().start(queue_);
}

void WorkflowContext::request_cancel() {
  if (std::exchange(cancel_requested_, true)) return;
  cancel_open_steps();
  const auto conditions = std::exchange(conditions_, {});
  for (const auto& condition : conditions) condition.slot->fail(cancelled());
  for (const auto& [name, signals] : signals_) signals->fail_receivers(cancelled());
}

void WorkflowContext::cancel_open_steps() {
  std::vector<std::shared_ptr<Slot>> ended;
  for (auto step = open_.begin(); step != open_.end();) {
    const auto& [sequence, open] = *step;
    if (open.shielded) {
      ++step;
      continue;
    }
    switch (open.kind) {
      case StepKind::activity:
        commands_.emplace_back(RequestCancelActivity{sequence});
        break;
      case StepKind::timer:
        commands_.emplace_back(CancelTimer{sequence});
        break;
      case StepKind::child:
        commands_.emplace_back(RequestCancelChild{sequence});
        break;
    }
    ended.push_back(open.slot);
    step = open_.erase(step);
  }
  for (const auto& slot : ended) slot->fail(cancelled());
}

std::shared_ptr<SignalQueue> WorkflowContext::signal_queue(const std::string& name) {
  auto& queue = signals_[name];
  if (!queue) queue = std::make_shared<SignalQueue>();
  return queue;
}

bool WorkflowContext::settle_conditions() {
  for (auto condition = conditions_.begin(); condition != conditions_.end(); ++condition) {
    if (!condition->holds()) continue;
    const auto slot = condition->slot;
    conditions_.erase(condition);
    slot->settle();
    return true;
  }
  return false;
}

Window::Window(WorkflowContext& flow, std::size_t limit)
    : state_(std::make_shared<State>(State{flow, limit, 0, nullptr, std::make_shared<ValueSlot<void>>(flow.queue_)})) {
  if (limit == 0) throw meta::Error(meta::ErrorCode::invalid_input, "a window takes at least one step at a time");
}

void Window::track(const std::shared_ptr<State>& state, const std::shared_ptr<Slot>& step) {
  ++state->open;
  step->on_settled(state.get(), [state, outcome = step.get()] {
    --state->open;
    if (!state->first_failure) state->first_failure = outcome->error();
    const auto ended = std::exchange(state->step_ended, std::make_shared<ValueSlot<void>>(outcome->queue()));
    ended->settle();
  });
}

Workflow<void> Window::wait_for_room(std::shared_ptr<State> state) {
  while (state->open >= state->limit && !state->first_failure) co_await Future<void>(state->step_ended);
  if (state->first_failure) std::rethrow_exception(state->first_failure);
}

Workflow<void> Window::wait_for_all(std::shared_ptr<State> state) {
  while (state->open > 0) co_await Future<void>(state->step_ended);
  if (state->first_failure) std::rethrow_exception(state->first_failure);
}

Workflow<void> Window::drain() { return wait_for_all(state_); }

std::size_t Window::open() const { return state_->open; }

std::size_t Window::limit() const { return state_->limit; }

}  // namespace wellhead::orchestration
