#include "library/orchestration/embedded/owner_session.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::embedded {
namespace {

using std::chrono::system_clock;

constexpr std::chrono::milliseconds kPauseBetweenTries{100};

bool is_unreachable(const meta::Error& error) { return error.code() == meta::ErrorCode::database_unreachable; }

}  // namespace

OwnerSession::OwnerSession(Journal& journal, const Registry& registry, const EmbeddedEngineOptions& options,
                           std::int64_t epoch, std::function<void()> on_change)
    : journal_(journal),
      options_(options),
      epoch_(epoch),
      on_change_(std::move(on_change)),
      pool_(options.slots,
            {.on_start = [this](ActivityStart start) { inbox_.put(std::move(start)); },
             .on_heartbeat = [this](ActivityHeartbeat heartbeat) { inbox_.put(std::move(heartbeat)); },
             .on_end = [this](ActivityEnd end) { inbox_.put(std::move(end)); }},
            options.observer),
      table_(registry, epoch, pool_, options.observer),
      scheduler_(journal, epoch, options.poll_interval),
      lease_thread_([this] { keep_lease(); }),
      workflow_thread_([this] { run_workflows(); }) {}

OwnerSession::~OwnerSession() { stop(); }

void OwnerSession::look() { inbox_.ask_to_look(); }

void OwnerSession::stop() {
  inbox_.ask_to_stop();
  if (workflow_thread_.joinable()) workflow_thread_.join();
  if (lease_thread_.joinable()) lease_thread_.join();
}

std::exception_ptr OwnerSession::error() const {
  const std::lock_guard lock(mutex_);
  return error_;
}

void OwnerSession::run_workflows() {
  std::exception_ptr error;
  try {
    run_rounds();
  } catch (...) {
    error = std::current_exception();
  }
  pool_.stop(error ? std::chrono::milliseconds(0) : options_.stop_grace);
  if (!error) {
    try {
      last_round();
    } catch (...) {
      error = std::current_exception();
    }
  }
  end(error);
}

void OwnerSession::run_rounds() {
  recover();
  for (;;) {
    Inbox::Contents contents = inbox_.take(next_deadline());
    if (contents.stop) {
      for (auto& end : contents.ended) inbox_.put(std::move(end));
      return;
    }
    round(contents);
  }
}

std::optional<Payload> OwnerSession::query(const std::string& execution_id, const std::string& name) {
  InboxQuery query{execution_id, name, {}};
  auto answer = query.answer.get_future();
  if (over_) return std::nullopt;
  inbox_.put(std::move(query));
  try {
    while (answer.wait_for(options_.poll_interval) != std::future_status::ready) {
      if (over_) return std::nullopt;
    }
    const std::optional<QueryAnswer> given = answer.get();
    if (given && given->failure) throw to_error(*given->failure);
    return given ? std::optional(given->value) : std::nullopt;
  } catch (const std::future_error&) {
    return std::nullopt;  // dropped as the session ended
  }
}

void OwnerSession::recover() {
  with_patience([&] {
    for (const WorkflowRecord& record : journal_.running()) take_in(record);
    recover_children();
  });
  if (!table_.empty()) spdlog::info("going on with {} open workflows", table_.roots());
  commit_turns();
}

// One whose history cannot be read is blocked: it alone cannot go on.
void OwnerSession::take_in(const WorkflowRecord& record) {
  if (table_.knows(record.execution_id)) return;
  if (record.state == WorkflowState::queued && !record.retried) return table_.begin(record);
  try {
    table_.recover(record, journal_.history(record.execution_id));
  } catch (const meta::Error& error) {
    if (is_unreachable(error)) throw;
    table_.block(record, to_failure(std::current_exception()));
  }
}

// Children may have ended after their parent's last turn; one that is missing could not be started.
void OwnerSession::recover_children() {
  for (const auto& parent : table_.waiting_for_children()) {
    for (const WorkflowRecord& child : journal_.children(parent)) table_.notice_child(child);
  }
}

