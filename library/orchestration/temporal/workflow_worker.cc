#include "library/orchestration/temporal/workflow_worker.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {
namespace {

// Threads that answer activations: each blocks until the server has taken its answer.
constexpr int kThreads = 4;

}  // namespace

WorkflowWorker::WorkflowWorker(CoreWorker& core, const Registry& registry, CommandTerms terms, Listener listener,
                               EngineObserver* observer)
    : core_(core), registry_(registry), terms_(std::move(terms)), listener_(std::move(listener)), observer_(observer) {
  threads_.emplace_back([this] { poll(); });
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { serve(); });
}

void WorkflowWorker::join() {
  for (auto& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

void WorkflowWorker::poll() {
  for (;;) {
    try {
      auto activation = core_.poll_workflow();
      if (!activation) break;
      const std::lock_guard lock(mutex_);
      activations_.push_back(*std::move(activation));
      arrived_.notify_one();
    } catch (const meta::Error& error) {
      spdlog::error("{}", error.what());
      std::this_thread::sleep_for(std::chrono::milliseconds(500));
    }
  }
  const std::lock_guard lock(mutex_);
  ended_ = true;
  arrived_.notify_all();
}

void WorkflowWorker::serve() {
  for (;;) {
    std::unique_lock lock(mutex_);
    arrived_.wait(lock, [this] { return ended_ || !activations_.empty(); });
    if (activations_.empty()) return;
    const Activation activation = std::move(activations_.front());
    activations_.pop_front();
    lock.unlock();
    handle(activation);
  }
}

void WorkflowWorker::handle(const Activation& activation) {
  try {
    std::optional<Effects> effects;
    const Completion completion = answer(activation, effects);
    core_.complete_workflow(completion);
    if (effects) note(activation, *effects);
  } catch (const meta::Error& error) {
    spdlog::error("workflow run {}: {}", activation.run_id(), error.what());
  }
}

WorkflowWorker::Completion WorkflowWorker::answer(const Activation& activation, std::optional<Effects>& effects) {
  Completion completion;
  completion.set_run_id(activation.run_id());
  if (activation.jobs_size() == 1 && activation.jobs(0).has_remove_from_cache()) {
    evict(activation.run_id(), activation.jobs(0).remove_from_cache());
    completion.mutable_successful();
    return completion;
  }
  try {
    const auto run = find(activation);
    *completion.mutable_successful() = run->activate(activation);
    effects = {run->ended(), run->info().workflow_type};
  } catch (...) {
    const Failure failure = to_failure(std::current_exception());
    block(activation.run_id(), failure);
    set_failure(*completion.mutable_failed()->mutable_failure(), failure, true);
  }
  return completion;
}

std::shared_ptr<CachedRun> WorkflowWorker::find(const Activation& activation) {
  {
    const std::lock_guard lock(mutex_);
    known_.insert(activation.run_id());
    const auto found = runs_.find(activation.run_id());
    if (found != runs_.end()) return found->second;
  }
  auto run = std::make_shared<CachedRun>(registry_, activation, terms_);
  const std::lock_guard lock(mutex_);
  return runs_[activation.run_id()] = run;
}

void WorkflowWorker::evict(const std::string& run_id, const coresdk::workflow_activation::RemoveFromCache& job) {
  std::shared_ptr<CachedRun> run;
  {
    const std::lock_guard lock(mutex_);
    auto node = runs_.extract(run_id);
    if (!node.empty()) run = std::move(node.mapped());
  }
  if (!run || job.reason() != coresdk::workflow_activation::RemoveFromCache::NONDETERMINISM) return;
  block(run_id, listener_.on_nondeterminism(run->info(), job.message()));
}

void WorkflowWorker::block(const std::string& run_id, const Failure& failure) {
  {
    const std::lock_guard lock(mutex_);
    const auto [known, first] = blocked_.insert_or_assign(run_id, failure);
    if (first) spdlog::error("workflow run {} is blocked: {}", run_id, failure.message);
  }
  listener_.on_change(run_id);
}

void WorkflowWorker::note(const Activation& activation, const Effects& effects) {
  if (activation.is_replaying()) return;
  {
    const std::lock_guard lock(mutex_);
    blocked_.erase(activation.run_id());
    if (effects.ended) known_.erase(activation.run_id());
  }
  if (observer_ != nullptr && activation.jobs_size() > 0 && activation.jobs(0).has_initialize_workflow()) {
    observer_->workflow_began(effects.workflow_type);
  }
  if (!effects.ended) return;
  if (observer_ != nullptr) observer_->workflow_ended(effects.workflow_type, *effects.ended);
  listener_.on_change(activation.run_id());
}

std::optional<Failure> WorkflowWorker::blocked(const std::string& run_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = blocked_.find(run_id);
  return found == blocked_.end() ? std::nullopt : std::optional(found->second);
}

bool WorkflowWorker::knows(const std::string& run_id) const {
  const std::lock_guard lock(mutex_);
  return known_.contains(run_id);
}

}  // namespace wellhead::orchestration::temporal_engine
