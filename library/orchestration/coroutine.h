// Workflow<T>: a coroutine that decides. It starts when awaited (or run by the engine, or spawned), and takes its
// arguments by value, but for the WorkflowContext, which outlives it.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

#include "library/orchestration/future.h"

namespace wellhead::orchestration {

template <class T>
class Workflow;

class WorkflowPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }
  void unhandled_exception() { error_ = std::current_exception(); }

  // Whoever awaits is queued, not resumed in place: the stack stays flat however many coroutines end at once.
  struct FinalAwaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> ended) noexcept {
      auto& promise = ended.promise();
      if (promise.continuation_) promise.queue_->push(promise.continuation_);
    }
    void await_resume() noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }

  ReadyQueue* queue() { return queue_; }
  void attach(ReadyQueue* queue, std::coroutine_handle<> continuation) {
    queue_ = queue;
    continuation_ = continuation;
  }

 protected:
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  ReadyQueue* queue_ = nullptr;
  std::coroutine_handle<> continuation_;
  std::exception_ptr error_;
};

template <class T>
class WorkflowPromise : public WorkflowPromiseBase {
 public:
  Workflow<T> get_return_object();
  template <class U>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class WorkflowPromise<void> : public WorkflowPromiseBase {
 public:
  inline Workflow<void> get_return_object();
  void return_void() {}
  void take() { rethrow(); }
};

template <class T>
class [[nodiscard]] Workflow {
 public:
  using promise_type = WorkflowPromise<T>;
  using Handle = std::coroutine_handle<promise_type>;

  explicit Workflow(Handle handle) : handle_(handle) {}
  Workflow(Workflow&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
  Workflow& operator=(Workflow&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~Workflow() {
    if (handle_) handle_.destroy();
  }

  // Makes it ready to run by itself, awaited by nobody.
  void start(ReadyQueue& queue) {
    handle_.promise().attach(&queue, nullptr);
    queue.push(handle_);
  }
  bool done() const { return handle_.done(); }
  // Its result once done, or its exception thrown.
  T take() { return handle_.promise().take(); }

  class Awaiter {
   public:
    explicit Awaiter(Handle handle) : handle_(handle) {}
    bool await_ready() const { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> waiting) {
      ReadyQueue* queue = waiting.promise().queue();
      handle_.promise().attach(queue, waiting);
      queue->push(handle_);
    }
    T await_resume() { return handle_.promise().take(); }

   private:
    Handle handle_;
  };
  Awaiter operator co_await() const { return Awaiter(handle_); }

 private:
  Handle handle_;
};

template <class T>
Workflow<T> WorkflowPromise<T>::get_return_object() {
  return Workflow<T>(std::coroutine_handle<WorkflowPromise<T>>::from_promise(*this));
}

inline Workflow<void> WorkflowPromise<void>::get_return_object() {
  return Workflow<void>(std::coroutine_handle<WorkflowPromise<void>>::from_promise(*this));
}

}  // namespace wellhead::orchestration
