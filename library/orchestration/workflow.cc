#include "library/orchestration/workflow.h"

#include <utility>

namespace wellhead::orchestration {
namespace {

std::exception_ptr cancelled() {
  return std::make_exception_ptr(meta::Error(meta::ErrorCode::cancelled, "the workflow was cancelled"));
}

}  // namespace

WorkflowContext::WorkflowContext(WorkflowInfo info, ReadyQueue& queue) : info_(std::move(info)), queue_(queue) {}

void WorkflowContext::schedule_activity(std::shared_ptr<Slot> slot, const std::string& activity, Payload input,
                                        ActivityOptions options) {
  if (closing_) return;
  if (cancel_requested_) return slot->fail(cancelled());
  const Sequence sequence = ++last_sequence_;
  commands_.push_back(ScheduleActivity{sequence, activity, std::move(input), std::move(options)});
  open_.emplace(sequence, OpenStep{std::move(slot), activity});
}

Future<void> WorkflowContext::sleep(std::chrono::milliseconds duration) {
  auto slot = std::make_shared<ValueSlot<void>>(queue_);
  if (cancel_requested_) {
    slot->fail(cancelled());
  } else if (!closing_) {
    const Sequence sequence = ++last_sequence_;
    commands_.push_back(StartTimer{sequence, duration});
    open_.emplace(sequence, OpenStep{slot, {}});
  }
  return Future<void>(std::move(slot));
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
  const auto open = std::exchange(open_, {});
  for (const auto& [sequence, step] : open) {
    if (step.activity.empty()) {
      commands_.push_back(CancelTimer{sequence});
    } else {
      commands_.push_back(RequestCancelActivity{sequence});
    }
    step.slot->fail(cancelled());
  }
  const auto conditions = std::exchange(conditions_, {});
  for (const auto& condition : conditions) condition.slot->fail(cancelled());
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
