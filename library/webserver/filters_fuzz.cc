// Any bytes as a query, as filters of every kind, and as a cursor: refused with a word, or taken for what they say.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "library/webserver/arguments.h"
#include "library/webserver/cursor.h"
#include "library/webserver/http.h"
#include "library/webserver/preferences.h"

namespace {

using namespace wellhead::webserver;

void require(bool holds) {
  if (!holds) std::abort();
}

// What is taken says the same again.
void filter(std::string_view text) {
  for (const Operand operand : {Operand::date, Operand::moment, Operand::number, Operand::integer}) {
    const auto clause = parse_clause(operand, text);
    if (!clause) {
      require(!clause.error().empty());
      continue;
    }
    require(!clause->value.empty());
    const bool stretch = clause->comparison == Comparison::within || clause->comparison == Comparison::outside;
    require(stretch == !clause->end.empty());
    const auto again = parse_clause(operand, "eq" + clause->value);
    // The day behind the last year is written with five digits, and so is no operand.
    require(again ? again->value == clause->value : clause->value.starts_with("10000-"));
  }
}

const CursorKey& cursor_key() {
  static CursorKey key;
  key.set("not in the corpus");
  return key;
}

void cursor(std::string_view text) {
  const CursorKey* const key = &cursor_key();
  const std::string scope = "/patients?";
  if (const auto parts = decode_cursor(key, scope, text)) {
    require(encode_cursor(key, scope, *parts) == text);
  }
  const std::vector<std::string> parts = {std::string(text.substr(0, 60'000)), ""};
  const std::string made = encode_cursor(key, scope, parts);
  require(decode_cursor(key, scope, made) == parts);
  require(!decode_cursor(key, "/patients?a=b", made));
}

void query(std::string_view text) {
  const std::vector<Parameter> parameters = {
      {.name = "code", .repeatable = true},
      {.name = "value", .type = ParameterType::clause, .operand = Operand::number, .repeatable = true},
      {.name = "effective", .type = ParameterType::clause, .operand = Operand::moment, .repeatable = true},
      {.name = "fields", .type = ParameterType::choices, .choices = {"id", "family"}},
      {.name = "limit", .type = ParameterType::integer, .minimum = 1, .maximum = 1000, .fallback = 50},
      {.name = "names", .in = ParameterIn::body, .type = ParameterType::choices, .choices = {"a", "b"}}};
  const auto values = decode_query(text);
  if (!values) return;
  Arguments arguments;
  const auto errors = check_arguments(parameters, {}, *values, text, arguments);
  for (const auto& error : errors) require(!error.field.empty() && !error.message.empty());
  if (errors.empty()) require(arguments.integer("limit") >= 1 && arguments.integer("limit") <= 1000);
  require(arguments.all("code").size() <= kMaxRepeats);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  filter(text);
  cursor(text);
  query(text);
  static_cast<void>(preference(text, "count"));
  const std::vector<std::string_view> types = {"application/json", "text/csv; charset=utf-8"};
  static_cast<void>(best_type(text, types));
  return 0;
}
