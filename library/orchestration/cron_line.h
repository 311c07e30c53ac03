// A line as in cron(5), in UTC: minute, hour, day of month, month, day of week. Each field is a list of numbers, names
// (jan, mon), ranges (1-5) and steps (*/15, 8-18/2); 0 and 7 are Sunday. When both days are restricted (neither field
// begins with *), either may match; otherwise both must. Also @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
// @annually. A value; no clock, no I/O.
#pragma once

#include <bitset>
#include <optional>
#include <string_view>

#include "library/meta/clock.h"

namespace wellhead::orchestration {

class CronLine {
 public:
  // Error{invalid_input} says which field is wrong and why, or that the line never comes true (30 February).
  static CronLine parse(std::string_view line);

  // The first time later than that one.
  meta::Time next_after(meta::Time time) const;

 private:
  CronLine() = default;
  std::optional<meta::Time> find_after(meta::Time time) const;
  bool has_day(std::chrono::sys_days day) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;     // 1 to 31
  std::bitset<13> months_;   // 1 to 12
  std::bitset<8> weekdays_;  // 0 to 6
  bool either_day_ = false;
};

}  // namespace wellhead::orchestration
