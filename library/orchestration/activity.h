// Activities: plain blocking functions that do a workflow's I/O, run by an engine on its threads, retried by policy.
//
//   inline const ActivityName<PageRequest, PatientPage> extract_patients{"extract_patients", {.task_queue =
//   "extract"}}; registry.add_activity(extract_patients, [&](ActivityContext& activity, PageRequest page) { ... return
//   result; });
//
// An activity may run more than once (a crash after it ended but before its result was journaled), so it is idempotent.
// What it throws decides what happens next: meta::Error::retryable() and retry_after(), within the RetryPolicy.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/error.h"

namespace wellhead::orchestration {

using Payload = std::string;  // JSON text, by meta::to_json

// Waits initial_interval * backoff^(attempt - 1), at most maximum_interval, shortened at random by up to a half so that
// many do not return at once; at least as long as retry_after() asks.
struct RetryPolicy {
  std::chrono::milliseconds initial_interval{500};
  double backoff = 2.0;
  std::chrono::milliseconds maximum_interval{30'000};
  int maximum_attempts = 8;  // 0: no limit
  std::vector<meta::ErrorCode> non_retryable;
  // Outages of our own, which say nothing about the step: they may take this many attempts.
  std::vector<meta::ErrorCode> outages;
  int maximum_attempts_in_outage = 100;

  bool allows_another(const meta::Error& error, int attempt) const;
  // fraction: 0 to 1, picks the point within the jitter.
  std::chrono::milliseconds wait_after(const meta::Error& error, int attempt, double fraction) const;
};

// Zero is no limit. An attempt that passes a limit is told to stop and counts as failed with Error{activity_timeout},
// whatever it still does; it keeps its slot until it returns.
struct ActivityOptions {
  std::string task_queue = "default";  // each queue has its own slots
  RetryPolicy retry;
  std::chrono::milliseconds start_to_close{0};     // of one attempt
  std::chrono::milliseconds schedule_to_close{0};  // of all attempts and the waits between; past it none follows
  std::chrono::milliseconds heartbeat_timeout{0};  // longest silence of an attempt
};

// An activity's name, with the types of what goes in and comes out. Out may be void.
template <class In, class Out>
struct ActivityName {
  std::string name;
  ActivityOptions options = {};
};

// The epoch where an engine has no lease: a Temporal server gives an attempt to one worker, and what one writes that
// was given up for lost is what its successor writes.
inline constexpr std::int64_t kNoLease = 0;

// Which attempt of which activity is running.
struct ActivityInfo {
  std::string workflow_id;
  std::string execution_id;
  std::string activity;
  std::uint32_t sequence = 0;           // numbers the steps of an execution
  int attempt = 1;                      // from 1
  std::int64_t lease_epoch = kNoLease;  // of the engine's lease
};

// What a running activity can ask and tell its engine. Belongs to the activity's thread.
class ActivityContext {
 public:
  explicit ActivityContext(ActivityInfo info, std::stop_token stop = {}, std::optional<Payload> last_heartbeat = {},
                           std::function<void(Payload)> on_heartbeat = {});

  const ActivityInfo& info() const { return info_; }
  int attempt() const { return info_.attempt; }
  const std::string& workflow_id() const { return info_.workflow_id; }
  // Whoever writes rows checks it inside the transaction (storage::check_lease), so that an engine which has lost its
  // lease writes nothing.
  std::int64_t lease_epoch() const { return info_.lease_epoch; }

  // Set when the workflow was cancelled or has ended, or the engine is stopping. An activity looks at it between pieces
  // of work and leaves with throw_if_cancelled().
  std::stop_token stop_token() const { return stop_; }
  bool cancelled() const { return stop_.stop_requested(); }
  void throw_if_cancelled() const;  // throws Error{cancelled}

  // Tells how far the attempt has come; the next attempt finds the last one told. The engine journals it at most once
  // a second, and when it stops: after a crash the next attempt may find an earlier one.
  template <class Details>
  void heartbeat(const Details& details) {
    record_heartbeat(meta::to_json(details));
  }
  template <class Details>
  std::optional<Details> last_heartbeat() const {
    if (!last_heartbeat_) return std::nullopt;
    return meta::from_json<Details>(*last_heartbeat_);
  }

 private:
  void record_heartbeat(Payload details);

  ActivityInfo info_;
  std::stop_token stop_;
  std::optional<Payload> last_heartbeat_;
  std::function<void(Payload)> on_heartbeat_;
};

}  // namespace wellhead::orchestration
