// What Wellhead says as Temporal's protocol buffers, and back: payloads (JSON), failures, times, execution ids.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>
#include <temporal/api/common/v1/message.pb.h>
#include <temporal/api/failure/v1/message.pb.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "library/meta/clock.h"
#include "library/meta/describe.h"
#include "library/orchestration/activity.h"
#include "library/orchestration/failure.h"

namespace wellhead::orchestration::temporal_engine {

namespace api = ::temporal::api;

// An execution of Temporal is named by two ids; the port knows one. "workflow id/run id".
struct ExecutionName {
  std::string workflow_id;
  std::string run_id;
};
std::string execution_id_of(const std::string& workflow_id, const std::string& run_id);
// nullopt: no id of a Temporal execution.
std::optional<ExecutionName> parse_execution_id(const std::string& execution_id);
// Error{not_found} when it is none.
api::common::v1::WorkflowExecution execution_of(const std::string& execution_id);

// JSON text as "json/plain".
void set_payload(api::common::v1::Payload& to, const Payload& json);
void add_payload(api::common::v1::Payloads& to, const Payload& json);
Payload payload_of(const api::common::v1::Payload& payload);
// The first; "null" when there is none.
Payload first_payload(const api::common::v1::Payloads& payloads);
template <class List>
Payload first_of(const List& payloads) {
  return payloads.empty() ? Payload("null") : payload_of(*payloads.begin());
}

void set_duration(google::protobuf::Duration& to, std::chrono::milliseconds duration);
std::chrono::milliseconds milliseconds_of(const google::protobuf::Duration& duration);
void set_time(google::protobuf::Timestamp& to, meta::Time time);
meta::Time time_of(const google::protobuf::Timestamp& time);

// An attempt of an activity that failed, as it travels with the activity's heartbeats and is kept with its outcome:
// Temporal's own history keeps the last one alone.
struct FailedAttempt {
  int attempt = 1;
  std::int64_t started_at = 0, ended_at = 0;  // microseconds since 1970
  Failure failure;
  static constexpr auto kFields = meta::fields(
      meta::field("attempt", &FailedAttempt::attempt), meta::field("started_at", &FailedAttempt::started_at),
      meta::field("ended_at", &FailedAttempt::ended_at), meta::field("failure", &FailedAttempt::failure));
};
struct FailedAttempts {
  int count = 0;
  std::vector<FailedAttempt> last;  // not all, if there are many
  static constexpr auto kFields =
      meta::fields(meta::field("count", &FailedAttempts::count), meta::field("last", &FailedAttempts::last));
  void add(FailedAttempt attempt);
};
// Details of a heartbeat: what the activity told, and how its earlier attempts failed.
struct HeartbeatDetails {
  std::optional<Payload> told;
  FailedAttempts failed;
  static constexpr auto kFields =
      meta::fields(meta::field("told", &HeartbeatDetails::told), meta::field("failed", &HeartbeatDetails::failed));
};
// With the payload of an activity's result. Written only if there are any.
void attach(api::common::v1::Payload& result, const FailedAttempts& failed);
FailedAttempts attached(const api::common::v1::Payload& result);

// As an application failure, whose details are the whole Failure; failed (may be null) goes with it.
void set_failure(api::failure::v1::Failure& to, const Failure& failure, bool retryable,
                 const FailedAttempts* failed = nullptr);
// Any failure: ours, a timeout, a cancellation, another program's.
Failure failure_of(const api::failure::v1::Failure& failure);
FailedAttempts attached(const api::failure::v1::Failure& failure);
bool is_cancellation(const api::failure::v1::Failure& failure);

// How a step is retried, which no RetryPolicy of Temporal can say: with the activity, as a header.
struct StepTerms {
  RetryPolicy retry;
  std::chrono::milliseconds start_to_close{0}, schedule_to_close{0}, heartbeat_timeout{0};
  bool reset = false;  // the execution goes on with one that failed, and may have this step's result
};
Payload to_json(const StepTerms& terms);
StepTerms terms_from_json(const Payload& json);

inline constexpr const char* kTermsHeader = "wellhead-terms";
inline constexpr const char* kSequenceHeader = "wellhead-sequence";
inline constexpr const char* kPauseSignal = "wellhead-pause";  // its payload says whether to pause or to go on

}  // namespace wellhead::orchestration::temporal_engine
