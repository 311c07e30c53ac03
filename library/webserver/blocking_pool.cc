#include "library/webserver/blocking_pool.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::webserver {

struct BlockingPool::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> waiting;
  std::size_t limit = 0;
  bool stopping = false;
  std::vector<std::thread> threads;

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      changed.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty()) return;
      const std::function<void()> function = std::move(waiting.front());
      waiting.pop_front();
      lock.unlock();
      function();
      lock.lock();
    }
  }
};

BlockingPool::BlockingPool(std::size_t threads, std::size_t limit) : state_(std::make_unique<State>()) {
  state_->limit = limit;
  for (std::size_t i = 0; i < threads; ++i) state_->threads.emplace_back([state = state_.get()] { state->work(); });
}

BlockingPool::~BlockingPool() { stop(); }

void BlockingPool::submit(std::function<void()> function) {
  const std::scoped_lock lock(state_->mutex);
  if (state_->stopping || state_->waiting.size() >= state_->limit) {
    meta::Error error(meta::ErrorCode::database_unreachable, "too many requests of this kind are waiting");
    error.set_retry_after(std::chrono::seconds(2));
    throw error;
  }
  state_->waiting.push_back(std::move(function));
  state_->changed.notify_one();
}

void BlockingPool::stop() {
  {
    const std::scoped_lock lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_all();
  }
  for (std::thread& thread : state_->threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace wellhead::webserver
