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
#include "library/orchestration/embedded/scheduler.h"
#include "library/orchestration/replay.h"

namespace wellhead::orchestration::embedded {
namespace {

constexpr std::chrono::seconds kPauseAfterFailure{2};
// Then the owner is gone or busy, and the history answers.
constexpr std::chrono::seconds kQueryPatience{2};

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

  // The execution, or the one that it has continued as. Error{not_found}.
  WorkflowRecord current(const std::string& execution_id) const;
  // current(), when it goes on with another that ran: once it has begun, unless that takes long.
  WorkflowRecord begun(const std::string& execution_id) const;
  // A change of an open execution; Error{conflict} when it has ended.
  template <class Change>
  void change(const std::string& execution_id, Change make);
  // From the workflow itself, in this process or its owner's; nullopt when nobody runs it.
  std::optional<Payload> ask_owner(const std::string& execution_id, const std::string& name);
  Payload ask_history(const WorkflowRecord& record, const std::string& name) const;

  // Waits until something may have changed since `seen`; returns the count to give next time.
  std::uint64_t wait_for_change(std::uint64_t seen, const std::stop_token& stop);
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

std::uint64_t EmbeddedEngine::State::wait_for_change(std::uint64_t seen, const std::stop_token& stop) {
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

WorkflowRecord EmbeddedEngine::State::current(const std::string& execution_id) const {
  std::optional<WorkflowRecord> record = journal.find(execution_id);
  while (record && record->state == WorkflowState::continued && record->successor)
    record = journal.find(*record->successor);
  if (!record) throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution {}", execution_id));
  return std::move(*record);
}

WorkflowRecord EmbeddedEngine::State::begun(const std::string& execution_id) const {
  const auto give_up = std::chrono::steady_clock::now() + kQueryPatience;
  WorkflowRecord record = current(execution_id);
  while (record.state == WorkflowState::queued && record.previous && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(options.poll_interval / 2);
    record = current(execution_id);
  }
  return record;
}

template <class Change>
void EmbeddedEngine::State::change(const std::string& execution_id, Change make) {
  // It may continue as new, or end, between the look and the change.
  for (;;) {
    const WorkflowRecord record = current(execution_id);
    if (is_end(record.state)) {
      throw meta::Error(meta::ErrorCode::conflict,
                        fmt::format("execution {} has ended already: it is {}", execution_id, to_string(record.state)));
    }
    if (make(record.execution_id)) break;
  }
  look();
}

std::optional<Payload> EmbeddedEngine::State::ask_owner(const std::string& execution_id, const std::string& name) {
  if (const auto own = session(); own && !own->over()) return own->query(execution_id, name);
  const std::int64_t query = journal.ask(execution_id, name);
  const auto give_up = std::chrono::steady_clock::now() + kQueryPatience;
  while (std::chrono::steady_clock::now() < give_up) {
    if (const auto answer = journal.take_answer(query)) {
      if (answer->failure) throw to_error(*answer->failure);
      return answer->value;
    }
    std::this_thread::sleep_for(options.poll_interval / 2);
  }
  return std::nullopt;
}

Payload EmbeddedEngine::State::ask_history(const WorkflowRecord& record, const std::string& name) const {
  WorkflowRun run(registry_, WorkflowInfo{record.workflow_type, record.workflow_id, record.execution_id});
  replay(run, journal.history(record.execution_id), record.random_seed);
  return run.query(name);
}

EmbeddedEngine::EmbeddedEngine(Journal& journal, const Registry& registry, EmbeddedEngineOptions options)
    : state_(std::make_unique<State>(journal, registry, std::move(options))) {}

EmbeddedEngine::~EmbeddedEngine() { stop(); }

bool EmbeddedEngine::try_own() { return state_->try_own(); }

void EmbeddedEngine::own_when_free() { state_->own_when_free(); }

bool EmbeddedEngine::owns() const { return state_->owns(); }

Execution EmbeddedEngine::start_workflow(const std::string& workflow_type, const std::string& workflow_id,
                                         Payload input, StartOptions options) {
  Execution execution = state_->journal.start(workflow_type, workflow_id, input, options);
  state_->look();
  return execution;
}

WorkflowDescription EmbeddedEngine::wait(const std::string& execution_id, std::stop_token stop) {
  std::string current = execution_id;
  auto reachable_at = std::chrono::steady_clock::now();
  for (std::uint64_t seen = 0;; seen = state_->wait_for_change(seen, stop)) {
    try {
      const WorkflowRecord record = state_->current(current);
      reachable_at = std::chrono::steady_clock::now();
      current = record.execution_id;
      if (is_end(record.state)) return describe_history(record, state_->journal.history(current));
      if (record.blocked) throw to_error(*record.blocked);
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
  state_->change(execution_id, [&](const std::string& open) { return state_->journal.request_cancel(open); });
}

void EmbeddedEngine::pause(const std::string& execution_id) {
  state_->change(execution_id, [&](const std::string& open) { return state_->journal.set_paused(open, true); });
}

void EmbeddedEngine::resume(const std::string& execution_id) {
  state_->change(execution_id, [&](const std::string& open) { return state_->journal.set_paused(open, false); });
}

void EmbeddedEngine::signal_workflow(const std::string& execution_id, const std::string& name, Payload payload) {
  state_->change(execution_id, [&](const std::string& open) { return state_->journal.signal(open, name, payload); });
}

Payload EmbeddedEngine::query_workflow(const std::string& execution_id, const std::string& name) {
  const WorkflowRecord record = state_->begun(execution_id);
  const auto refuse = [&](const std::string& why) {
    throw meta::Error(meta::ErrorCode::conflict,
                      fmt::format("execution {} cannot be asked for '{}': {}", execution_id, name, why));
  };
  if (record.blocked) refuse("it is blocked: " + record.blocked->message);
  if (record.state == WorkflowState::queued) refuse("it has not begun");
  if (!is_end(record.state)) {
    if (auto answer = state_->ask_owner(record.execution_id, name)) return *answer;
  }
  return state_->ask_history(record, name);
}

Execution EmbeddedEngine::retry(const std::string& execution_id) {
  const WorkflowRecord record = state_->current(execution_id);
  if (record.state != WorkflowState::failed && record.state != WorkflowState::cancelled) {
    throw meta::Error(meta::ErrorCode::conflict,
                      fmt::format("execution {} cannot be retried: it is {}", execution_id, to_string(record.state)),
                      "Only one that failed or was cancelled can");
  }
  const auto history = history_to_retry(state_->journal.history(record.execution_id), meta::SystemClock().now());
  Execution execution = state_->journal.restart(record.execution_id, history);
  state_->look();
  return execution;
}

void EmbeddedEngine::create_schedule(const Schedule& schedule) {
  embedded::create_schedule(state_->journal, schedule);
  state_->look();
}

void EmbeddedEngine::delete_schedule(const std::string& schedule_id) {
  require_schedule(state_->journal.delete_schedule(schedule_id), schedule_id);
}

void EmbeddedEngine::pause_schedule(const std::string& schedule_id, const std::string& note) {
  require_schedule(state_->journal.set_schedule_paused(schedule_id, true, note, {}), schedule_id);
}

void EmbeddedEngine::unpause_schedule(const std::string& schedule_id, const std::string& note) {
  embedded::unpause_schedule(state_->journal, schedule_id, note);
  state_->look();
}

void EmbeddedEngine::trigger_schedule(const std::string& schedule_id) {
  require_schedule(state_->journal.trigger_schedule(schedule_id), schedule_id);
  state_->look();
}

std::optional<ScheduleDescription> EmbeddedEngine::describe_schedule(const std::string& schedule_id) {
  auto found = state_->journal.schedules(schedule_id);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

std::vector<ScheduleDescription> EmbeddedEngine::list_schedules() {
  const auto found = state_->journal.schedules({});
  return {found.begin(), found.end()};
}

void EmbeddedEngine::throw_if_failed() const { state_->throw_if_failed(); }

void EmbeddedEngine::stop() { state_->stop(); }

}  // namespace wellhead::orchestration::embedded
