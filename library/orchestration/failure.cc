#include "library/orchestration/failure.h"

#include <utility>

namespace wellhead::orchestration {
namespace {

Failure failure_of(const meta::Error& error) {
  return {.code = std::string(meta::to_string(error.code())),
          .message = error.message(),
          .advice = error.advice(),
          .retryable = error.retryable(),
          .retry_after = error.retry_after(),
          .step = {}};
}

}  // namespace

StepError::StepError(const Failure& failure, std::string step, std::uint32_t sequence)
    : meta::Error(to_error(failure)), step_(std::move(step)), sequence_(sequence) {}

Failure to_failure(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const StepError& failed) {
    Failure failure = failure_of(failed);
    failure.step = failed.step();
    failure.sequence = failed.sequence();
    return failure;
  } catch (const meta::Error& failed) {
    return failure_of(failed);
  } catch (const std::exception& failed) {
    return {.message = failed.what()};
  } catch (...) {
    return {.message = "an exception of unknown type"};
  }
}

meta::Error to_error(const Failure& failure) {
  const auto code = meta::error_code_from_string(failure.code).value_or(meta::ErrorCode::internal);
  meta::Error error(code, failure.message, failure.advice);
  if (!failure.retryable) error.no_retry();
  if (failure.retry_after) error.set_retry_after(*failure.retry_after);
  return error;
}

}  // namespace wellhead::orchestration
