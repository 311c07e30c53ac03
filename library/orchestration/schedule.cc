#include "library/orchestration/schedule.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>

#include "library/meta/error.h"

namespace wellhead::orchestration {
namespace {

using std::chrono::microseconds;

constexpr std::array<std::string_view, 4> kOverlapPolicies = {"skip", "buffer_one", "cancel_other", "allow_all"};
constexpr std::chrono::minutes kDefaultCatchupWindow{10};
constexpr std::chrono::days kLongest{3650};
constexpr std::size_t kLongestId = 200;

[[noreturn]] void refuse(std::string message, std::string advice = {}) {
  throw meta::Error(meta::ErrorCode::invalid_input, std::move(message), std::move(advice));
}

}  // namespace

std::string_view to_string(OverlapPolicy policy) { return kOverlapPolicies.at(static_cast<std::size_t>(policy)); }

OverlapPolicy overlap_policy_from_string(std::string_view text) {
  const auto found = std::ranges::find(kOverlapPolicies, text);
  if (found == kOverlapPolicies.end()) {
    refuse(fmt::format("there is no overlap policy '{}'", text), "Use skip, buffer_one, cancel_other or allow_all");
  }
  return static_cast<OverlapPolicy>(found - kOverlapPolicies.begin());
}

ScheduleTimes::ScheduleTimes(const ScheduleSpec& spec) {
  if (spec.every.has_value() == !spec.cron.empty()) {
    refuse("a schedule has either an interval or a cron line", "Give one of them");
  }
  if (!spec.every) {
    cron_ = CronLine::parse(spec.cron);
  } else if (spec.every->count() <= 0 || *spec.every > kLongest) {
    refuse("the interval of a schedule is not positive, or more than ten years");
  } else {
    every_ = *spec.every;
  }
}

meta::Time ScheduleTimes::next_after(meta::Time time) const {
  if (cron_) return cron_->next_after(time);
  const auto since = time.time_since_epoch();
  const auto past = ((since % *every_) + *every_) % *every_;
  return time - past + *every_;
}

std::int64_t ScheduleTimes::count(meta::Time from, meta::Time until) const {
  auto time = next_after(from - microseconds(1));
  if (time >= until) return 0;
  if (every_) return (until - microseconds(1) - time) / *every_ + 1;
  std::int64_t count = 0;
  for (; time < until; time = cron_->next_after(time)) ++count;
  return count;
}

meta::Time ScheduleTimes::first_to_make_up(meta::Time from, meta::Time now,
                                           std::optional<std::chrono::milliseconds> catchup_window) const {
  const auto oldest = std::max(from, now - catchup_window.value_or(kDefaultCatchupWindow));
  const auto first = next_after(oldest - microseconds(1));
  if (first <= now || catchup_window) return first;
  // None in the last ten minutes, so there are few of them.
  auto last = first;
  for (auto time = next_after(from - microseconds(1)); time <= now; time = next_after(time)) last = time;
  return last;
}

void require_valid(const Schedule& schedule) {
  const auto allowed = [](unsigned char byte) {
    return std::isalnum(byte) != 0 || byte == '.' || byte == '_' || byte == '-' || byte == ':';
  };
  if (schedule.id.empty() || schedule.id.size() > kLongestId || !std::ranges::all_of(schedule.id, allowed)) {
    refuse(fmt::format("'{}' cannot be the id of a schedule", schedule.id),
           fmt::format("Use at most {} letters, digits, and . _ - :", kLongestId));
  }
  if (schedule.catchup_window && (schedule.catchup_window->count() < 0 || *schedule.catchup_window > kLongest)) {
    refuse("the catch-up window of a schedule is negative, or more than ten years");
  }
  const ScheduleTimes valid(schedule.spec);
}

}  // namespace wellhead::orchestration
