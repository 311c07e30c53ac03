// A few threads for what blocks, so that no event loop ever does.
//
//   const StartedLoad started = co_await pool.run<StartedLoad>(*request.worker, [=] { return start_load(zipcode); });
//
// The coroutine goes on on its worker's thread; what the function throws is thrown there.
#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "library/webserver/http.h"

namespace wellhead::webserver {

class BlockingPool {
 public:
  // limit: how many functions may wait for a thread.
  BlockingPool(std::size_t threads, std::size_t limit);
  ~BlockingPool();  // stops
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;

  // Throws Error{database_unreachable} with retry_after (503) when too many are waiting.
  void submit(std::function<void()> function);
  // Runs what was submitted, then joins.
  void stop();

  template <class T>
  class Awaiter {
   public:
    Awaiter(BlockingPool& pool, Worker& worker, std::function<T()> function)
        : pool_(pool), worker_(worker), function_(std::move(function)) {}
    bool await_ready() const noexcept { return false; }
    bool await_suspend(std::coroutine_handle<> awaiting) {
      try {
        pool_.submit([this, awaiting] { work(awaiting); });
        return true;
      } catch (...) {
        error_ = std::current_exception();
        return false;
      }
    }
    T await_resume() {
      if (error_) std::rethrow_exception(error_);
      return std::move(*value_);
    }

   private:
    void work(std::coroutine_handle<> awaiting) {
      try {
        value_.emplace(function_());
      } catch (...) {
        error_ = std::current_exception();
      }
      worker_.post([awaiting] { awaiting.resume(); });
    }

    BlockingPool& pool_;
    Worker& worker_;
    std::function<T()> function_;
    std::optional<T> value_;
    std::exception_ptr error_;
  };

  template <class T>
  Awaiter<T> run(Worker& worker, std::function<T()> function) {
    return Awaiter<T>(*this, worker, std::move(function));
  }

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::webserver
