#include "library/orchestration/embedded/embedded_engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <array>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "library/orchestration/embedded/owner_session.h"
#include "library/orchestration/replay.h"

namespace wellhead::orchestration::embedded {
namespace {

constexpr std::chrono::seconds kPauseAfterFailure{2};

std::string owner_name() {
  std::array<char, 256> host{};
  if (gethostname(host.data(), host.size() - 1) != 0) host[0] = '?';
  return fmt::format("process {} on {}", getpid(), host.data());
}

}  // namespace

class EmbeddedEngine::State {
 public:
  State(Journal& journal_port, const Registry& registry, EmbeddedEngineOptions engine_options)
      : journal(journal_port), options(std::move(engine_options)), registry_(registry) {}

  bool try_own();
  void own_when_free();
  bool owns() const;
  void stop();
  void look() const;

  // Waits until something may have changed since `seen`; returns the count to give next time.
  std::uint64_t wait_for_change(std::uint64_t seen, std::stop_token stop);
  void throw_if_failed() const;

  Journal& journal;
  const EmbeddedEngineOptions options;

 private:
  static bool passes(const std::exception_ptr& error);
  void compete();
  std::exception_ptr reap();
  std::shared_ptr<OwnerSession> session() const;
  void changed();

  const Registry& registry_;
  std::mutex ownership_;  // taking and giving up the lease, one after another

  mutable std::mutex mutex_;  // everything below; never held while blocking
  std::condition_variable_any changed_;
  std::uint64_t changes_ = 0;
  bool stopping_ = false;
  bool competing_ = false;
  std::exception_ptr last_error_;
  std::shared_ptr<OwnerSession> session_;

  std::chrono::steady_clock::time_point next_try_{};  // the competitor's
  std::jthread competitor_;
};

bool EmbeddedEngine::State::try_own() {
  const std::lock_guard owning(ownership_);
  reap();
  {
    const std::lock_guard lock(mutex_);
    if (stopping_) return false;
    if (session_) return true;
  }
  const auto epoch = journal.acquire_lease(owner_name(), options.lease_duration);
  if (!epoch) return false;
  spdlog::debug("this process runs the workflows (lease epoch {})", *epoch);
  auto session = std::make_shared<OwnerSession>(journal, registry_, options, *epoch, [this] { changed(); });
  const std::lock_guard lock(mutex_);
  last_error_ = nullptr;
  session_ = std::move(session);
  return true;
}

// Joins the threads of a session that has ended by itself; its error, if it had one.
std::exception_ptr EmbeddedEngine::State::reap() {
  std::shared_ptr<OwnerSession> ended;
  {
    const std::lock_guard lock(mutex_);
    if (!session_ || !session_->over()) return nullptr;
    last_error_ = session_->error();
    ended = std::exchange(session_, nullptr);
  }
  ended->stop();
  return ended->error();
}

void EmbeddedEngine::State::own_when_free() {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || std::exchange(competing_, true)) return;
  }
  compete();
  competitor_ = std::jthread([this](std::stop_token stop) {
    std::mutex idle;
    std::condition_variable_any wake;
    std::unique_lock lock(idle);
    while (!wake.wait_for(lock, stop, options.poll_interval, [&] { return stop.stop_requested(); })) compete();
  });
}

// Whether it is over with the lease or for now: whoever competes tries again.
bool EmbeddedEngine::State::passes(const std::exception_ptr& error) {
  const auto code = to_error(to_failure(error)).code();
  return code == meta::ErrorCode::lease_lost || code == meta::ErrorCode::database_unreachable;
}

// After an error that will not pass there is a pause, in which those who wait see it.
void EmbeddedEngine::State::compete() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_try_) return;
  std::exception_ptr error;
  try {
    {
      const std::lock_guard owning(ownership_);
      error = reap();
    }
    if (!error || passes(error)) try_own();
  } catch (...) {
    error = std::current_exception();
    const std::lock_guard lock(mutex_);
    last_error_ = error;
  }
  if (error && !passes(error)) next_try_ = now + kPauseAfterFailure;
}

