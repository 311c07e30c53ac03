// A failure as it is journaled and shown: a meta::Error written down, and the step it came from.
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>

#include "library/meta/describe.h"
#include "library/meta/error.h"

namespace wellhead::orchestration {

struct Failure {
  std::string code = "internal";  // meta::ErrorCode's name
  std::string message;
  std::string advice;
  bool retryable = false;
  std::optional<std::chrono::milliseconds> retry_after;
  std::string step;            // the activity or child that failed; empty when the workflow's own code threw
  std::uint32_t sequence = 0;  // its number; 0: none

  static constexpr auto kFields =
      meta::fields(meta::field("code", &Failure::code), meta::field("message", &Failure::message),
                   meta::field("advice", &Failure::advice), meta::field("retryable", &Failure::retryable),
                   meta::field("retry_after_milliseconds", &Failure::retry_after), meta::field("step", &Failure::step),
                   meta::field("sequence", &Failure::sequence));
};

// What a failed activity throws into its workflow: the activity's own error, with the name of the step.
class StepError : public meta::Error {
 public:
  StepError(const Failure& failure, std::string step, std::uint32_t sequence = 0);
  const std::string& step() const { return step_; }
  std::uint32_t sequence() const { return sequence_; }

 private:
  std::string step_;
  std::uint32_t sequence_;
};

// Never throws; an exception that is no meta::Error becomes code `internal`, not retryable.
Failure to_failure(const std::exception_ptr& error);
meta::Error to_error(const Failure& failure);

}  // namespace wellhead::orchestration
