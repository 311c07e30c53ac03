// Logging of this process: spdlog to standard error, one line a message, as text or JSON.
//
//   start_logging({.level = "info", .format = LogFormat::json});
//   const LogScope scope({.run = run, .zipcode = zipcode, .step = "extract_patients/3"});
//   spdlog::info("page of {} patients", count);
//   //
//   {"time":"2026-01-31T10:42:00.000000Z","level":"info","run":7,"zipcode":"02139","step":"extract_patients/3","message":"page
//   of 200 patients"}
//
// A LogScope says what this thread is working on, for every message of the thread until it ends; scopes nest, an inner
// one adds to the outer one. Messages hold no secret and no patient data: URLs go through redacted_url().
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "library/meta/ids.h"
#include "library/meta/trace.h"

namespace wellhead::meta {

enum class LogFormat { text, json };

struct LogOptions {
  std::string level = "info";  // trace, debug, info, warn, error, off
  LogFormat format = LogFormat::text;
};

// Replaces spdlog's default logger. Call once, before there are threads.
void start_logging(const LogOptions& options);

struct LogFields {
  std::optional<RunId> run;
  std::optional<Zipcode> zipcode;
  std::string step;
  std::string request;                // id of a request to the API
  std::optional<TraceContext> trace;  // its id is logged
};

// Of the thread's scopes: what requests that it makes belong to.
std::optional<TraceContext> current_trace();

class LogScope {
 public:
  explicit LogScope(LogFields fields);
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

 private:
  LogFields outer_;
};

// What a log line would look like (without its newline), for tests and for other sinks.
std::string format_log_line(LogFormat format, std::string_view time, std::string_view level, const LogFields& fields,
                            std::string_view message);

}  // namespace wellhead::meta
