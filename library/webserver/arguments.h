// The parameters of a route: what they are called, what they may be, and how the values of a request are checked
// against that. The same definitions make the OpenAPI document, so what is documented is what is enforced.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/webserver/filters.h"

namespace wellhead::webserver {

// body: a member of the JSON object sent; header: read by the handler itself, only documented here.
enum class ParameterIn { path, query, body, header };

enum class ParameterType {
  text,
  integer,  // 64 bits
  boolean,
  date,       // 2024-01-31
  date_time,  // 2024-01-31T10:42:00Z (RFC 3339)
  zipcode,    // five digits; in a body also a number, whose leading zeros are put back
  choice,     // one of `choices`
  choices,    // some of `choices`, with commas between; in a body an array
  clause,     // a comparison with an operand of the type `operand` (filters.h)
};

// A regular expression (ECMA-262, for the document) and the function that decides by it.
struct Pattern {
  std::string_view expression;
  bool (*matches)(std::string_view text) = nullptr;
};

struct Parameter {
  std::string name;
  ParameterIn in = ParameterIn::query;
  ParameterType type = ParameterType::text;
  bool required = false;  // path parameters always are
  std::string description;
  std::string example;                                     // as it would be sent
  std::optional<std::int64_t> minimum, maximum, fallback;  // of integers
  std::optional<Pattern> pattern;                          // of texts
  std::size_t max_length = 200;                            // of texts, in characters
  std::vector<std::string> choices;
  Operand operand = Operand::date;  // of clauses
  bool repeatable = false;          // may be given up to kMaxRepeats times; in a query only
};

inline constexpr std::size_t kMaxRepeats = 20;

struct FieldError {
  std::string field;
  std::string message;  // without the value
};

// The checked values of a request.
class Arguments {
 public:
  bool has(std::string_view name) const;
  // As text in canonical form (an integer without sign and zeros, a boolean as true or false); empty when absent.
  std::optional<std::string_view> text(std::string_view name) const;
  // Of a repeatable parameter, in the order given.
  std::vector<std::string_view> all(std::string_view name) const;
  // 0 when absent and without a default.
  std::int64_t integer(std::string_view name) const;

  // Whether the request has it: false for a default.
  bool given(std::string_view name) const;

  void set(std::string_view name, std::string text, std::int64_t number = 0, bool by_default = false);

 private:
  struct Value {
    std::string_view name;  // of the Parameter
    std::string text;
    std::int64_t number = 0;
    bool by_default = false;
  };
  std::vector<Value> values_;
};

// Values as they came, percent-decoded: from the path and the query.
using RawValues = std::vector<std::pair<std::string, std::string>>;

// Checks the values of path and query and the JSON object in `body` (looked at only if a parameter is in it).
// Everything wrong is reported at once: unknown, repeated, missing and malformed. The parameters must outlive the
// arguments.
std::vector<FieldError> check_arguments(std::span<const Parameter> parameters, const RawValues& path,
                                        const RawValues& query, std::string_view body, Arguments& arguments);

// Percent-decoding (RFC 3986 §2.1); plus_is_space for queries. nullopt: a broken escape, a control character or no
// UTF-8.
std::optional<std::string> decode_percent(std::string_view text, bool plus_is_space);
std::string encode_percent(std::string_view text);

// 2024-01-31T10:42:00Z (RFC 3339 §5.6), up to nine digits of a second, no leap seconds.
bool is_rfc3339(std::string_view text);

// a=1&b=2; nullopt as decode_percent.
std::optional<RawValues> decode_query(std::string_view query);

}  // namespace wellhead::webserver
