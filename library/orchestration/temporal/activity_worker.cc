#include "library/orchestration/temporal/activity_worker.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::temporal_engine {
namespace {

using Steady = ActivityAttempt::Steady;
using std::chrono::milliseconds;

// How often the server is told that an attempt lives, and asked whether it is still wanted.
constexpr milliseconds kSign{1000};

}  // namespace

ActivityWorker::ActivityWorker(CoreWorker& core, const Registry& registry, std::string queue, std::size_t slots,
                               FindEarlier find_earlier, EngineObserver* observer)
    : core_(core),
      registry_(registry),
      queue_(std::move(queue)),
      find_earlier_(std::move(find_earlier)),
      observer_(observer) {
  threads_.emplace_back([this] { poll(); });
  threads_.emplace_back([this] { watch(); });
  for (std::size_t i = 0; i < std::max<std::size_t>(slots, 1); ++i) threads_.emplace_back([this] { serve(); });
}

void ActivityWorker::join() {
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void ActivityWorker::poll() {
  for (;;) {
    try {
      const auto task = core_.poll_activity();
      if (!task) break;
      take(*task);
    } catch (const meta::Error& error) {
      spdlog::error("{}", error.what());
      std::this_thread::sleep_for(milliseconds(500));
    }
  }
  const std::lock_guard lock(mutex_);
  polled_ = true;
  arrived_.notify_all();
  watched_.notify_all();
}

void ActivityWorker::take(const coresdk::activity_task::ActivityTask& task) {
  if (task.has_start()) {
    auto attempt = std::make_shared<ActivityAttempt>(task.task_token(), task.start());
    const std::lock_guard lock(mutex_);
    if (stopping_) attempt->stop_working();
    waiting_.push_back(std::move(attempt));
    arrived_.notify_one();
    observe();
    return;
  }
  // That an attempt is not wanted any more, the server alone knows, and says with its answer to the next sign of life:
  // what a workflow gives up in a turn counts only if the server takes that turn, which core does not tell. A paused
  // workflow lets go on what runs. That this worker stops, it knows, and when its attempts are to.
  const auto reason = task.cancel().reason();
  using enum coresdk::activity_task::ActivityCancelReason;
  if (reason == PAUSED || reason == RESET || reason == WORKER_SHUTDOWN) return;
  const std::lock_guard lock(mutex_);
  for (const auto& attempt : running_) {
    if (attempt->token() == task.task_token()) attempt->give_up();
  }
  for (const auto& attempt : waiting_) {
    if (attempt->token() == task.task_token()) attempt->give_up();
  }
}

void ActivityWorker::stop(milliseconds grace) {
  std::unique_lock lock(mutex_);
  idle_.wait_for(lock, grace, [this] { return running_.empty() && waiting_.empty(); });
  stopping_ = true;
  for (const auto& attempt : running_) attempt->stop_working();
  for (const auto& attempt : waiting_) attempt->stop_working();
}

void ActivityWorker::serve() {
  for (;;) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return polled_ || !waiting_.empty(); });
    if (waiting_.empty()) return;
    const Attempt attempt = std::move(waiting_.front());
    waiting_.pop_front();
    const auto running = running_.insert(running_.end(), attempt);
    attempt->begin();
    if (attempt->next_limit() < next_look_) watched_.notify_all();
    observe();
    lock.unlock();
    run(attempt);
    lock.lock();
    running_.erase(running);
    if (running_.empty()) idle_.notify_all();
    observe();
  }
}

void ActivityWorker::run(const Attempt& attempt) {
  std::exception_ptr error;
  std::optional<ActivityAttempt::Completion> completion;
  try {
    const Payload result = perform(attempt);
    completion = attempt->complete(result);
  } catch (...) {
    error = std::current_exception();
    completion = attempt->fail(error, fraction());
  }
  send(*attempt, completion);
  observe(*attempt, error);
}

Payload ActivityWorker::perform(const Attempt& attempt) {
  const auto* function = registry_.activity(attempt->info().activity);
  if (function == nullptr) {
    throw meta::Error(meta::ErrorCode::engine_unreachable,
                      fmt::format("this worker knows no activity '{}'", attempt->info().activity),
                      "Start workers of the version that does");
  }
  if (attempt->terms().reset) {
    if (auto earlier = find_earlier_(*attempt)) return *std::move(earlier);
  }
  ActivityContext context(attempt->info(), attempt->stop_token(), attempt->last_heartbeat(), [&](Payload details) {
    attempt->note_heartbeat(std::move(details));
    core_.heartbeat(attempt->heartbeat());
  });
  context.throw_if_cancelled();
  return (*function)(context, attempt->input());
}

void ActivityWorker::send(const ActivityAttempt& attempt,
                          const std::optional<ActivityAttempt::Completion>& completion) {
  if (!completion) return;
  try {
    // How this attempt failed reaches the next one with the last heartbeat.
    if (completion->result().has_failed()) core_.heartbeat(attempt.heartbeat());
    core_.complete_activity(*completion);
  } catch (const meta::Error& error) {
    spdlog::error("{}: {} could not be ended: {}", attempt.info().workflow_id, attempt.info().activity, error.what());
  }
}

void ActivityWorker::watch() {
  std::unique_lock lock(mutex_);
  auto next_sign = Steady::now() + kSign;
  while (!polled_ || !running_.empty()) {
    next_look_ = next_sign;
    for (const auto& attempt : running_) next_look_ = std::min(next_look_, attempt->next_limit());
    watched_.wait_until(lock, next_look_);
    const std::vector<Attempt> running(running_.begin(), running_.end());
    lock.unlock();
    look(running);
    if (Steady::now() >= next_sign) {
      for (const auto& attempt : running) {
        try {
          core_.heartbeat(attempt->heartbeat());
        } catch (const meta::Error& error) {
          spdlog::warn("{}", error.what());
        }
      }
      next_sign = Steady::now() + kSign;
    }
    lock.lock();
  }
}

void ActivityWorker::look(const std::vector<Attempt>& running) {
  for (const auto& attempt : running) {
    attempt->check_schedule_to_close(meta::SystemClock().now());
    if (const char* limit = attempt->passed_limit(Steady::now())) send(*attempt, attempt->time_out(limit, fraction()));
  }
}

double ActivityWorker::fraction() {
  const std::lock_guard lock(mutex_);
  return std::uniform_real_distribution<>()(random_);
}

void ActivityWorker::observe() {
  if (observer_ != nullptr) observer_->queue_changed(queue_, waiting_.size(), running_.size());
}

void ActivityWorker::observe(const ActivityAttempt& attempt, const std::exception_ptr& error) {
  if (observer_ == nullptr) return;
  using enum AttemptObservation::Outcome;
  const auto microseconds = [](Steady::duration time) {
    return std::chrono::duration_cast<std::chrono::microseconds>(time);
  };
  AttemptObservation observation{.activity = attempt.info().activity,
                                 .task_queue = queue_,
                                 .waited = microseconds(attempt.began() - attempt.arrived()),
                                 .ran = microseconds(Steady::now() - attempt.began())};
  if (error) {
    observation.outcome = to_failure(error).code == meta::to_string(meta::ErrorCode::cancelled) ? cancelled : failed;
  }
  observer_->attempt_ended(observation);
}

}  // namespace wellhead::orchestration::temporal_engine
