// Dates, dateTimes and times of day as FHIRPath compares and calculates with them: partial ones, and by time zone.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "library/converter/fhir_time.h"

namespace wellhead::converter {

enum class TemporalKind : std::uint8_t { date, date_time, time };

struct Temporal {
  TemporalKind kind = TemporalKind::date;
  FhirTime time;
};

// By FHIR's forms and by FHIRPath's wider ones (`2015T`, `2015-01-01T10`, `10:30`); a leading T of a time is allowed.
// nullopt: not of that kind, or not in the calendar. A date is also a dateTime.
std::optional<Temporal> parse_temporal(std::string_view text, TemporalKind kind);

// FHIRPath 2.0 §6.1 and §6.2: part by part; nullopt when one ends, or both do at different parts, before they differ. A
// time without a zone is taken as UTC. A time of day and a date are not compared: nullopt.
std::optional<std::strong_ordering> compare_temporals(const Temporal& a, const Temporal& b);

// The first or last moment that a partial one covers, to `digits` digits: 4 year, 6 month, 8 day, 10 hour, 12 minute,
// 14 second, 17 millisecond; of a time 2, 4, 6, 9. 0: as many as its kind has. Without a zone the first moment is the
// one of +14:00 and the last that of -12:00. Writes at most kMaxTimeLength bytes and returns the length; 0: no such
// precision.
std::size_t write_boundary(const Temporal& value, bool high, int digits, char* out);

// Digits of the precision, as above.
int precision_digits(const Temporal& value);

enum class CalendarUnit : std::uint8_t { year, month, week, day, hour, minute, second, millisecond };

// year, years, month …; nullopt for other words.
std::optional<CalendarUnit> calendar_unit(std::string_view word);

// The moment `amount` units later, to the precision of `value`, written like write_boundary(). 0: outside the years 1
// to 9999, or a unit that the kind does not have.
std::size_t write_sum(const Temporal& value, std::int64_t amount, CalendarUnit unit, char* out);

}  // namespace wellhead::converter
