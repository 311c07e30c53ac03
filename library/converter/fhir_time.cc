#include "library/converter/fhir_time.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace wellhead::converter {
namespace {

constexpr std::size_t kMaxFraction = 9;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}
  bool at_end() const { return at_ == text_.size(); }
  bool take(char c) {
    if (at_end() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  // Exactly `count` digits within [lowest, highest].
  bool number(std::size_t count, int lowest, int highest, int& value) {
    if (text_.size() - at_ < count) return false;
    value = 0;
    for (const std::size_t end = at_ + count; at_ < end; ++at_) {
      const char c = text_[at_];
      if (c < '0' || c > '9') return false;
      value = value * 10 + (c - '0');
    }
    return value >= lowest && value <= highest;
  }
  std::string_view digits() {
    const std::size_t begin = at_;
    while (!at_end() && text_[at_] >= '0' && text_[at_] <= '9') ++at_;
    return text_.substr(begin, at_ - begin);
  }
  std::string_view rest() const { return text_.substr(at_); }

 private:
  std::string_view text_;
  std::size_t at_ = 0;
};

// Eight characters: digits where the pattern has 0, and its own characters elsewhere.
class Pattern {
 public:
  using Word = std::uint64_t;
  explicit constexpr Pattern(std::string_view text) {
    std::array<std::uint8_t, sizeof(Word)> wanted{};
    std::array<std::uint8_t, sizeof(Word)> beyond{};
    std::array<std::uint8_t, sizeof(Word)> to_ten{};
    for (std::size_t i = 0; i < sizeof(Word); ++i) {
      const bool digit = text[i] == '0';
      wanted[i] = static_cast<std::uint8_t>(text[i]);
      beyond[i] = digit ? 0xF0 : 0xFF;
      to_ten[i] = digit ? 6 : 0;
    }
    wanted_ = std::bit_cast<Word>(wanted);
    beyond_ = std::bit_cast<Word>(beyond);
    to_ten_ = std::bit_cast<Word>(to_ten);
  }
  // A digit differs from '0' by up to 9, and six more than 9 shows in the upper half of the byte.
  bool fits(const char* text) const {
    Word word = 0;
    std::memcpy(&word, text, sizeof word);
    word ^= wanted_;
    return ((word | (word + to_ten_)) & beyond_) == 0;
  }

 private:
  Word wanted_ = 0;
  Word beyond_ = 0;
  Word to_ten_ = 0;
};

int days_of(int year, int month) {
  constexpr std::array<int, 13> days = {0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return days[static_cast<std::size_t>(month)] + (month == 2 && leap ? 1 : 0);
}

bool is_zone(std::string_view zone) {
  if (zone.empty() || zone == "Z") return true;
  Reader reader(zone);
  int hour = 0;
  int minute = 0;
  if (!reader.take('+') && !reader.take('-')) return false;
  if (!reader.number(2, 0, 14, hour) || !reader.take(':') || !reader.number(2, 0, 59, minute)) return false;
  return reader.at_end() && (hour < 14 || minute == 0);
}

// The time of day; seconds and fraction as far as given.
bool read_time(Reader& reader, FhirTime& time) {
  if (!reader.number(2, 0, 23, time.hour) || !reader.take(':') || !reader.number(2, 0, 59, time.minute)) return false;
  time.precision = TimePrecision::minute;
  if (!reader.take(':')) return true;
  if (!reader.number(2, 0, 60, time.second)) return false;
  time.precision = TimePrecision::second;
  if (!reader.take('.')) return true;
  time.fraction = reader.digits();
  time.precision = TimePrecision::fraction;
  return !time.fraction.empty();
}

char* put(char* out, std::string_view text) {
  std::memcpy(out, text.data(), text.size());
  return out + text.size();
}

char* put_two(char* out, int value) {
  *out++ = static_cast<char>('0' + value / 10);
  *out++ = static_cast<char>('0' + value % 10);
  return out;
}

char* put_date(char* out, const FhirTime& time, bool latest) {
  const int month = latest && time.precision == TimePrecision::year ? 12 : time.month;
  const int day = latest && time.precision <= TimePrecision::month ? days_of(time.year, month) : time.day;
  out = put_two(out, time.year / 100);
  out = put_two(out, time.year % 100);
  *out++ = '-';
  out = put_two(out, month);
  *out++ = '-';
  return put_two(out, day);
}

char* put_time(char* out, const FhirTime& time, bool latest) {
  out = put_two(out, time.hour);
  *out++ = ':';
  out = put_two(out, time.minute);
  *out++ = ':';
  if (latest && time.precision == TimePrecision::minute) return put(out, "59.999999");
  out = put_two(out, time.second);
  // PostgreSQL takes second 60, but no fraction of it.
  if (time.fraction.empty() || time.second == 60) return out;
  *out++ = '.';
  return put(out, time.fraction.substr(0, std::min(time.fraction.size(), kMaxFraction)));
}

}  // namespace

std::string_view to_string(TimePrecision precision) {
  constexpr std::array<std::string_view, 7> names = {"year", "month", "day", "hour", "minute", "second", "fraction"};
  return names[static_cast<std::size_t>(precision)];
}

std::optional<FhirTime> parse_date_time(std::string_view text) {
  Reader reader(text);
  FhirTime time;
  if (!reader.number(4, 1, 9999, time.year)) return std::nullopt;
  if (reader.at_end()) return time;
  time.precision = TimePrecision::month;
  if (!reader.take('-') || !reader.number(2, 1, 12, time.month)) return std::nullopt;
  if (reader.at_end()) return time;
  time.precision = TimePrecision::day;
  if (!reader.take('-') || !reader.number(2, 1, days_of(time.year, time.month), time.day)) return std::nullopt;
  if (reader.at_end()) return time;
  if (!reader.take('T') || !read_time(reader, time)) return std::nullopt;
  time.zone = reader.rest();
  if (!is_zone(time.zone)) return std::nullopt;
  return time;
}

std::optional<TimePrecision> precision_of_moment(std::string_view text) {
  constexpr std::size_t seconds_end = 19;  // YYYY-MM-DDThh:mm:ss
  if (text.size() <= seconds_end) return std::nullopt;
  const char* at = text.data();
  constexpr Pattern year_and_month("0000-00-");
  constexpr Pattern day_and_minute("00T00:00");
  constexpr Pattern time_of_day("00:00:00");
  if (!year_and_month.fits(at) || !day_and_minute.fits(at + 8) || !time_of_day.fits(at + 11)) return std::nullopt;
  const auto two = [at](std::size_t place) { return (at[place] - '0') * 10 + (at[place + 1] - '0'); };
  const int year = two(0) * 100 + two(2);
  const int month = two(5);
  const int day = two(8);
  if (year == 0 || month == 0 || month > 12 || day == 0 || (day > 28 && day > days_of(year, month)) || two(11) > 23 ||
      two(14) > 59 || two(17) > 59) {
    return std::nullopt;
  }
  Reader reader(text.substr(seconds_end));
  TimePrecision precision = TimePrecision::second;
  if (reader.take('.')) {
    const std::size_t digits = reader.digits().size();
    if (digits == 0 || digits > kMaxFraction) return std::nullopt;
    precision = TimePrecision::fraction;
  }
  if (reader.at_end() || !is_zone(reader.rest())) return std::nullopt;
  return precision;
}

std::optional<FhirTime> parse_time(std::string_view text) {
  Reader reader(text);
  FhirTime time;
  if (!read_time(reader, time) || !reader.at_end() || time.precision < TimePrecision::second) return std::nullopt;
  return time;
}

std::size_t write_date(const FhirTime& time, bool latest, char* out) {
  return static_cast<std::size_t>(put_date(out, time, latest) - out);
}

std::size_t write_timestamp(const FhirTime& time, bool latest, char* out) {
  char* end = put_date(out, time, latest);
  *end++ = 'T';
  if (latest && time.precision <= TimePrecision::day) {
    end = put(end, "23:59:59.999999Z");
    return static_cast<std::size_t>(end - out);
  }
  end = put_time(end, time, latest);
  end = put(end, time.zone.empty() ? "Z" : time.zone);
  return static_cast<std::size_t>(end - out);
}

std::size_t write_time(const FhirTime& time, char* out) {
  return static_cast<std::size_t>(put_time(out, time, false) - out);
}

}  // namespace wellhead::converter
