// The grammar of filters on what has an order: dates, moments, numbers.
//
//   filter   = [operator] operand
//   operator = "eq" | "ne" | "lt" | "le" | "gt" | "ge"       none: eq
//   operand  = a number, a date or a moment; of a date the day, or the month too, may be left out
//
// An operand that leaves something out is the whole of it, as in a FHIR search (R4 §3.1.1.4.7): `2024-03` is every day
// of March, `gt2024` begins with 2025, `le2024` ends with it. Dates are days, moments without an offset are UTC's.
// Texts have no operators: their values are what they are.
#pragma once

#include <expected>
#include <string>
#include <string_view>

namespace wellhead::webserver {

enum class Operand {
  date,     // 2024, 2024-03, 2024-03-31
  moment,   // a date, or 2024-03-31T10:42:00Z (RFC 3339)
  number,   // -12.50
  integer,  // 32 bits
};

enum class Comparison {
  equal,
  not_equal,
  less,
  at_most,
  greater,
  at_least,
  within,   // from value, before end
  outside,  // before value, or from end on
  prefix,   // not of this grammar: what a resource makes of a text
  any_of,   // not of this grammar: several `equal` at once
};

struct Clause {
  Comparison comparison = Comparison::equal;
  std::string value;
  std::string end;  // of within and outside
  bool operator==(const Clause&) const = default;
};

// The error says what is wrong, without the value.
std::expected<Clause, std::string> parse_clause(Operand operand, std::string_view text);

// ECMA-262, matching exactly what parse_clause() takes.
std::string clause_pattern(Operand operand);

}  // namespace wellhead::webserver
