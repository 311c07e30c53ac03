#include "library/meta/fail_point.h"

#ifdef WELLHEAD_FAIL_POINTS

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <string>

#include "library/meta/error.h"

namespace wellhead::meta {
namespace {

struct Armed {
  std::string name;
  int count = 0;
  int signal = SIGKILL;
};

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : std::string(value);
}

Armed parse(const std::string& text) {
  if (text.empty()) return {};
  Armed armed;
  const auto colon = text.find(':');
  armed.name = text.substr(0, colon);
  std::string_view rest = colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  if (rest.ends_with(":stop")) {
    rest.remove_suffix(5);
    armed.signal = SIGSTOP;
  }
  const auto parsed = std::from_chars(rest.data(), rest.data() + rest.size(), armed.count);
  if (parsed.ec != std::errc() || parsed.ptr != rest.data() + rest.size() || armed.count < 1) {
    throw Error(ErrorCode::invalid_setting, fmt::format("WELLHEAD_FAIL_POINT '{}' is malformed", text),
                "It looks like stage_patients.before:1 or load.after:2:stop");
  }
  return armed;
}

// One write to a file opened for appending, so that lines of several threads stay whole.
void log_passing(const std::string& name) {
  static const int log = [] {
    const auto path = variable("WELLHEAD_FAIL_POINT_LOG");
    return path.empty() ? -1 : open(path.c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  }();
  const auto line = name + "\n";
  if (log >= 0 && write(log, line.data(), line.size()) < 0) {
    throw Error(ErrorCode::internal, "WELLHEAD_FAIL_POINT_LOG cannot be written");
  }
}

}  // namespace

void fail_point(std::string_view place, std::string_view moment) {
  static const Armed armed = parse(variable("WELLHEAD_FAIL_POINT"));
  static std::atomic<int> passings = 0;
  const auto name = fmt::format("{}.{}", place, moment);
  log_passing(name);
  if (name != armed.name || ++passings != armed.count) return;
  std::raise(armed.signal);
  // SIGKILL ends all threads, but not before this one has come back from the system call.
  while (armed.signal == SIGKILL) pause();
}

}  // namespace wellhead::meta

#endif
