#include "library/orchestration/embedded/activity_pool.h"

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::embedded {
namespace {

using Steady = std::chrono::steady_clock;

std::chrono::microseconds in_microseconds(Steady::duration duration) {
  return std::chrono::duration_cast<std::chrono::microseconds>(duration);
}

}  // namespace

ActivityPool::ActivityPool(const std::map<std::string, std::size_t>& slots, Listener listener, EngineObserver* observer)
    : listener_(std::move(listener)), observer_(observer) {
  for (const auto& [name, count] : slots) queues_[name].name = name;
  queues_["default"].name = "default";
  for (auto& [name, queue] : queues_) {
    const auto configured = slots.find(name);
    const std::size_t count = configured == slots.end() ? 1 : std::max<std::size_t>(configured->second, 1);
    for (std::size_t i = 0; i < count; ++i) threads_.emplace_back([this, &queue = queue] { serve(queue); });
  }
}

ActivityPool::~ActivityPool() { stop(); }

void ActivityPool::submit(ActivityTask task) {
  const std::lock_guard lock(mutex_);
  if (stopping_) return;
  const auto found = queues_.find(task.task_queue);
  Queue& queue = found == queues_.end() ? queues_.at("default") : found->second;
  const std::pair place(task.priority, ++arrivals_);
  queue.waiting.emplace(place, Waiting{std::move(task), Steady::now()});
  queue.arrived.notify_one();
  observe(queue);
}

std::vector<Sequence> ActivityPool::withdraw(const std::string& execution_id) {
  std::vector<Sequence> withdrawn;
  const std::lock_guard lock(mutex_);
  for (auto& [name, queue] : queues_) {
    std::erase_if(queue.waiting, [&](const auto& waiting) {
      const ActivityInfo& info = waiting.second.task.info;
      if (info.execution_id == execution_id) withdrawn.push_back(info.sequence);
      return info.execution_id == execution_id;
    });
    observe(queue);
  }
  return withdrawn;
}

void ActivityPool::stop(std::chrono::milliseconds grace) {
  {
    std::unique_lock lock(mutex_);
    stopping_ = true;
    for (auto& [name, queue] : queues_) {
      queue.waiting.clear();
      queue.arrived.notify_all();
    }
    idle_.wait_for(lock, grace, [this] { return running_.empty(); });
    for (auto& stop_source : running_) stop_source.request_stop();
    no_grace_ = true;
  }
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ActivityPool::serve(Queue& queue) {
  while (const std::optional<Waiting> taken = take(queue)) {
    std::unique_lock lock(mutex_);
    const auto running = running_.insert(running_.end(), taken->task.stop);
    if (no_grace_) running->request_stop();
    observe(queue);
    lock.unlock();
    const auto began = Steady::now();
    ActivityEnd end = attempt(taken->task);
    observe(queue, *taken, end, began);
    lock.lock();
    running_.erase(running);
    if (running_.empty()) idle_.notify_all();
    --queue.running;
    observe(queue);
    lock.unlock();
    listener_.on_end(std::move(end));
  }
}

std::optional<ActivityPool::Waiting> ActivityPool::take(Queue& queue) {
  std::unique_lock lock(mutex_);
  queue.arrived.wait(lock, [&] { return stopping_ || !queue.waiting.empty(); });
  if (stopping_) return std::nullopt;
  ++queue.running;
  return std::move(queue.waiting.extract(queue.waiting.begin()).mapped());
}

ActivityEnd ActivityPool::attempt(const ActivityTask& task) const {
  const meta::SystemClock clock;
  ActivityEnd end{.info = task.info, .started_at = clock.now(), .last_heartbeat = task.last_heartbeat};
  if (task.tell_start) listener_.on_start({task.info, end.started_at});
  std::optional<Steady::time_point> told;
  const auto heartbeat = [&](Payload details) {
    end.last_heartbeat = std::move(details);
    const auto now = Steady::now();
    if (told && now - *told < task.heartbeat_interval) return;
    told = now;
    listener_.on_heartbeat({task.info, *end.last_heartbeat, clock.now()});
  };
  try {
    ActivityContext context(task.info, task.stop.get_token(), task.last_heartbeat, heartbeat);
    context.throw_if_cancelled();
    end.outcome = (*task.function)(context, task.input);
  } catch (...) {
    end.outcome = std::current_exception();
  }
  end.ended_at = clock.now();
  return end;
}

void ActivityPool::observe(const Queue& queue) const {
  if (observer_ != nullptr) observer_->queue_changed(queue.name, queue.waiting.size(), queue.running);
}

void ActivityPool::observe(const Queue& queue, const Waiting& taken, const ActivityEnd& end,
                           Steady::time_point began) const {
  if (observer_ == nullptr) return;
  using enum AttemptObservation::Outcome;
  AttemptObservation attempt{.activity = end.info.activity,
                             .task_queue = queue.name,
                             .waited = in_microseconds(began - taken.since),
                             .ran = in_microseconds(Steady::now() - began)};
  if (const auto* error = std::get_if<std::exception_ptr>(&end.outcome)) {
    attempt.outcome = to_failure(*error).code == meta::to_string(meta::ErrorCode::cancelled) ? cancelled : failed;
  }
  observer_->attempt_ended(attempt);
}

}  // namespace wellhead::orchestration::embedded
