// One attempt of an activity on this worker, and what is told to Temporal of it.
#pragma once

#include <temporal/sdk/core/activity_task/activity_task.pb.h>
#include <temporal/sdk/core/core_interface.pb.h>

#include <chrono>
#include <exception>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "library/orchestration/activity.h"
#include "library/orchestration/temporal/messages.h"

namespace wellhead::orchestration::temporal_engine {

class ActivityAttempt {
 public:
  using Steady = std::chrono::steady_clock;
  using Completion = coresdk::ActivityTaskCompletion;
  using Start = coresdk::activity_task::Start;

  ActivityAttempt(std::string token, Start start);

  const std::string& token() const { return token_; }
  const Start& start() const { return start_; }
  const ActivityInfo& info() const { return info_; }
  const StepTerms& terms() const { return terms_; }
  Payload input() const { return first_of(start_.input()); }
  std::optional<Payload> last_heartbeat() const;
  std::stop_token stop_token() const { return stop_.get_token(); }
  Steady::time_point arrived() const { return arrived_; }
  Steady::time_point began() const { return began_; }

  void begin();
  // Its workflow does not want it any more.
  void give_up();
  // This worker stops: what it has not done is another's.
  void stop_working();
  void note_heartbeat(Payload details);
  // Of what was told last.
  coresdk::ActivityHeartbeat heartbeat() const;

  // Which limit it has passed ("start-to-close", "heartbeat"); nullptr for none.
  const char* passed_limit(Steady::time_point now) const;
  // When passed_limit() may have another answer; max() for never.
  Steady::time_point next_limit() const;
  // It shall stop by itself: past its schedule-to-close limit, which the server watches.
  void check_schedule_to_close(meta::Time now);

  // The answer to the server, once: nullopt when one was given. fraction: of RetryPolicy::wait_after.
  std::optional<Completion> complete(const Payload& result);
  std::optional<Completion> fail(const std::exception_ptr& error, double fraction);
  std::optional<Completion> time_out(const char* limit, double fraction);

 private:
  bool answer_once();
  Completion failed(Failure failure, double fraction);
  Completion fail_for_good(const Failure& failure);
  Completion interrupted() const;
  Completion cancelled() const;

  const std::string token_;
  const Start start_;
  StepTerms terms_;
  ActivityInfo info_;
  const Steady::time_point arrived_ = Steady::now();
  Steady::time_point began_ = arrived_;
  meta::Time started_at_{};
  std::stop_source stop_;
  mutable std::mutex mutex_;
  HeartbeatDetails details_;
  Steady::time_point last_sign_ = arrived_;
  bool running_ = false;
  bool given_up_ = false;
  bool stopping_ = false;
  bool answered_ = false;
};

}  // namespace wellhead::orchestration::temporal_engine
