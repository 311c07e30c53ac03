// FHIR instants and partial dates (R4 §2.24.0.1), as milliseconds since 1970-01-01T00:00:00Z.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace wellhead::fhirsim {

using Instant = std::int64_t;

// The time that a date or dateTime covers by its precision: 2026-01 is all of January.
struct Period {
  Instant begin = 0;
  Instant end = 0;  // not part of it
};

// YYYY, YYYY-MM, YYYY-MM-DD or a dateTime with or without seconds, fraction and offset (none: UTC).
std::optional<Period> parse_period(std::string_view text);

inline constexpr int kInstantLength = 29;  // 2026-01-01T00:00:00.000+00:00
inline constexpr int kSecondLength = 25;   // 2026-01-01T00:00:00+00:00
inline constexpr int kDateLength = 10;

// Each writes its length.
void write_instant(char* out, Instant time);
void write_second(char* out, Instant time);
void write_date(char* out, Instant time);
std::string instant_text(Instant time);
// Fri, 31 Dec 1999 23:59:59 GMT (RFC 9110 §5.6.7)
std::string http_date(Instant time);

// The system clock.
Instant wall_clock();

}  // namespace wellhead::fhirsim
