#include "library/converter/temporal.h"

#include <algorithm>
#include <array>

namespace wellhead::converter {
namespace {

constexpr std::int64_t kMillisecondsOfDay = 86'400'000;

bool is_digits(std::string_view text, std::size_t at, std::size_t count) {
  if (text.size() < at + count) return false;
  return std::ranges::all_of(text.substr(at, count), [](char c) { return c >= '0' && c <= '9'; });
}

// Days since 1970-01-01 in the Gregorian calendar, by counting from 1 March.
std::int64_t days_of_date(std::int64_t year, std::int64_t month, std::int64_t day) {
  year -= month <= 2 ? 1 : 0;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t year_of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719468;
}

void set_date(std::int64_t days, FhirTime& time) {
  days += 719468;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t day_of_era = days - era * 146097;
  const std::int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;
  time.day = static_cast<int>(day_of_year - (153 * shifted + 2) / 5 + 1);
  time.month = static_cast<int>(shifted < 10 ? shifted + 3 : shifted - 9);
  time.year = static_cast<int>(year_of_era + era * 400 + (time.month <= 2 ? 1 : 0));
}

int days_in_month(int year, int month) {
  const std::int64_t begin = days_of_date(year, month, 1);
  const std::int64_t end = month == 12 ? days_of_date(year + 1, 1, 1) : days_of_date(year, month + 1, 1);
  return static_cast<int>(end - begin);
}

int zone_minutes(std::string_view zone) {
  if (zone.size() < 6) return 0;
  const int minutes = ((zone[1] - '0') * 10 + zone[2] - '0') * 60 + (zone[4] - '0') * 10 + zone[5] - '0';
  return zone[0] == '-' ? -minutes : minutes;
}

// The same moment in UTC.
FhirTime in_utc(FhirTime time) {
  const int offset = zone_minutes(time.zone);
  if (time.precision < TimePrecision::hour || offset == 0) return time;
  std::int64_t minutes = days_of_date(time.year, time.month, time.day) * 1440 + time.hour * 60 + time.minute - offset;
  const std::int64_t day = minutes >= 0 ? minutes / 1440 : (minutes - 1439) / 1440;
  minutes -= day * 1440;
  set_date(day, time);
  time.hour = static_cast<int>(minutes / 60);
  time.minute = static_cast<int>(minutes % 60);
  return time;
}

std::strong_ordering compare_fractions(std::string_view a, std::string_view b) {
  const std::size_t digits = std::max(a.size(), b.size());
  for (std::size_t i = 0; i < digits; ++i) {
    const char left = i < a.size() ? a[i] : '0';
    const char right = i < b.size() ? b[i] : '0';
    if (left != right) return left <=> right;
  }
  return std::strong_ordering::equal;
}

// Parts in order; a second and its fraction are one.
std::array<int, 6> parts_of(const FhirTime& time) {
  return {time.year, time.month, time.day, time.hour, time.minute, time.second};
}

std::size_t last_part(const FhirTime& time) {
  return std::min<std::size_t>(static_cast<std::size_t>(time.precision), 5);
}

char* put_number(char* out, int value, int digits) {
  for (int i = digits; i-- > 0; value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + digits;
}

char* put_text(char* out, std::string_view text) { return std::ranges::copy(text, out).out; }

// Hour to millisecond, as far as `digits` goes (2, 4, 6 or 9).
char* put_clock(char* out, const FhirTime& time, int milliseconds, int digits) {
  out = put_number(out, time.hour, 2);
  if (digits >= 4) out = put_number(put_text(out, ":"), time.minute, 2);
  if (digits >= 6) out = put_number(put_text(out, ":"), time.second, 2);
  if (digits >= 9) out = put_number(put_text(out, "."), milliseconds, 3);
  return out;
}

int milliseconds_of(std::string_view fraction) {
  int value = 0;
  for (std::size_t i = 0; i < 3; ++i) value = value * 10 + (i < fraction.size() ? fraction[i] - '0' : 0);
  return value;
}

// Fills the parts that are not given.
int complete(FhirTime& time, bool high) {
  if (time.precision < TimePrecision::month) time.month = high ? 12 : 1;
  if (time.precision < TimePrecision::day) time.day = high ? days_in_month(time.year, time.month) : 1;
  if (time.precision < TimePrecision::hour) time.hour = high ? 23 : 0;
  if (time.precision < TimePrecision::minute) time.minute = high ? 59 : 0;
  if (time.precision < TimePrecision::second) time.second = high ? 59 : 0;
  if (time.precision < TimePrecision::fraction) return high ? 999 : 0;
  return milliseconds_of(time.fraction);
}

char* put_date_time(char* out, const FhirTime& time, int milliseconds, int digits) {
  out = put_number(out, time.year, 4);
  if (digits >= 6) out = put_number(put_text(out, "-"), time.month, 2);
  if (digits >= 8) out = put_number(put_text(out, "-"), time.day, 2);
  return digits < 10 ? out : put_clock(put_text(out, "T"), time, milliseconds, digits - 8);
}

}  // namespace

std::optional<Temporal> parse_temporal(std::string_view text, TemporalKind kind) {
  if (kind == TemporalKind::time) {
    if (text.starts_with('T')) text.remove_prefix(1);
    if (text.find_first_of("Zz+-") != std::string_view::npos || !is_digits(text, 0, 2)) return std::nullopt;
    const bool hour = text.size() == 2;
    std::array<char, 64> whole{};
    if (text.size() > 40) return std::nullopt;
    // Read as the time of a day; only the views into `text` may leave.
    char* end = put_text(put_text(whole.data(), "2000-01-01T"), text);
    if (hour) end = put_text(end, ":00");
    const auto parsed = parse_date_time({whole.data(), end});
    if (!parsed) return std::nullopt;
    Temporal result{kind, *parsed};
    result.time.fraction = parsed->fraction.empty() ? std::string_view{} : text.substr(text.find('.') + 1);
    result.time.zone = {};
    if (hour) result.time.precision = TimePrecision::hour;
    return result;
  }
  const std::size_t clock = text.find('T');
  if (kind == TemporalKind::date && clock != std::string_view::npos) return std::nullopt;
  if (clock != std::string_view::npos && clock + 1 == text.size()) text.remove_suffix(1);
  if (clock == 10 && text.size() >= 13 && is_digits(text, 11, 2) && (text.size() == 13 || text[13] != ':')) {
    // An hour without minutes.
    std::array<char, 40> whole{};
    const std::string_view zone = text.substr(13);
    if (zone.size() > 6) return std::nullopt;
    const char* end = put_text(put_text(put_text(whole.data(), text.substr(0, 13)), ":00"), zone);
    const auto parsed = parse_date_time({whole.data(), end});
    if (!parsed) return std::nullopt;
    Temporal result{kind, *parsed};
    result.time.zone = zone;
    result.time.precision = TimePrecision::hour;
    return result;
  }
  const auto parsed = parse_date_time(text);
  if (!parsed) return std::nullopt;
  return Temporal{kind, *parsed};
}

std::optional<std::strong_ordering> compare_temporals(const Temporal& a, const Temporal& b) {
  if ((a.kind == TemporalKind::time) != (b.kind == TemporalKind::time)) return std::nullopt;
  const FhirTime left = in_utc(a.time);
  const FhirTime right = in_utc(b.time);
  const auto left_parts = parts_of(left);
  const auto right_parts = parts_of(right);
  const std::size_t left_last = last_part(left);
  const std::size_t right_last = last_part(right);
  for (std::size_t i = 0; i <= std::min(left_last, right_last); ++i) {
    if (left_parts[i] != right_parts[i]) return left_parts[i] <=> right_parts[i];
  }
  if (left_last != right_last) return std::nullopt;
  return compare_fractions(left.fraction, right.fraction);
}

std::size_t write_boundary(const Temporal& value, bool high, int digits, char* out) {
  FhirTime time = value.time;
  const int milliseconds = complete(time, high);
  if (value.kind == TemporalKind::time) {
    if (digits == 0) digits = 9;
    if (digits != 2 && digits != 4 && digits != 6 && digits != 9) return 0;
    return static_cast<std::size_t>(put_clock(out, time, milliseconds, digits) - out);
  }
  if (digits == 0) digits = value.kind == TemporalKind::date ? 8 : 17;
  if (digits < 4 || digits > 17 || (digits % 2 == 1 && digits != 17) || digits == 16) return 0;
  if (value.kind == TemporalKind::date && digits > 8) return 0;
  char* end = put_date_time(out, time, milliseconds, digits);
  if (digits >= 10) end = put_text(end, !time.zone.empty() ? time.zone : high ? "-12:00" : "+14:00");
  return static_cast<std::size_t>(end - out);
}

int precision_digits(const Temporal& value) {
  constexpr std::array<int, 7> digits = {4, 6, 8, 10, 12, 14, 17};
  const int all = digits[static_cast<std::size_t>(value.time.precision)];
  return value.kind == TemporalKind::time ? all - 8 : all;
}

std::optional<CalendarUnit> calendar_unit(std::string_view word) {
  constexpr std::array<std::string_view, 8> words = {"year", "month",  "week",   "day",
                                                     "hour", "minute", "second", "millisecond"};
  if (word.ends_with('s')) word.remove_suffix(1);
  const auto* found = std::ranges::find(words, word);
  if (found == words.end()) return std::nullopt;
  return static_cast<CalendarUnit>(found - words.begin());
}

namespace {

// What a unit smaller than the precision adds up to, in the unit of the precision: whole ones only.
std::int64_t scaled(std::int64_t amount, CalendarUnit unit, CalendarUnit precision) {
  constexpr std::array<std::int64_t, 8> milliseconds = {365 * kMillisecondsOfDay,
                                                        30 * kMillisecondsOfDay,
                                                        7 * kMillisecondsOfDay,
                                                        kMillisecondsOfDay,
                                                        3'600'000,
                                                        60'000,
                                                        1000,
                                                        1};
  if (unit == CalendarUnit::month && precision == CalendarUnit::year) return amount / 12;
  return amount * milliseconds[static_cast<std::size_t>(unit)] / milliseconds[static_cast<std::size_t>(precision)];
}

void add_months(FhirTime& time, std::int64_t months) {
  const std::int64_t all = static_cast<std::int64_t>(time.year) * 12 + time.month - 1 + months;
  time.year = static_cast<int>(all / 12);
  time.month = static_cast<int>(all % 12) + 1;
}

// Unit of the smallest part that is given.
CalendarUnit unit_of(TimePrecision precision) {
  constexpr std::array<CalendarUnit, 7> units = {CalendarUnit::year,       CalendarUnit::month,  CalendarUnit::day,
                                                 CalendarUnit::hour,       CalendarUnit::minute, CalendarUnit::second,
                                                 CalendarUnit::millisecond};
  return units[static_cast<std::size_t>(precision)];
}

}  // namespace

std::size_t write_sum(const Temporal& value, std::int64_t amount, CalendarUnit unit, char* out) {
  constexpr std::int64_t most = 400'000'000'000'000;  // milliseconds; more than 9999 years
  if (amount > most || amount < -most) return 0;
  FhirTime time = value.time;
  int milliseconds = milliseconds_of(time.fraction);
  const bool clock = value.kind == TemporalKind::time;
  if (clock && unit < CalendarUnit::hour) return 0;
  CalendarUnit precision = unit_of(time.precision);
  if (precision == CalendarUnit::millisecond && unit == CalendarUnit::second) precision = CalendarUnit::second;
  if (unit > precision && unit != CalendarUnit::week) {
    if (amount > most / kMillisecondsOfDay / 400) return 0;
    amount = scaled(amount, unit, precision);
    unit = precision;
  } else if (unit == CalendarUnit::week && precision < CalendarUnit::day) {
    amount = scaled(amount, unit, precision);
    unit = precision;
  }
  if (unit == CalendarUnit::year || unit == CalendarUnit::month) {
    if (amount > 120'000 || amount < -120'000) return 0;
    add_months(time, unit == CalendarUnit::year ? amount * 12 : amount);
    if (time.year < 1 || time.year > 9999) return 0;
    time.day = std::min(time.day, days_in_month(time.year, time.month));
  } else {
    const std::int64_t milli = scaled(1, unit, CalendarUnit::millisecond);
    if (amount > most / milli || amount < -most / milli) return 0;
    std::int64_t moment =
        (time.hour * 3600LL + time.minute * 60LL + time.second) * 1000 + milliseconds + amount * milli;
    std::int64_t day =
        moment >= 0 ? moment / kMillisecondsOfDay : (moment - kMillisecondsOfDay + 1) / kMillisecondsOfDay;
    moment -= day * kMillisecondsOfDay;
    if (!clock) set_date(days_of_date(time.year, time.month, time.day) + day, time);
    if (time.year < 1 || time.year > 9999) return 0;
    time.hour = static_cast<int>(moment / 3'600'000);
    time.minute = static_cast<int>(moment / 60'000 % 60);
    time.second = static_cast<int>(moment / 1000 % 60);
    milliseconds = static_cast<int>(moment % 1000);
  }
  const int digits = precision_digits(value);
  char* end = clock ? put_clock(out, time, milliseconds, digits) : put_date_time(out, time, milliseconds, digits);
  return static_cast<std::size_t>(put_text(end, time.zone) - out);
}

}  // namespace wellhead::converter
