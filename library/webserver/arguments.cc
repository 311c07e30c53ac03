#include "library/webserver/arguments.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cmath>
#include <utility>

#include "library/meta/describe.h"
#include "library/meta/error.h"
#include "library/meta/ids.h"

namespace wellhead::webserver {
namespace {

constexpr double kExactReals = 9'007'199'254'740'992;  // 2^53: reals below are the integers that were written
constexpr std::size_t kRepeatedBytes = 100;
// More would make a large answer of a small request.
constexpr std::size_t kMostErrors = 20;

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
}

bool is_clean_text(std::string_view text) {
  return !has_control_character(text) && simdjson::validate_utf8(text.data(), text.size());
}

std::string joined(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out.append(out.empty() ? "" : ", ").append(item);
  return out;
}

using Checked = std::optional<std::string>;  // what is wrong

Checked check_integer(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) return "is no integer";
  if (parameter.minimum && number < *parameter.minimum) return "is less than " + std::to_string(*parameter.minimum);
  if (parameter.maximum && number > *parameter.maximum) return "is more than " + std::to_string(*parameter.maximum);
  arguments.set(parameter.name, std::to_string(number), number);
  return std::nullopt;
}

Checked check_zipcode(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  try {
    arguments.set(parameter.name, meta::Zipcode::parse(text).text());
    return std::nullopt;
  } catch (const meta::Error&) {
    return "is no zip code: five digits, such as 02139";
  }
}

Checked check_zipcode_number(const Parameter& parameter, std::int64_t number, Arguments& arguments) {
  try {
    arguments.set(parameter.name, meta::Zipcode::from_number(number).text());
    return std::nullopt;
  } catch (const meta::Error&) {
    return "is no zip code: five digits, such as 02139";
  }
}

// Of UTF-8: the bytes that go on with a character begin with the bits 10.
std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
}