// The queue is read here, on the thread that also writes, so that no execution is seen as queued after it was begun.
void OwnerSession::fetch() {
  next_fetch_ = system_clock::now() + options_.poll_interval;
  with_patience([&] {
    next_fetch_ = std::min<system_clock::time_point>(next_fetch_, scheduler_.fire(meta::SystemClock().now()));
    const std::size_t roots = table_.roots();
    const std::size_t room = options_.maximum_workflows > roots ? options_.maximum_workflows - roots : 0;
    for (const WorkflowRecord& record : journal_.queued(room)) take_in(record);
    if (table_.empty()) return;
    for (const auto& [query_id, answer] : table_.notice(journal_.notices())) journal_.answer(query_id, answer);
  });
}

void OwnerSession::round(Inbox::Contents& contents) {
  table_.take(contents);
  const meta::Time now = meta::SystemClock().now();
  table_.ring(now);
  if (contents.look || now >= next_fetch_) fetch();
  {
    const std::lock_guard lock(mutex_);
    if (lease_error_) std::rethrow_exception(lease_error_);
  }
  commit_turns();
}

void OwnerSession::commit_turns() {
  const auto started = commit(table_.run_turns(meta::SystemClock().now()));
  const auto gone = table_.dispatch();
  for (const StartedChild& child : started) table_.notice_started(child);
  if (!started.empty() || !gone.empty()) inbox_.ask_to_look();
  if (!gone.empty()) on_change_();
}

// What activities finished while they were asked to stop is kept; what it leads to is journaled, and begun by the next
// owner.
void OwnerSession::last_round() {
  Inbox::Contents contents = inbox_.take(system_clock::now());
  table_.take_stopping(contents);
  commit(table_.run_turns(meta::SystemClock().now()));
}

std::vector<StartedChild> OwnerSession::commit(const std::vector<JournalEntry>& entries) {
  std::vector<StartedChild> started;
  if (!entries.empty()) with_patience([&] { started = journal_.append(epoch_, entries); });
  return started;
}

template <class Operation>
void OwnerSession::with_patience(Operation operation) {
  const auto give_up = system_clock::now() + options_.journal_patience;
  for (bool told = false;; told = true) {
    try {
      return operation();
    } catch (const meta::Error& error) {
      if (!is_unreachable(error) || inbox_.asked_to_stop() || system_clock::now() >= give_up) throw;
      if (!told) spdlog::warn("the journal is unreachable, trying on: {}", error.what());
    }
    std::this_thread::sleep_for(kPauseBetweenTries);
  }
}

system_clock::time_point OwnerSession::next_deadline() const {
  system_clock::time_point deadline = next_fetch_;
  if (const auto alarm = table_.next_alarm()) deadline = std::min<system_clock::time_point>(deadline, *alarm);
  return deadline;
}

void OwnerSession::keep_lease() {
  std::unique_lock lock(mutex_);
  while (!lease_wake_.wait_for(lock, options_.lease_duration / 3, [this] { return lease_done_; })) {
    lock.unlock();
    std::exception_ptr error;
    try {
      journal_.renew_lease(epoch_, options_.lease_duration);
    } catch (const meta::Error& failed) {
      // Unreachable says nothing about the lease: whoever writes finds out.
      if (!is_unreachable(failed)) error = std::current_exception();
    }
    lock.lock();
    if (!error) continue;
    lease_error_ = error;
    inbox_.ask_to_look();
    return;
  }
}

void OwnerSession::end(const std::exception_ptr& error) {
  {
    const std::lock_guard lock(mutex_);
    error_ = error;
    lease_done_ = true;
    lease_wake_.notify_all();
  }
  try {
    journal_.release_lease(epoch_);
  } catch (const meta::Error& failed) {
    spdlog::warn("the lease could not be given back, it will expire: {}", failed.what());
  }
  if (error) spdlog::error("the engine has stopped: {}", to_error(to_failure(error)).what());
  over_ = true;
  on_change_();
}

}  // namespace wellhead::orchestration::embedded
