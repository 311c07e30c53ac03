// Signals: values sent to a running workflow from outside (Engine::signal). Those of one name wait, in the order of
// their arrival, until the workflow takes them. Made by WorkflowContext::signals; only for use inside a workflow.
//
//   Signals<int> limits = flow.signals<int>("limit");
//   Future<int> limit = limits.next();
//   co_await flow.any(step, limit);
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <utility>

#include "library/orchestration/future.h"

namespace wellhead::orchestration {

// One name's signals, and who waits for them.
class SignalQueue {
 public:
  // To the receiver that has waited longest, else kept.
  void deliver(Payload payload);
  // Settles it with the oldest kept signal, or with the next to come.
  void receive(std::shared_ptr<Slot> receiver);
  void fail_receivers(const std::exception_ptr& error);
  std::size_t kept() const { return kept_.size(); }

 private:
  std::deque<Payload> kept_;
  std::deque<std::shared_ptr<Slot>> receivers_;
};

// Cheap to copy; copies take from the same queue. Signals that a run has not taken when it ends or continues as new are
// gone with it.
template <class T>
class Signals {
 public:
  Signals(std::shared_ptr<SignalQueue> signals, ReadyQueue& queue) : signals_(std::move(signals)), queue_(&queue) {}

  // How many have come and were not taken.
  std::size_t waiting() const { return signals_->kept(); }
  // Takes the next one; whoever asked first gets it first. A signal of another shape settles the future with that
  // error.
  Future<T> next() {
    auto slot = std::make_shared<ValueSlot<T>>(*queue_);
    signals_->receive(slot);
    return Future<T>(std::move(slot));
  }

 private:
  std::shared_ptr<SignalQueue> signals_;
  ReadyQueue* queue_;
};

}  // namespace wellhead::orchestration