Checked check_text(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  if (text.empty()) return "is empty";
  if (characters(text) > parameter.max_length) {
    return "is longer than " + std::to_string(parameter.max_length) + " characters";
  }
  if (parameter.pattern && !parameter.pattern->matches(text)) {
    return "does not match " + std::string(parameter.pattern->expression);
  }
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

Checked check_choice(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  if (std::ranges::find(parameter.choices, text) == parameter.choices.end()) {
    return "is none of " + joined(parameter.choices);
  }
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

Checked check_choices(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  for (std::string_view rest = text;;) {
    const auto comma = rest.find(',');
    if (std::ranges::find(parameter.choices, rest.substr(0, comma)) == parameter.choices.end()) {
      return "names something that is none of " + joined(parameter.choices);
    }
    if (comma == std::string_view::npos) break;
    rest.remove_prefix(comma + 1);
  }
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

Checked check_clause(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  if (auto clause = parse_clause(parameter.operand, text); !clause) return std::move(clause.error());
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

Checked check_boolean(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  if (text != "true" && text != "false") return "is neither true nor false";
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

// The number of the two or four digits at `at`, or -1.
int digits(std::string_view text, std::size_t at, std::size_t count) {
  int number = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    number = number * 10 + (text[i] - '0');
  }
  return number;
}

bool is_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  if (year < 1 || month < 1 || day < 1) return false;
  return std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                     std::chrono::day(static_cast<unsigned>(day)))
      .ok();
}

bool is_offset(std::string_view text) {
  if (text == "Z") return true;
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return false;
  const int hours = digits(text, 1, 2), minutes = digits(text, 4, 2);
  return hours >= 0 && hours <= 14 && minutes >= 0 && minutes <= 59;
}

}  // namespace

bool is_rfc3339(std::string_view text) {
  if (text.size() < 20 || !is_date(text.substr(0, 10)) || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return false;
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return false;
  std::size_t at = 19;
  if (text[at] == '.') {
    const std::size_t first = ++at;
    while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
    if (at == first || at > first + 9) return false;
  }
  return is_offset(text.substr(at));
}

namespace {

Checked check_date(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  if (!is_date(text)) return "is no date, such as 2024-01-31";
  arguments.set(parameter.name, std::string(text));
  return std::nullopt;
}

Checked check_date_time(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  std::string moment(text);
  // In a query a plus sign that is not escaped arrives as a blank.
  if (moment.size() > 6 && moment[moment.size() - 6] == ' ') moment[moment.size() - 6] = '+';
  if (!is_rfc3339(moment)) return "is no date and time, such as 2024-01-31T10:42:00Z";
  arguments.set(parameter.name, std::move(moment));
  return std::nullopt;
}

Checked check_value(const Parameter& parameter, std::string_view text, Arguments& arguments) {
  switch (parameter.type) {
    case ParameterType::integer:
      return check_integer(parameter, text, arguments);
    case ParameterType::zipcode:
      return check_zipcode(parameter, text, arguments);
    case ParameterType::choice:
      return check_choice(parameter, text, arguments);
    case ParameterType::choices:
      return check_choices(parameter, text, arguments);
    case ParameterType::clause:
      return check_clause(parameter, text, arguments);
    case ParameterType::boolean:
      return check_boolean(parameter, text, arguments);
    case ParameterType::date:
      return check_date(parameter, text, arguments);
    case ParameterType::date_time:
      return check_date_time(parameter, text, arguments);
    case ParameterType::text:
      break;
  }
  return check_text(parameter, text, arguments);
}

// Of a body: an array of texts.
Checked check_array(const Parameter& parameter, simdjson::dom::array items, Arguments& arguments) {
  std::string list;
  for (const auto item : items) {
    std::string_view text;
    if (item.get(text) != simdjson::SUCCESS || text.find(',') != std::string_view::npos) return "has the wrong type";
    list.append(list.empty() ? "" : ",").append(text);
  }
  if (list.empty()) return "is empty";
  return check_choices(parameter, list, arguments);
}

// A member of the body, whose JSON type must be the parameter's.
Checked check_member(const Parameter& parameter, simdjson::dom::element value, Arguments& arguments) {
  std::string_view text;
  if (simdjson::dom::array items; parameter.type == ParameterType::choices && value.get(items) == simdjson::SUCCESS) {
    return check_array(parameter, items, arguments);
  }
  if (value.get(text) == simdjson::SUCCESS) {
    if (parameter.type == ParameterType::choices) return "is no array";
    if (parameter.type == ParameterType::integer) return "is no integer";
    if (parameter.type == ParameterType::boolean) return "is neither true nor false";
    if (!is_clean_text(text)) return "has control characters";
    return check_value(parameter, text, arguments);
  }
  bool flag = false;
  if (parameter.type == ParameterType::boolean && value.get(flag) == simdjson::SUCCESS) {
    return check_value(parameter, flag ? "true" : "false", arguments);
  }
  std::int64_t number = 0;
  double real = 0;
  // 842.0 is an integer, too (JSON Schema 2020-12, Validation, §6.1.1).
  if (value.is_double() && value.get(real) == simdjson::SUCCESS && std::trunc(real) == real &&
      std::abs(real) < kExactReals) {
    number = static_cast<std::int64_t>(real);
  } else if (value.get(number) != simdjson::SUCCESS) {
    return "has the wrong type";
  }
  if (parameter.type == ParameterType::integer) return check_value(parameter, std::to_string(number), arguments);
  if (parameter.type == ParameterType::zipcode) return check_zipcode_number(parameter, number, arguments);
  return "has the wrong type";
}

const Parameter* find(std::span<const Parameter> parameters, ParameterIn in, std::string_view name) {
  const auto found = std::ranges::find_if(parameters, [&](const Parameter& p) { return p.in == in && p.name == name; });
  return found == parameters.end() ? nullptr : &*found;
}

std::string names_of(std::span<const Parameter> parameters, ParameterIn in) {
  std::vector<std::string> names;
  for (const Parameter& parameter : parameters) {
    if (parameter.in == in) names.push_back(parameter.name);
  }
  return names.empty() ? "there are none here" : "there are: " + joined(names);
}

// A name that is none of ours, as an answer may repeat it: never empty, and cut between characters of UTF-8.
std::string repeated(std::string_view name, std::string_view instead) {
  if (name.empty()) return std::string(instead);
  std::size_t end = std::min(name.size(), kRepeatedBytes);
  while (end < name.size() && (static_cast<unsigned char>(name[end]) & 0xC0) == 0x80) --end;
  return std::string(name.substr(0, end));
}

void check_pairs(std::span<const Parameter> parameters, ParameterIn in, const RawValues& values, Arguments& arguments,
                 std::vector<FieldError>& errors) {
  for (auto value = values.begin(); value != values.end() && errors.size() < kMostErrors; ++value) {
    const auto& [name, text] = *value;
    const Parameter* parameter = find(parameters, in, name);
    if (!parameter) {
      errors.push_back({repeated(name, "query"), "is no parameter; " + names_of(parameters, in)});
    } else if (const auto before = std::count_if(values.begin(), value, [&](const auto& v) { return v.first == name; });
               before > 0 && !parameter->repeatable) {
      errors.push_back({name, "is given more than once"});
    } else if (static_cast<std::size_t>(before) >= kMaxRepeats) {
      errors.push_back({name, "is given more than " + std::to_string(kMaxRepeats) + " times"});
    } else if (auto wrong = check_value(*parameter, text, arguments)) {
      errors.push_back({name, std::move(*wrong)});
    }
  }
}

void check_body(std::span<const Parameter> parameters, std::string_view body, Arguments& arguments,
                std::vector<FieldError>& errors) {
  simdjson::dom::parser parser;
  simdjson::dom::object object;
  const simdjson::padded_string padded(body);
  if (parser.parse(padded).get(object) != simdjson::SUCCESS) {
    errors.push_back({"body", "is no JSON object"});
    return;
  }
  std::vector<std::string_view> seen;
  for (const auto member : object) {
    if (errors.size() >= kMostErrors) return;
    const Parameter* parameter = find(parameters, ParameterIn::body, member.key);
    if (!parameter) {
      errors.push_back({repeated(member.key, "body"), "is no member; " + names_of(parameters, ParameterIn::body)});
    } else if (std::ranges::find(seen, member.key) != seen.end()) {
      errors.push_back({parameter->name, "is given more than once"});
    } else if (auto wrong = check_member(*parameter, member.value, arguments)) {
      errors.push_back({parameter->name, std::move(*wrong)});
    }
    seen.push_back(member.key);
  }
}

}  // namespace

bool Arguments::has(std::string_view name) const { return text(name).has_value(); }

std::optional<std::string_view> Arguments::text(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  if (found == values_.end()) return std::nullopt;
  return found->text;
}

std::vector<std::string_view> Arguments::all(std::string_view name) const {
  std::vector<std::string_view> texts;
  for (const Value& value : values_) {
    if (value.name == name) texts.emplace_back(value.text);
  }
  return texts;
}

std::int64_t Arguments::integer(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  return found == values_.end() ? 0 : found->number;
}

bool Arguments::given(std::string_view name) const {
  const auto found = std::ranges::find(values_, name, &Value::name);
  return found != values_.end() && !found->by_default;
}

void Arguments::set(std::string_view name, std::string text, std::int64_t number, bool by_default) {
  values_.push_back({name, std::move(text), number, by_default});
}

std::vector<FieldError> check_arguments(std::span<const Parameter> parameters, const RawValues& path,
                                        const RawValues& query, std::string_view body, Arguments& arguments) {
  std::vector<FieldError> errors;
  check_pairs(parameters, ParameterIn::path, path, arguments, errors);
  check_pairs(parameters, ParameterIn::query, query, arguments, errors);
  if (std::ranges::any_of(parameters, [](const Parameter& p) { return p.in == ParameterIn::body; })) {
    check_body(parameters, body, arguments, errors);
  }
  for (const Parameter& parameter : parameters) {
    if (arguments.has(parameter.name) ||
        std::ranges::find(errors, parameter.name, &FieldError::field) != errors.end()) {
      continue;
    }
    if (parameter.fallback) {
      arguments.set(parameter.name, std::to_string(*parameter.fallback), *parameter.fallback, true);
    } else if (parameter.required && std::ranges::find(errors, "body", &FieldError::field) == errors.end()) {
      errors.push_back({parameter.name, "is missing"});
    }
  }
  return errors;
}

std::optional<std::string> decode_percent(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out.push_back(static_cast<char>(high * 16 + low));
      i += 2;
    } else {
      out.push_back(plus_is_space && text[i] == '+' ? ' ' : text[i]);
    }
  }
  if (!is_clean_text(out)) return std::nullopt;
  return out;
}

std::string encode_percent(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '.' || c == '_' || c == '~';
    if (plain) {
      out.push_back(c);
    } else {
      out.append({'%', digits[byte >> 4], digits[byte & 15]});
    }
  }
  return out;
}

std::optional<RawValues> decode_query(std::string_view query) {
  RawValues values;
  while (!query.empty()) {
    const auto end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    if (pair.empty()) continue;
    const auto equals = std::min(pair.find('='), pair.size());
    auto name = decode_percent(pair.substr(0, equals), true);
    auto value = decode_percent(pair.substr(std::min(equals + 1, pair.size())), true);
    if (!name || !value) return std::nullopt;
    values.emplace_back(std::move(*name), std::move(*value));
  }
  return values;
}

}  // namespace wellhead::webserver
