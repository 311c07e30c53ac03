#include "app/fhirsim/instant.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <chrono>

namespace wellhead::fhirsim {
namespace {

using std::chrono::days;
using std::chrono::sys_days;
using std::chrono::year_month_day;

constexpr Instant kMillisecondsADay = 86'400'000;

void write_digits(char* out, unsigned value, int width) {
  for (int place = width - 1; place >= 0; --place, value /= 10) out[place] = static_cast<char>('0' + value % 10);
}

// Reads digits off the front; nullopt unless there are exactly so many.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  int value = 0;
  if (text.size() < width) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + width, value);
  if (error != std::errc() || end != text.data() + width || value < 0) return std::nullopt;
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

Instant at_midnight(year_month_day day) { return sys_days(day).time_since_epoch().count() * kMillisecondsADay; }

// Seconds and their fraction, if there are any; false when malformed.
bool take_seconds(std::string_view& text, Period& period) {
  period.end = period.begin + 60'000;
  if (!take(text, ':')) return true;
  const auto seconds = take_digits(text, 2);
  if (!seconds || *seconds > 60) return false;
  period.begin += *seconds * 1000;
  period.end = period.begin + 1000;
  if (!take(text, '.')) return true;
  Instant unit = 1000;
  std::size_t length = 0;
  for (; length < text.size() && text[length] >= '0' && text[length] <= '9'; ++length) {
    unit /= 10;
    period.begin += unit * (text[length] - '0');
  }
  period.end = period.begin + std::max<Instant>(unit, 1);
  text.remove_prefix(length);
  return length > 0;
}

bool take_offset(std::string_view& text, Period& period) {
  if (text.empty() || text == "Z") return true;
  // A plus sign that was not escaped in a query arrives as a blank.
  const int sign = text.front() == '-' ? -1 : 1;
  if (text.front() != '-' && text.front() != '+' && text.front() != ' ') return false;
  text.remove_prefix(1);
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return false;
  const auto minutes = take_digits(text, 2);
  if (!minutes || !text.empty()) return false;
  const Instant shift = sign * (*hours * 60 + *minutes) * 60'000LL;
  period.begin -= shift;
  period.end -= shift;
  return true;
}

}  // namespace

std::optional<Period> parse_period(std::string_view text) {
  using std::chrono::day;
  using std::chrono::month;
  using std::chrono::months;
  using std::chrono::year;
  using std::chrono::years;
  const auto years_read = take_digits(text, 4);
  if (!years_read) return std::nullopt;
  year_month_day date = year(*years_read) / month(1) / day(1);
  if (text.empty()) return Period{at_midnight(date), at_midnight(date + years(1))};
  if (!take(text, '-')) return std::nullopt;
  const auto months_read = take_digits(text, 2);
  if (!months_read) return std::nullopt;
  date = date.year() / month(static_cast<unsigned>(*months_read)) / day(1);
  if (!date.ok()) return std::nullopt;
  if (text.empty()) return Period{at_midnight(date), at_midnight(date + months(1))};
  if (!take(text, '-')) return std::nullopt;
  const auto days_read = take_digits(text, 2);
  if (!days_read) return std::nullopt;
  date = date.year() / date.month() / day(static_cast<unsigned>(*days_read));
  if (!date.ok()) return std::nullopt;
  Period period{at_midnight(date), at_midnight(date) + kMillisecondsADay};
  if (text.empty()) return period;

  if (!take(text, 'T')) return std::nullopt;
  const auto hours = take_digits(text, 2);
  if (!hours || *hours > 24 || !take(text, ':')) return std::nullopt;
  const auto minutes = take_digits(text, 2);
  if (!minutes || *minutes > 59) return std::nullopt;
  period.begin += (*hours * 60 + *minutes) * 60'000LL;
  if (!take_seconds(text, period) || !take_offset(text, period)) return std::nullopt;
  return period;
}

void write_date(char* out, Instant time) {
  const auto since = std::chrono::floor<days>(std::chrono::milliseconds(time));
  const year_month_day date{sys_days(since)};
  write_digits(out, static_cast<unsigned>(static_cast<int>(date.year())), 4);
  out[4] = '-';
  write_digits(out + 5, static_cast<unsigned>(date.month()), 2);
  out[7] = '-';
  write_digits(out + 8, static_cast<unsigned>(date.day()), 2);
}

namespace {

void write_time(char* out, Instant time) {
  write_date(out, time);
  const auto seconds = static_cast<unsigned>(((time / 1000) % 86'400 + 86'400) % 86'400);
  out[10] = 'T';
  write_digits(out + 11, seconds / 3600, 2);
  out[13] = ':';
  write_digits(out + 14, seconds / 60 % 60, 2);
  out[16] = ':';
  write_digits(out + 17, seconds % 60, 2);
}

constexpr std::string_view kUtc = "+00:00";

}  // namespace

void write_second(char* out, Instant time) {
  write_time(out, time);
  kUtc.copy(out + 19, kUtc.size());
}

void write_instant(char* out, Instant time) {
  write_time(out, time);
  out[19] = '.';
  write_digits(out + 20, static_cast<unsigned>((time % 1000 + 1000) % 1000), 3);
  kUtc.copy(out + 23, kUtc.size());
}

std::string instant_text(Instant time) {
  std::string text(kInstantLength, ' ');
  write_instant(text.data(), time);
  return text;
}

std::string http_date(Instant time) {
  constexpr std::array<const char*, 7> names = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr std::array<const char*, 12> month_names = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                       "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const sys_days midnight(std::chrono::floor<days>(std::chrono::milliseconds(time)));
  const year_month_day date(midnight);
  const auto seconds = static_cast<unsigned>(time / 1000 % 86'400);
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} GMT", names[std::chrono::weekday(midnight).c_encoding()],
                     static_cast<unsigned>(date.day()), month_names[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), seconds / 3600, seconds / 60 % 60, seconds % 60);
}

Instant wall_clock() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace wellhead::fhirsim
