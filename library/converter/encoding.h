// How a column's value is written: decided once from its FHIR type, its SQL type and the wellhead/as tag.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace wellhead::converter {

enum class Encoding {
  text,  // a string
  id,    // a string by FHIR's rule for ids
  boolean,
  integer,        // 32 bits
  bigint,         // 64 bits
  decimal,        // a number exactly as written
  number_text,    // likewise, but into a text column
  date_text,      // the text of a date, dateTime or instant, checked
  date_earliest,  // into a date column
  date_latest,
  timestamp_earliest,  // into a timestamptz column
  timestamp_latest,
  precision,  // year, month, day, minute, second or fraction
  time,       // into a time column
  time_text,  // the text of a time, checked
  any,        // any scalar as text: the column declares no type
};

// The SQL type of PostgreSQL for an ansi/type tag; nullopt: not one we know.
std::optional<std::string> sql_type_of_ansi(std::string_view ansi_type);

// The specification's default for a FHIR type; nullopt: not a primitive type.
std::optional<std::string> default_sql_type(std::string_view fhir_type);

// nullopt: a value of this FHIR type cannot become that SQL type. `as`: empty, earliest, latest or precision.
std::optional<Encoding> encoding_for(std::string_view fhir_type, std::string_view sql_type, std::string_view as);

}  // namespace wellhead::converter
