#include "library/meta/logging.h"

#include <fmt/format.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>
#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <chrono>
#include <memory>
#include <utility>

#include "library/meta/clock.h"
#include "library/meta/describe.h"

namespace wellhead::meta {
namespace {

LogFields& thread_fields() {
  thread_local LogFields fields;
  return fields;
}

std::string_view as_view(spdlog::string_view_t text) { return {text.data(), text.size()}; }

// A message may quote what a server said: what would break the line or move the cursor is made visible.
void append_printable(std::string& line, std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
      line.push_back(c);
    } else {
      line += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }
  }
}

std::string text_line(std::string_view time, std::string_view level, const LogFields& fields,
                      std::string_view message) {
  auto line = fmt::format("{} {:<7} ", time, level);
  append_printable(line, message);
  if (fields.run) line += fmt::format(" run={}", fields.run->value);
  if (fields.zipcode) line += fmt::format(" zipcode={}", fields.zipcode->text());
  if (!fields.step.empty()) {
    line += " step=";
    append_printable(line, fields.step);
  }
  if (!fields.request.empty()) {
    line += " request=";
    append_printable(line, fields.request);
  }
  if (fields.trace) line += " trace=" + fields.trace->trace_id;
  return line;
}

std::string json_line(std::string_view time, std::string_view level, const LogFields& fields,
                      std::string_view message) {
  rapidjson::StringBuffer buffer;
  JsonWriter writer(buffer);
  const auto write = [&](const char* name, const auto& value) {
    writer.Key(name);
    write_json(writer, value);
  };
  writer.StartObject();
  write("time", time);
  write("level", level);
  if (fields.run) write("run", *fields.run);
  if (fields.zipcode) write("zipcode", *fields.zipcode);
  if (!fields.step.empty()) write("step", fields.step);
  if (!fields.request.empty()) write("request", fields.request);
  if (fields.trace) write("trace", fields.trace->trace_id);
  write("message", message);
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

class LineFormatter final : public spdlog::formatter {
 public:
  explicit LineFormatter(LogFormat format) : format_(format) {}

  void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& out) override {
    const auto time = to_rfc3339(std::chrono::time_point_cast<std::chrono::microseconds>(message.time));
    const auto level = as_view(spdlog::level::to_string_view(message.level));
    const auto line = format_log_line(format_, time, level, thread_fields(), as_view(message.payload)) + "\n";
    out.append(line.data(), line.data() + line.size());
  }

  std::unique_ptr<spdlog::formatter> clone() const override { return std::make_unique<LineFormatter>(format_); }

 private:
  LogFormat format_;
};

}  // namespace

std::string format_log_line(LogFormat format, std::string_view time, std::string_view level, const LogFields& fields,
                            std::string_view message) {
  return format == LogFormat::json ? json_line(time, level, fields, message) : text_line(time, level, fields, message);
}

void start_logging(const LogOptions& options) {
  auto logger = std::make_shared<spdlog::logger>("wellhead", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  logger->set_formatter(std::make_unique<LineFormatter>(options.format));
  logger->set_level(spdlog::level::from_str(options.level));
  spdlog::set_default_logger(std::move(logger));
}

std::optional<TraceContext> current_trace() { return thread_fields().trace; }

LogScope::LogScope(LogFields fields) : outer_(thread_fields()) {
  auto& current = thread_fields();
  if (fields.run) current.run = fields.run;
  if (fields.zipcode) current.zipcode = std::move(fields.zipcode);
  if (!fields.step.empty()) current.step = std::move(fields.step);
  if (!fields.request.empty()) current.request = std::move(fields.request);
  if (fields.trace) current.trace = std::move(fields.trace);
}

LogScope::~LogScope() { thread_fields() = std::move(outer_); }

}  // namespace wellhead::meta