bool EmbeddedEngine::State::owns() const {
  const auto current = session();
  return current && !current->over();
}

void EmbeddedEngine::State::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  if (competitor_.joinable()) {
    competitor_.request_stop();
    competitor_.join();
  }
  const std::lock_guard owning(ownership_);
  if (const auto current = session()) current->stop();
  reap();
}

void EmbeddedEngine::State::look() const {
  if (const auto current = session()) current->look();
}

std::shared_ptr<OwnerSession> EmbeddedEngine::State::session() const {
  const std::lock_guard lock(mutex_);
  return session_;
}

void EmbeddedEngine::State::changed() {
  const std::lock_guard lock(mutex_);
  ++changes_;
  changed_.notify_all();
}

std::uint64_t EmbeddedEngine::State::wait_for_change(std::uint64_t seen, std::stop_token stop) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, stop, options.poll_interval, [&] { return changes_ != seen || stopping_; });
  if (stop.stop_requested() || stopping_) {
    throw meta::Error(meta::ErrorCode::cancelled, "waiting for a workflow was given up; the workflow itself goes on");
  }
  return changes_;
}

void EmbeddedEngine::State::throw_if_failed() const {
  const std::lock_guard lock(mutex_);
  const auto error = session_ && session_->over() ? session_->error() : last_error_;
  if (error && !(competing_ && passes(error))) std::rethrow_exception(error);
}

EmbeddedEngine::EmbeddedEngine(Journal& journal, const Registry& registry, EmbeddedEngineOptions options)
    : state_(std::make_unique<State>(journal, registry, std::move(options))) {}

EmbeddedEngine::~EmbeddedEngine() { stop(); }

bool EmbeddedEngine::try_own() { return state_->try_own(); }

void EmbeddedEngine::own_when_free() { state_->own_when_free(); }

bool EmbeddedEngine::owns() const { return state_->owns(); }

Execution EmbeddedEngine::start_workflow(const std::string& workflow_type, const std::string& workflow_id,
                                         Payload input) {
  Execution execution = state_->journal.start(workflow_type, workflow_id, input);
  state_->look();
  return execution;
}

WorkflowDescription EmbeddedEngine::wait(const std::string& execution_id, std::stop_token stop) {
  auto reachable_at = std::chrono::steady_clock::now();
  for (std::uint64_t seen = 0;; seen = state_->wait_for_change(seen, stop)) {
    try {
      const auto record = state_->journal.find(execution_id);
      reachable_at = std::chrono::steady_clock::now();
      if (!record) throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {}", execution_id));
      if (is_end(record->state)) return describe_history(*record, state_->journal.history(execution_id));
      if (record->blocked) throw to_error(*record->blocked);
    } catch (const meta::Error& error) {
      const auto silence = std::chrono::steady_clock::now() - reachable_at;
      if (error.code() != meta::ErrorCode::database_unreachable || silence >= state_->options.journal_patience) throw;
    }
    state_->throw_if_failed();
  }
}

std::optional<WorkflowDescription> EmbeddedEngine::describe(const std::string& execution_id) {
  const auto record = state_->journal.find(execution_id);
  if (!record) return std::nullopt;
  return describe_history(*record, state_->journal.history(execution_id));
}

std::optional<std::string> EmbeddedEngine::latest_execution(const std::string& workflow_id) {
  return state_->journal.latest_execution(workflow_id);
}

void EmbeddedEngine::cancel(const std::string& execution_id) {
  if (!state_->journal.request_cancel(execution_id)) {
    const auto record = state_->journal.find(execution_id);
    if (!record) throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {}", execution_id));
    throw meta::Error(meta::ErrorCode::conflict,
                      fmt::format("execution {} has ended already: it is {}", execution_id, to_string(record->state)));
  }
  state_->look();
}

void EmbeddedEngine::throw_if_failed() const { state_->throw_if_failed(); }

void EmbeddedEngine::stop() { state_->stop(); }

}  // namespace wellhead::orchestration::embedded
