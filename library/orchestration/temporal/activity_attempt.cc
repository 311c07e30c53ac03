#include "library/orchestration/temporal/activity_attempt.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::temporal_engine {
namespace {

using std::chrono::milliseconds;

StepTerms terms_of(const ActivityAttempt::Start& start) {
  const auto header = start.header_fields().find(kTermsHeader);
  if (header == start.header_fields().end()) return {};
  return terms_from_json(payload_of(header->second));
}

HeartbeatDetails details_of(const ActivityAttempt::Start& start) {
  if (start.heartbeat_details().empty()) return {};
  try {
    return meta::from_json<HeartbeatDetails>(payload_of(start.heartbeat_details(0)));
  } catch (const meta::Error&) {
    return {};  // another program's
  }
}

std::int64_t microseconds_of(meta::Time time) { return time.time_since_epoch().count(); }

std::uint32_t number_of(const std::string& activity_id) {
  try {
    return static_cast<std::uint32_t>(std::stoul(activity_id));
  } catch (const std::exception&) {
    return 0;
  }
}

}  // namespace

ActivityAttempt::ActivityAttempt(std::string token, Start start)
    : token_(std::move(token)), start_(std::move(start)), terms_(terms_of(start_)), details_(details_of(start_)) {
  const auto& execution = start_.workflow_execution();
  info_ = {.workflow_id = execution.workflow_id(),
           .execution_id = execution_id_of(execution.workflow_id(), execution.run_id()),
           .activity = start_.activity_type(),
           .sequence = number_of(start_.activity_id()),
           .attempt = details_.failed.count + 1};
}

std::optional<Payload> ActivityAttempt::last_heartbeat() const {
  const std::lock_guard lock(mutex_);
  return details_.told;
}

void ActivityAttempt::begin() {
  const std::lock_guard lock(mutex_);
  running_ = true;
  began_ = last_sign_ = Steady::now();
  started_at_ = meta::SystemClock().now();
}

void ActivityAttempt::give_up() {
  {
    const std::lock_guard lock(mutex_);
    given_up_ = true;
  }
  stop_.request_stop();
}

void ActivityAttempt::stop_working() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_.request_stop();
}

void ActivityAttempt::note_heartbeat(Payload details) {
  const std::lock_guard lock(mutex_);
  details_.told = std::move(details);
  last_sign_ = Steady::now();
}

coresdk::ActivityHeartbeat ActivityAttempt::heartbeat() const {
  coresdk::ActivityHeartbeat heartbeat;
  heartbeat.set_task_token(token_);
  const std::lock_guard lock(mutex_);
  set_payload(*heartbeat.add_details(), meta::to_json(details_));
  return heartbeat;
}

const char* ActivityAttempt::passed_limit(Steady::time_point now) const {
  const std::lock_guard lock(mutex_);
  if (!running_ || answered_) return nullptr;
  if (terms_.start_to_close.count() > 0 && now >= began_ + terms_.start_to_close) return "start-to-close";
  if (terms_.heartbeat_timeout.count() > 0 && now >= last_sign_ + terms_.heartbeat_timeout) return "heartbeat";
  return nullptr;
}

ActivityAttempt::Steady::time_point ActivityAttempt::next_limit() const {
  const std::lock_guard lock(mutex_);
  auto next = Steady::time_point::max();
  if (!running_ || answered_) return next;
  if (terms_.start_to_close.count() > 0) next = std::min(next, began_ + terms_.start_to_close);
  if (terms_.heartbeat_timeout.count() > 0) next = std::min(next, last_sign_ + terms_.heartbeat_timeout);
  return next;
}

void ActivityAttempt::check_schedule_to_close(meta::Time now) {
  if (terms_.schedule_to_close.count() == 0) return;
  if (now > time_of(start_.scheduled_time()) + terms_.schedule_to_close) give_up();
}

bool ActivityAttempt::answer_once() {
  const std::lock_guard lock(mutex_);
  return !std::exchange(answered_, true);
}

