#include "library/orchestration/embedded/activity_pool.h"

#include <utility>

namespace wellhead::orchestration::embedded {

ActivityPool::ActivityPool(const std::map<std::string, std::size_t>& slots, OnEnd on_end) : on_end_(std::move(on_end)) {
  for (const auto& [name, count] : slots) queues_[name];
  queues_["default"];
  for (auto& [name, queue] : queues_) {
    const auto configured = slots.find(name);
    const std::size_t count = configured == slots.end() ? 1 : std::max<std::size_t>(configured->second, 1);
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this, &queue = queue] { serve(queue); });
  }
}

ActivityPool::~ActivityPool() { stop(); }

void ActivityPool::submit(const std::string& task_queue, ActivityTask task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  const auto found = queues_.find(task_queue);
  Queue& queue = found == queues_.end() ? queues_.at("default") : found->second;
  queue.waiting.push_back(std::move(task));
  queue.arrived.notify_one();
}

void ActivityPool::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& stop_source : running_) stop_source.request_stop();
    for (auto& [name, queue] : queues_) {
      queue.waiting.clear();
      queue.arrived.notify_all();
    }
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ActivityPool::serve(Queue& queue) {
  while (std::optional<ActivityTask> task = take(queue)) {
    std::unique_lock lock(mutex_);
    const auto running = running_.insert(running_.end(), task->stop);
    if (stopping_) running->request_stop();
    lock.unlock();
    ActivityEnd end = attempt(*task);
    lock.lock();
    running_.erase(running);
    lock.unlock();
    on_end_(std::move(end));
  }
}

std::optional<ActivityTask> ActivityPool::take(Queue& queue) {
  std::unique_lock lock(mutex_);
  queue.arrived.wait(lock, [&] { return stopping_ || !queue.waiting.empty(); });
  if (stopping_) return std::nullopt;
  ActivityTask task = std::move(queue.waiting.front());
  queue.waiting.pop_front();
  return task;
}

ActivityEnd ActivityPool::attempt(const ActivityTask& task) const {
  const meta::SystemClock clock;
  ActivityEnd end{.info = task.info, .started_at = clock.now(), .last_heartbeat = task.last_heartbeat};
  try {
    ActivityContext context(task.info, task.stop.get_token(), task.last_heartbeat,
                            [&end](Payload details) { end.last_heartbeat = std::move(details); });
    context.throw_if_cancelled();
    end.outcome = (*task.function)(context, task.input);
  } catch (...) {
    end.outcome = std::current_exception();
  }
  end.ended_at = clock.now();
  return end;
}

}  // namespace wellhead::orchestration::embedded
