#include "library/orchestration/temporal/messages.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace wellhead::orchestration::temporal_engine {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t kRunIdSize = 36;  // a UUID
constexpr std::size_t kMostKept = 20;   // failed attempts of a step
constexpr const char* kAttempts = "wellhead-attempts";

struct TermsJson {
  std::int64_t initial_interval = 0, maximum_interval = 0;
  double backoff = 2;
  int maximum_attempts = 0, maximum_attempts_in_outage = 0;
  std::vector<std::string> non_retryable, outages;
  milliseconds start_to_close{0}, schedule_to_close{0}, heartbeat_timeout{0};
  bool reset = false;
  static constexpr auto kFields = meta::fields(
      meta::field("initial_interval", &TermsJson::initial_interval),
      meta::field("maximum_interval", &TermsJson::maximum_interval), meta::field("backoff", &TermsJson::backoff),
      meta::field("maximum_attempts", &TermsJson::maximum_attempts),
      meta::field("maximum_attempts_in_outage", &TermsJson::maximum_attempts_in_outage),
      meta::field("non_retryable", &TermsJson::non_retryable), meta::field("outages", &TermsJson::outages),
      meta::field("start_to_close", &TermsJson::start_to_close),
      meta::field("schedule_to_close", &TermsJson::schedule_to_close),
      meta::field("heartbeat_timeout", &TermsJson::heartbeat_timeout), meta::field("reset", &TermsJson::reset));
};

std::vector<std::string> names_of(const std::vector<meta::ErrorCode>& codes) {
  std::vector<std::string> names;
  names.reserve(codes.size());
  for (const auto code : codes) names.emplace_back(meta::to_string(code));
  return names;
}

std::vector<meta::ErrorCode> codes_of(const std::vector<std::string>& names) {
  std::vector<meta::ErrorCode> codes;
  for (const auto& name : names) {
    if (const auto code = meta::error_code_from_string(name)) codes.push_back(*code);
  }
  return codes;
}

Failure timeout_of(const api::failure::v1::Failure& failure) {
  const auto type = failure.timeout_failure_info().timeout_type();
  const char* limit = type == api::enums::v1::TIMEOUT_TYPE_START_TO_CLOSE      ? "start-to-close"
                      : type == api::enums::v1::TIMEOUT_TYPE_HEARTBEAT         ? "heartbeat"
                      : type == api::enums::v1::TIMEOUT_TYPE_SCHEDULE_TO_CLOSE ? "schedule-to-close"
                                                                               : "schedule-to-start";
  return {.code = std::string(meta::to_string(meta::ErrorCode::activity_timeout)),
          .message = fmt::format("an attempt passed its {} limit, or its worker was lost", limit),
          .retryable = true};
}

std::optional<Failure> own_failure(const api::failure::v1::ApplicationFailureInfo& info) {
  if (info.details().payloads().empty()) return std::nullopt;
  try {
    auto failure = meta::from_json<Failure>(payload_of(info.details().payloads(0)));
    if (!failure.message.empty()) return failure;
  } catch (const meta::Error&) {
    return std::nullopt;  // another program's details
  }
  return std::nullopt;
}

Failure foreign_failure(const api::failure::v1::Failure& failure) {
  Failure known{.message = failure.message().empty() ? "it failed without saying why" : failure.message()};
  if (is_cancellation(failure)) known.code = meta::to_string(meta::ErrorCode::cancelled);
  return known;
}

}  // namespace

std::string execution_id_of(const std::string& workflow_id, const std::string& run_id) {
  return workflow_id + "/" + run_id;
}

std::optional<ExecutionName> parse_execution_id(const std::string& execution_id) {
  if (execution_id.size() < kRunIdSize + 2) return std::nullopt;
  const auto slash = execution_id.size() - kRunIdSize - 1;
  if (execution_id[slash] != '/' || execution_id[slash + 9] != '-') return std::nullopt;
  return ExecutionName{execution_id.substr(0, slash), execution_id.substr(slash + 1)};
}

api::common::v1::WorkflowExecution execution_of(const std::string& execution_id) {
  const auto name = parse_execution_id(execution_id);
  if (!name) {
    throw meta::Error(meta::ErrorCode::not_found, fmt::format("there is no execution '{}' on Temporal", execution_id));
  }
  api::common::v1::WorkflowExecution execution;
  execution.set_workflow_id(name->workflow_id);
  execution.set_run_id(name->run_id);
  return execution;
}

void set_payload(api::common::v1::Payload& to, const Payload& json) {
  (*to.mutable_metadata())["encoding"] = "json/plain";
  to.set_data(json);
}

void add_payload(api::common::v1::Payloads& to, const Payload& json) { set_payload(*to.add_payloads(), json); }

Payload payload_of(const api::common::v1::Payload& payload) { return payload.data().empty() ? "null" : payload.data(); }

Payload first_payload(const api::common::v1::Payloads& payloads) { return first_of(payloads.payloads()); }