std::optional<ActivityAttempt::Completion> ActivityAttempt::complete(const Payload& result) {
  if (!answer_once()) return std::nullopt;
  Completion completion;
  completion.set_task_token(token_);
  auto& payload = *completion.mutable_result()->mutable_completed()->mutable_result();
  set_payload(payload, result);
  attach(payload, details_.failed);
  return completion;
}

std::optional<ActivityAttempt::Completion> ActivityAttempt::fail(const std::exception_ptr& error, double fraction) {
  if (!answer_once()) return std::nullopt;
  Failure failure = to_failure(error);
  if (stop_.stop_requested()) {
    if (stopping_ && !given_up_) return interrupted();
    if (failure.code == meta::to_string(meta::ErrorCode::cancelled)) return cancelled();
  }
  return failed(std::move(failure), fraction);
}

std::optional<ActivityAttempt::Completion> ActivityAttempt::time_out(const char* limit, double fraction) {
  if (!answer_once()) return std::nullopt;
  stop_.request_stop();
  const auto length = limit == std::string_view("heartbeat") ? terms_.heartbeat_timeout : terms_.start_to_close;
  const meta::Error error(meta::ErrorCode::activity_timeout,
                          fmt::format("{} passed its {} limit of {} ms in attempt {}", info_.activity, limit,
                                      length.count(), info_.attempt));
  return failed(to_failure(std::make_exception_ptr(error)), fraction);
}

ActivityAttempt::Completion ActivityAttempt::failed(Failure failure, double fraction) {
  failure.step = info_.activity;
  failure.sequence = info_.sequence;
  const meta::Error error = to_error(failure);
  if (!terms_.retry.allows_another(error, info_.attempt)) return fail_for_good(failure);
  const auto wait = std::max(terms_.retry.wait_after(error, info_.attempt, fraction), milliseconds(1));
  const auto now = meta::SystemClock().now();
  if (terms_.schedule_to_close.count() > 0 &&
      now + wait > time_of(start_.scheduled_time()) + terms_.schedule_to_close) {
    failure.code = meta::to_string(meta::ErrorCode::activity_timeout);
    failure.message = fmt::format("{} passed its schedule-to-close limit of {} ms in attempt {}; at last: {}",
                                  info_.activity, terms_.schedule_to_close.count(), info_.attempt, failure.message);
    return fail_for_good(failure);
  }
  spdlog::warn("{}: {} failed, attempt {} follows in {} ms: {}", info_.workflow_id, info_.activity, info_.attempt + 1,
               wait.count(), error.what());
  Completion completion;
  completion.set_task_token(token_);
  auto& told = *completion.mutable_result()->mutable_failed()->mutable_failure();
  set_failure(told, failure, true);
  set_duration(*told.mutable_application_failure_info()->mutable_next_retry_delay(), wait);
  const std::lock_guard lock(mutex_);
  details_.failed.add({info_.attempt, microseconds_of(started_at_), microseconds_of(now), failure});
  return completion;
}

ActivityAttempt::Completion ActivityAttempt::fail_for_good(const Failure& failure) {
  Completion completion;
  completion.set_task_token(token_);
  set_failure(*completion.mutable_result()->mutable_failed()->mutable_failure(), failure, false, &details_.failed);
  return completion;
}

// Neither a result nor a failure: it counts as no attempt.
ActivityAttempt::Completion ActivityAttempt::interrupted() const {
  Completion completion;
  completion.set_task_token(token_);
  auto& told = *completion.mutable_result()->mutable_failed()->mutable_failure();
  set_failure(told,
              {.code = std::string(meta::to_string(meta::ErrorCode::cancelled)),
               .message = "its worker stopped; another goes on with it"},
              true);
  set_duration(*told.mutable_application_failure_info()->mutable_next_retry_delay(), milliseconds(1));
  return completion;
}

ActivityAttempt::Completion ActivityAttempt::cancelled() const {
  Completion completion;
  completion.set_task_token(token_);
  auto& told = *completion.mutable_result()->mutable_cancelled()->mutable_failure();
  told.set_message("the step was cancelled");
  told.mutable_canceled_failure_info();
  return completion;
}

}  // namespace wellhead::orchestration::temporal_engine
