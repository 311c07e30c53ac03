// The time of day, behind an interface so that tests can set it.
#pragma once

#include <chrono>
#include <string>

namespace wellhead::meta {

using Time = std::chrono::sys_time<std::chrono::microseconds>;

class Clock {
 public:
  virtual ~Clock() = default;
  virtual Time now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Time now() const override;
};

// RFC 3339 in UTC with microseconds: 2026-01-31T10:42:00.000000Z
std::string to_rfc3339(Time time);

}  // namespace wellhead::meta
