// One tenure of the lease: from taking it to giving it up or losing it. Owns the workflow thread, the lease thread and
// the slots; all of them end with it.
#pragma once

#include <atomic>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "library/orchestration/embedded/embedded_engine.h"
#include "library/orchestration/embedded/inbox.h"
#include "library/orchestration/embedded/scheduler.h"
#include "library/orchestration/embedded/workflow_table.h"

namespace wellhead::orchestration::embedded {

class OwnerSession {
 public:
  // on_change: some execution has ended or is blocked, or the session is over. Called on the workflow thread.
  OwnerSession(Journal& journal, const Registry& registry, const EmbeddedEngineOptions& options, std::int64_t epoch,
               std::function<void()> on_change);
  ~OwnerSession();

  // There is queued work, or something that other processes want.
  void look();
  // The answer of an execution that is open here; nullopt when it is not, or the session ends meanwhile. Blocks until
  // the workflow thread has answered.
  std::optional<Payload> query(const std::string& execution_id, const std::string& name);
  // Lets activities end (they are asked to stop), journals what they finished, gives up the lease.
  void stop();

  bool over() const { return over_; }
  // Why it is over: null when it was stopped.
  std::exception_ptr error() const;

 private:
  void run_workflows();
  void run_rounds();
  void recover();
  void fetch();
  void take_in(const WorkflowRecord& record);
  void recover_children();
  void round(Inbox::Contents& contents);
  void last_round();
  std::vector<StartedChild> commit(const std::vector<JournalEntry>& entries);
  void commit_turns();
  std::chrono::system_clock::time_point next_deadline() const;
  void keep_lease();
  void end(const std::exception_ptr& error);
  template <class Operation>
  void with_patience(Operation operation);

  Journal& journal_;
  const EmbeddedEngineOptions options_;
  const std::int64_t epoch_;
  std::function<void()> on_change_;

  Inbox inbox_;
  ActivityPool pool_;
  WorkflowTable table_;
  Scheduler scheduler_;
  std::chrono::system_clock::time_point next_fetch_{};

  std::atomic<bool> over_ = false;
  mutable std::mutex mutex_;
  std::condition_variable lease_wake_;
  bool lease_done_ = false;
  std::exception_ptr error_;
  std::exception_ptr lease_error_;

  std::thread lease_thread_;
  std::thread workflow_thread_;
};

}  // namespace wellhead::orchestration::embedded