void set_duration(google::protobuf::Duration& to, milliseconds duration) {
  const auto whole = std::chrono::duration_cast<seconds>(duration);
  to.set_seconds(whole.count());
  to.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(duration - whole).count()));
}

milliseconds milliseconds_of(const google::protobuf::Duration& duration) {
  return seconds(duration.seconds()) + milliseconds(duration.nanos() / 1'000'000);
}

void set_time(google::protobuf::Timestamp& to, meta::Time time) {
  const auto since = time.time_since_epoch();
  const auto whole = std::chrono::floor<seconds>(since);
  to.set_seconds(whole.count());
  to.set_nanos(static_cast<std::int32_t>(std::chrono::nanoseconds(since - whole).count()));
}

meta::Time time_of(const google::protobuf::Timestamp& time) {
  return meta::Time(seconds(time.seconds()) + microseconds(time.nanos() / 1000));
}

void FailedAttempts::add(FailedAttempt attempt) {
  ++count;
  last.push_back(std::move(attempt));
  if (last.size() > kMostKept) last.erase(last.begin());
}

void attach(api::common::v1::Payload& result, const FailedAttempts& failed) {
  if (failed.count > 0) (*result.mutable_metadata())[kAttempts] = meta::to_json(failed);
}

FailedAttempts attached(const api::common::v1::Payload& result) {
  const auto found = result.metadata().find(kAttempts);
  if (found == result.metadata().end()) return {};
  return meta::from_json<FailedAttempts>(found->second);
}

void set_failure(api::failure::v1::Failure& to, const Failure& failure, bool retryable, const FailedAttempts* failed) {
  to.set_message(failure.message);
  to.set_source("wellhead");
  auto& info = *to.mutable_application_failure_info();
  info.set_type(failure.code);
  info.set_non_retryable(!retryable);
  add_payload(*info.mutable_details(), meta::to_json(failure));
  if (failed != nullptr) attach(*info.mutable_details()->mutable_payloads(0), *failed);
}

Failure failure_of(const api::failure::v1::Failure& failure) {
  if (failure.has_application_failure_info()) {
    if (auto own = own_failure(failure.application_failure_info())) return *std::move(own);
  }
  if (failure.has_timeout_failure_info()) return timeout_of(failure);
  if (failure.has_activity_failure_info() || failure.has_child_workflow_execution_failure_info()) {
    Failure cause = failure.has_cause() ? failure_of(failure.cause()) : foreign_failure(failure);
    if (failure.activity_failure_info().retry_state() == api::enums::v1::RETRY_STATE_TIMEOUT &&
        cause.code != meta::to_string(meta::ErrorCode::activity_timeout)) {
      cause.message = fmt::format("{} passed its schedule-to-close limit; at last: {}",
                                  failure.activity_failure_info().activity_type().name(), cause.message);
      cause.code = meta::to_string(meta::ErrorCode::activity_timeout);
    }
    return cause;
  }
  return foreign_failure(failure);
}

FailedAttempts attached(const api::failure::v1::Failure& failure) {
  if (failure.has_activity_failure_info() && failure.has_cause()) return attached(failure.cause());
  const auto& details = failure.application_failure_info().details().payloads();
  return details.empty() ? FailedAttempts{} : attached(details[0]);
}

bool is_cancellation(const api::failure::v1::Failure& failure) {
  if (failure.has_canceled_failure_info()) return true;
  return failure.has_cause() && is_cancellation(failure.cause());
}

Payload to_json(const StepTerms& terms) {
  return meta::to_json(TermsJson{.initial_interval = terms.retry.initial_interval.count(),
                                 .maximum_interval = terms.retry.maximum_interval.count(),
                                 .backoff = terms.retry.backoff,
                                 .maximum_attempts = terms.retry.maximum_attempts,
                                 .maximum_attempts_in_outage = terms.retry.maximum_attempts_in_outage,
                                 .non_retryable = names_of(terms.retry.non_retryable),
                                 .outages = names_of(terms.retry.outages),
                                 .start_to_close = terms.start_to_close,
                                 .schedule_to_close = terms.schedule_to_close,
                                 .heartbeat_timeout = terms.heartbeat_timeout,
                                 .reset = terms.reset});
}

StepTerms terms_from_json(const Payload& json) {
  const auto read = meta::from_json<TermsJson>(json);
  StepTerms terms{.start_to_close = read.start_to_close,
                  .schedule_to_close = read.schedule_to_close,
                  .heartbeat_timeout = read.heartbeat_timeout,
                  .reset = read.reset};
  terms.retry.initial_interval = milliseconds(read.initial_interval);
  terms.retry.maximum_interval = milliseconds(read.maximum_interval);
  terms.retry.backoff = read.backoff;
  terms.retry.maximum_attempts = read.maximum_attempts;
  terms.retry.maximum_attempts_in_outage = read.maximum_attempts_in_outage;
  terms.retry.non_retryable = codes_of(read.non_retryable);
  terms.retry.outages = codes_of(read.outages);
  return terms;
}

}  // namespace wellhead::orchestration::temporal_engine
