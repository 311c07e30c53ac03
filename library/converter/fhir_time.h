// FHIR's date, dateTime, instant and time (R4 §2.24.0.1): partial dates, impossible ones refused.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace wellhead::converter {

// An hour without minutes is FHIRPath's alone: FHIR's own types do not have it.
enum class TimePrecision { year, month, day, hour, minute, second, fraction };

std::string_view to_string(TimePrecision precision);

struct FhirTime {
  int year = 0;
  int month = 1;
  int day = 1;
  int hour = 0;
  int minute = 0;
  int second = 0;
  TimePrecision precision = TimePrecision::year;
  std::string_view fraction;  // digits behind the point
  std::string_view zone;      // Z, +hh:mm or -hh:mm; empty when not given, which means UTC
};

// nullopt: no FHIR date, or one that the calendar does not have. 23:59:60 is allowed, 24:00 is not; offsets up to
// 14:00.
std::optional<FhirTime> parse_date_time(std::string_view text);

// Of a dateTime with seconds and a zone in its usual form, second or fraction; nullopt: of another form, or no
// dateTime. write_timestamp() would write it just as it is.
std::optional<TimePrecision> precision_of_moment(std::string_view text);

// A time of day: hh:mm:ss with an optional fraction.
std::optional<FhirTime> parse_time(std::string_view text);

constexpr std::size_t kMaxTimeLength = 48;

// As PostgreSQL's date, timestamptz or time reads it: the first or last moment that the text covers. Fractions beyond
// nanoseconds, and those of a leap second, are cut off (PostgreSQL rounds to microseconds). Each writes at most
// kMaxTimeLength bytes and returns the length.
std::size_t write_date(const FhirTime& time, bool latest, char* out);
std::size_t write_timestamp(const FhirTime& time, bool latest, char* out);
std::size_t write_time(const FhirTime& time, char* out);

}  // namespace wellhead::converter
