// Future: the outcome of a step that is on its way. Made by WorkflowContext; awaited, kept in containers, waited for
// together (WorkflowContext::any, all). Copies share one outcome. Only for use inside a workflow.
#pragma once

#include <algorithm>
#include <coroutine>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "library/orchestration/activity.h"

namespace wellhead::orchestration {

// The coroutines of a run that can go on, in the order in which they became ready. Settling a future only queues; the
// runtime resumes, so that no resumption nests in another and the order is the same in every replay.
class ReadyQueue {
 public:
  void push(std::coroutine_handle<> handle) { handles_.push_back(handle); }
  // Resumes until nothing is ready.
  void drain();

 private:
  std::deque<std::coroutine_handle<>> handles_;
};

// What a Future points at: open, then settled once.
class Slot {
 public:
  explicit Slot(ReadyQueue& queue) : queue_(&queue) {}
  virtual ~Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;

  bool settled() const { return settled_; }
  const std::exception_ptr& error() const { return error_; }
  void fail(std::exception_ptr error);
  // Decodes a step's JSON result and settles; a result of another shape settles with that error.
  void complete_from(const Payload& payload);
  void settle();

  // Called once when settled, unless withdrawn before; key tells registrations apart.
  void on_settled(const void* key, std::function<void()> action);
  void withdraw(const void* key);
  ReadyQueue& queue() { return *queue_; }

 protected:
  virtual void decode(const Payload& payload) = 0;

 private:
  ReadyQueue* queue_;
  bool settled_ = false;
  std::exception_ptr error_;
  std::vector<std::pair<const void*, std::function<void()>>> actions_;
};

template <class T>
class ValueSlot final : public Slot {
 public:
  using Slot::Slot;
  void complete(T value) {
    value_ = std::move(value);
    settle();
  }
  const T& value() const { return *value_; }

 private:
  void decode(const Payload& payload) override { value_ = meta::from_json<T>(payload); }
  std::optional<T> value_;
};

template <>
class ValueSlot<void> final : public Slot {
 public:
  using Slot::Slot;
  void complete() { settle(); }

 private:
  void decode(const Payload&) override {}
};

template <class T>
class Future {
 public:
  explicit Future(std::shared_ptr<ValueSlot<T>> slot) : slot_(std::move(slot)) {}

  bool ready() const { return slot_->settled(); }
  bool failed() const { return ready() && slot_->error() != nullptr; }
  // The outcome of a ready future: its value, or its error thrown.
  T get() const {
    if (slot_->error()) std::rethrow_exception(slot_->error());
    if constexpr (!std::is_void_v<T>) return slot_->value();
  }
  std::shared_ptr<Slot> slot() const { return slot_; }

  class Awaiter {
   public:
    explicit Awaiter(Future future) : future_(std::move(future)) {}
    bool await_ready() const { return future_.ready(); }
    void await_suspend(std::coroutine_handle<> waiting) {
      auto slot = future_.slot();
      slot->on_settled(this, [queue = &slot->queue(), waiting] { queue->push(waiting); });
    }
    T await_resume() { return future_.get(); }

   private:
    Future future_;
  };
  Awaiter operator co_await() const { return Awaiter(*this); }

 private:
  std::shared_ptr<ValueSlot<T>> slot_;
};

// Waits until at least one of several futures is ready; yields the index of the first that is. A failed future counts
// as ready and throws from its get(). Waiting for none of none would be forever: Error{internal}.
class [[nodiscard]] AnyAwaiter {
 public:
  explicit AnyAwaiter(std::vector<std::shared_ptr<Slot>> slots);
  bool await_ready() const { return first_settled() < slots_.size(); }
  void await_suspend(std::coroutine_handle<> waiting);
  std::size_t await_resume() const { return first_settled(); }

 private:
  std::size_t first_settled() const;
  void wake(std::coroutine_handle<> waiting);

  std::vector<std::shared_ptr<Slot>> slots_;
  bool woken_ = false;
};

}  // namespace wellhead::orchestration
