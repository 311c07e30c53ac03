#include "library/converter/column_writer.h"

#include <algorithm>
#include <limits>
#include <optional>

#include "library/converter/decimal.h"
#include "library/converter/fhir_time.h"

namespace wellhead::converter {
namespace {

constexpr const char* kMissing = "required, but there is no value";
constexpr const char* kMissingReference =
    "required, but there is no reference to a resource of the wanted type on this server";
constexpr const char* kNotString = "not a string";
constexpr const char* kNotNumber = "not a number";
constexpr std::size_t kDayLength = 10;  // YYYY-MM-DD
constexpr const char* kBadDate = "not a date of the calendar in FHIR's form";

const char* write_boolean(const Item& item, const Evaluator& evaluator, CsvBuffer& out) {
  const auto value = evaluator.boolean_of(item);
  if (!value) return "not true or false";
  out.append(*value ? std::string_view("true") : std::string_view("false"));
  return nullptr;
}

const char* write_number(Encoding encoding, const Item& item, const Evaluator& evaluator, CsvBuffer& out) {
  const auto number = evaluator.number_of(item);
  if (!number) return kNotNumber;
  if (encoding == Encoding::integer &&
      !fits_integer(*number, std::numeric_limits<std::int32_t>::min(), std::numeric_limits<std::int32_t>::max())) {
    return "not a whole number of 32 bits";
  }
  if (encoding == Encoding::bigint &&
      !fits_integer(*number, std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max())) {
    return "not a whole number of 64 bits";
  }
  if (encoding == Encoding::decimal && !fits_numeric(*number)) return "beyond the digits that numeric holds";
  out.append(*number);
  return nullptr;
}

const char* write_date_text(std::string_view text, CsvBuffer& out) {
  out.append(text);  // a checked date holds nothing that CSV would quote
  return nullptr;
}

const char* write_date_time(Encoding encoding, std::string_view text, CsvBuffer& out) {
  if (const auto precision = precision_of_moment(text)) {
    switch (encoding) {
      case Encoding::precision:
        out.append(to_string(*precision));
        return nullptr;
      case Encoding::date_earliest:
      case Encoding::date_latest:
        out.append(text.substr(0, kDayLength));
        return nullptr;
      default:
        out.append(text);
        return nullptr;
    }
  }
  const auto time = parse_date_time(text);
  if (!time) return kBadDate;
  char* at = out.room(kMaxTimeLength);
  switch (encoding) {
    case Encoding::date_text:
      return write_date_text(text, out);
    case Encoding::precision:
      return write_date_text(to_string(time->precision), out);
    case Encoding::date_earliest:
    case Encoding::date_latest:
      out.commit(at + write_date(*time, encoding == Encoding::date_latest, at));
      return nullptr;
    default:
      out.commit(at + write_timestamp(*time, encoding == Encoding::timestamp_latest, at));
      return nullptr;
  }
}

const char* write_time_of_day(Encoding encoding, std::string_view text, CsvBuffer& out) {
  const auto time = parse_time(text);
  if (!time) return "not a time of day in FHIR's form";
  if (encoding == Encoding::time_text) {
    out.append(text);
    return nullptr;
  }
  char* at = out.room(kMaxTimeLength);
  out.commit(at + write_time(*time, at));
  return nullptr;
}

const char* write_any(const Item& item, Evaluator& evaluator, CsvBuffer& out) {
  if (const auto text = evaluator.text_of(item)) {
    out.append_text(*text);
    return nullptr;
  }
  if (const auto number = evaluator.number_of(item)) {
    out.append(*number);
    return nullptr;
  }
  return evaluator.boolean_of(item) ? write_boolean(item, evaluator, out) : "not a plain value";
}

const char* write_item(Encoding encoding, const Item& item, Evaluator& evaluator, CsvBuffer& out) {
  switch (encoding) {
    case Encoding::boolean:
      return write_boolean(item, evaluator, out);
    case Encoding::integer:
    case Encoding::bigint:
    case Encoding::decimal:
    case Encoding::number_text:
      return write_number(encoding, item, evaluator, out);
    case Encoding::any:
      return write_any(item, evaluator, out);
    case Encoding::text:
      if (const auto raw = evaluator.raw_string_of(item); raw && out.append_json_text(*raw)) return nullptr;
      break;
    default:
      break;
  }
  const auto text = evaluator.text_of(item);
  if (!text) return kNotString;
  switch (encoding) {
    case Encoding::text:
      out.append_text(*text);
      return nullptr;
    case Encoding::id:
      if (!is_fhir_id(*text)) return "not an id by FHIR's rule (1 to 64 of A-Z, a-z, 0-9, - and .)";
      out.append(*text);
      return nullptr;
    case Encoding::time:
    case Encoding::time_text:
      return write_time_of_day(encoding, *text, out);
    default:
      return write_date_time(encoding, *text, out);
  }
}

void append_json_string(std::string_view text, CsvBuffer& out) {
  constexpr std::string_view hex_digits = "0123456789abcdef";
  char* at = out.room(6 * text.size() + 2);
  *at++ = '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') *at++ = '\\';
    if (static_cast<unsigned char>(c) < 0x20) {
      at = std::ranges::copy(std::string_view("\\u00"), at).out;
      *at++ = hex_digits[static_cast<unsigned char>(c) >> 4];
      *at++ = hex_digits[static_cast<unsigned char>(c) & 15];
      continue;
    }
    *at++ = c;
  }
  *at++ = '"';
  out.commit(at);
}

// The items from `base` as a JSON array, itself a CSV field.
const char* write_collection(std::size_t base, Evaluator& evaluator, CsvBuffer& out, CsvBuffer& json) {
  json.truncate(0);
  json.append('[');
  for (std::size_t i = base; i < evaluator.size(); ++i) {
    if (i > base) json.append(',');
    const Item item = evaluator.item(i);
    if (const auto text = evaluator.text_of(item)) {
      append_json_string(*text, json);
    } else if (item.kind == Item::Kind::node) {
      json.append(evaluator.document().json_text(item.node));
    } else if (const char* rule = write_any(item, evaluator, json)) {
      return rule;
    }
  }
  json.append(']');
  out.append_text(json.view());
  return nullptr;
}

// The rule that a column without a value breaks, or nullptr: it is NULL then.
const char* missing(const Step& column, const Operation& operation) {
  if (!column.required) return nullptr;
  return operation.code == OperationCode::reference_key ? kMissingReference : kMissing;
}

}  // namespace

const char* write_column(const Step& column, const Scope& scope, Evaluator& evaluator, CsvBuffer& out,
                         CsvBuffer& scratch) {
  const Operation& operation = evaluator.plan().operations[column.operation];
  Item item;
  if (column.collection || !evaluator.single(column.operation, scope, item)) {
    const std::size_t base = evaluator.size();
    evaluator.evaluate(column.operation, scope);
    const std::size_t count = evaluator.size() - base;
    if (column.collection && evaluator.failure() == nullptr) {
      const char* rule = write_collection(base, evaluator, out, scratch);
      evaluator.truncate(base);
      return rule != nullptr ? rule : evaluator.failure();
    }
    item = count > 0 ? evaluator.item(base) : Item{};
    evaluator.truncate(base);
    if (count > 1 && evaluator.failure() == nullptr) return "more than one value";
  }
  if (evaluator.failure() != nullptr) return evaluator.failure();
  if (item.kind == Item::Kind::nothing) return missing(column, operation);
  const char* rule = write_item(column.encoding, item, evaluator, out);
  return evaluator.failure() != nullptr ? evaluator.failure() : rule;
}

}  // namespace wellhead::converter
