#include "library/orchestration/cron_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::orchestration {
namespace {

using std::chrono::days;
using std::chrono::hours;
using std::chrono::minutes;

// After so long the calendar repeats itself, weekdays too.
constexpr days kCalendarCycle{146'097};

constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRules {
  std::string_view name;
  int least = 0;
  int most = 0;
  std::span<const std::string_view> names;  // of the values from `least` on
};

constexpr std::array<FieldRules, 5> kFields = {{{"minute", 0, 59, {}},
                                                {"hour", 0, 23, {}},
                                                {"day of month", 1, 31, {}},
                                                {"month", 1, 12, kMonths},
                                                {"day of week", 0, 7, kWeekdays}}};

constexpr auto kMacros = std::to_array<std::pair<std::string_view, std::string_view>>({{"@hourly", "0 * * * *"},
                                                                                       {"@daily", "0 0 * * *"},
                                                                                       {"@midnight", "0 0 * * *"},
                                                                                       {"@weekly", "0 0 * * 0"},
                                                                                       {"@monthly", "0 0 1 * *"},
                                                                                       {"@yearly", "0 0 1 1 *"},
                                                                                       {"@annually", "0 0 1 1 *"}});

[[noreturn]] void refuse(std::string_view line, const std::string& why) {
  throw meta::Error(meta::ErrorCode::invalid_input, fmt::format("the cron line '{}' is wrong: {}", line, why),
                    "It has five fields: minute, hour, day of month, month, day of week; '0 3 * * *' is 03:00 UTC "
                    "every day");
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators, bool keep_empty) {
  std::vector<std::string_view> parts;
  for (;;) {
    const auto end = std::min(text.find_first_of(separators), text.size());
    if (keep_empty || end > 0) parts.push_back(text.substr(0, end));
    if (end == text.size()) return parts;
    text.remove_prefix(end + 1);
  }
}

// One field of a line.
class FieldParser {
 public:
  FieldParser(std::string_view line, const FieldRules& rules) : line_(line), rules_(rules) {}

  std::bitset<64> parse(std::string_view text) {
    for (const auto item : split(text, ",", true)) add_item(item);
    return values_;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { refuse(line_, fmt::format("{}: {}", rules_.name, why)); }

  void add_item(std::string_view item) {
    const auto slash = item.find('/');
    const auto range = item.substr(0, slash);
    int from = rules_.least;
    int to = rules_.most;
    if (const auto dash = range.find('-'); dash != std::string_view::npos) {
      from = value(range.substr(0, dash));
      to = value(range.substr(dash + 1));
      if (is_weekday() && to == 0 && from > 0) to = 7;  // fri-sun
      if (from > to) fail(fmt::format("the range {} runs backwards", range));
    } else if (range != "*") {
      from = to = value(range);
      if (slash != std::string_view::npos) fail(fmt::format("the step of '{}' needs a range or *", item));
    }
    const int step = slash == std::string_view::npos ? 1 : step_of(item, item.substr(slash + 1));
    // * for the day of week has Sunday once.
    if (range == "*" && is_weekday()) to = 6;
    for (int number = from; number <= to; number += step) {
      values_.set(static_cast<std::size_t>(is_weekday() ? number % 7 : number));
    }
  }

  bool is_weekday() const { return rules_.most == 7; }

  int value(std::string_view text) const {
    if (text.empty()) fail("a value is missing");
    std::string name(text);
    std::ranges::transform(name, name.begin(), [](unsigned char byte) { return std::tolower(byte); });
    if (const auto found = std::ranges::find(rules_.names, name); found != rules_.names.end()) {
      return rules_.least + static_cast<int>(found - rules_.names.begin());
    }
    const auto number = integer(text);
    if (!number) fail(fmt::format("'{}' is no number{}", text, rules_.names.empty() ? "" : " and no name"));
    if (*number < rules_.least || *number > rules_.most) {
      fail(fmt::format("{} is not from {} to {}", text, rules_.least, rules_.most));
    }
    return *number;
  }

  int step_of(std::string_view item, std::string_view text) const {
    const auto step = integer(text);
    if (!step || *step < 1) fail(fmt::format("the step of '{}' is no number from 1 on", item));
    return std::min(*step, 64);
  }

  static std::optional<int> integer(std::string_view text) {
    int number = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || text.front() == '-') return std::nullopt;
    return number;
  }

  std::string_view line_;
  const FieldRules& rules_;
  std::bitset<64> values_;
};

std::string_view without_macro(std::string_view line, std::string_view first) {
  if (!first.starts_with('@')) return line;
  const auto found = std::ranges::find(kMacros, first, &std::pair<std::string_view, std::string_view>::first);
  if (found == kMacros.end()) refuse(line, fmt::format("there is no '{}'", first));
  return found->second;
}

template <std::size_t Size>
std::bitset<Size> narrow(const std::bitset<64>& wide) {
  return std::bitset<Size>(wide.to_ullong());
}

}  // namespace

CronLine CronLine::parse(std::string_view line) {
  auto fields = split(line, " \t", false);
  if (fields.empty()) refuse(line, "it is empty");
  if (fields.front().find("TZ=") != std::string_view::npos) refuse(line, "a time zone cannot be given, times are UTC");
  if (fields.size() == 1) fields = split(without_macro(line, fields.front()), " \t", false);
  if (fields.size() != kFields.size()) refuse(line, fmt::format("it has {} fields, not 5", fields.size()));
  const auto parse_field = [&](std::size_t index) { return FieldParser(line, kFields[index]).parse(fields[index]); };
  CronLine parsed;
  parsed.minutes_ = narrow<60>(parse_field(0));
  parsed.hours_ = narrow<24>(parse_field(1));
  parsed.days_ = narrow<32>(parse_field(2));
  parsed.months_ = narrow<13>(parse_field(3));
  parsed.weekdays_ = narrow<8>(parse_field(4));
  parsed.either_day_ = !fields[2].starts_with('*') && !fields[4].starts_with('*');
  if (!parsed.find_after(meta::Time{})) {
    refuse(line, fmt::format("day of month: no month of '{}' has a day '{}'", fields[3], fields[2]));
  }
  return parsed;
}

bool CronLine::has_day(std::chrono::sys_days day) const {
  const bool of_month = days_[static_cast<unsigned>(std::chrono::year_month_day(day).day())];
  const bool of_week = weekdays_[std::chrono::weekday(day).c_encoding()];
  return either_day_ ? of_month || of_week : of_month && of_week;
}

std::optional<meta::Time> CronLine::find_after(meta::Time time) const {
  const auto first = std::chrono::floor<minutes>(time) + minutes(1);
  const auto first_day = std::chrono::floor<days>(first);
  for (auto day = first_day; day <= first_day + kCalendarCycle;) {
    const std::chrono::year_month_day date(day);
    if (!months_[static_cast<unsigned>(date.month())]) {
      day = std::chrono::sys_days((date.year() / date.month() / 1) + std::chrono::months(1));
      continue;
    }
    const int earliest = day == first_day ? static_cast<int>((first - day).count()) : 0;
    for (int minute = earliest; has_day(day) && minute < 24 * 60;) {
      if (!hours_[static_cast<std::size_t>(minute / 60)]) {
        minute = (minute / 60 + 1) * 60;
      } else if (!minutes_[static_cast<std::size_t>(minute % 60)]) {
        ++minute;
      } else {
        return meta::Time(day + minutes(minute));
      }
    }
    day += days(1);
  }
  return std::nullopt;
}

meta::Time CronLine::next_after(meta::Time time) const {
  if (const auto found = find_after(time)) return *found;
  throw meta::Error(meta::ErrorCode::internal, "a cron line that came true once does so no more");
}

}  // namespace wellhead::orchestration
