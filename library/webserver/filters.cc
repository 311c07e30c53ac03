#include "library/webserver/filters.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdint>
#include <optional>
#include <utility>

#include "library/webserver/arguments.h"

namespace wellhead::webserver {
namespace {

constexpr std::size_t kMaxDigits = 30;  // before the point, and behind it

// The operators, each with what it becomes on an exact operand.
constexpr std::array<std::pair<std::string_view, Comparison>, 6> kOperators = {{{"eq", Comparison::equal},
                                                                                {"ne", Comparison::not_equal},
                                                                                {"lt", Comparison::less},
                                                                                {"le", Comparison::at_most},
                                                                                {"gt", Comparison::greater},
                                                                                {"ge", Comparison::at_least}}};

Comparison take_operator(std::string_view& text) {
  for (const auto& [word, comparison] : kOperators) {
    if (!text.starts_with(word)) continue;
    text.remove_prefix(word.size());
    return comparison;
  }
  return Comparison::equal;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool all_digits(std::string_view text) { return !text.empty() && std::ranges::all_of(text, is_digit); }

int number_of(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

struct Days {
  std::string first;
  std::string behind;  // the first day after
  bool one = false;
};

std::string day_text(std::chrono::year_month_day day) {
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(day.year()), static_cast<unsigned>(day.month()),
                     static_cast<unsigned>(day.day()));
}

// 2024, 2024-03 or 2024-03-31, from the year 1000 on.
std::optional<Days> parse_days(std::string_view text) {
  using namespace std::chrono;
  const bool has_month = text.size() >= 7;
  const bool has_day = text.size() == 10;
  if (text.size() != 4 && text.size() != 7 && !has_day) return std::nullopt;
  if (!all_digits(text.substr(0, 4)) || text[0] == '0') return std::nullopt;
  if (has_month && (text[4] != '-' || !all_digits(text.substr(5, 2)))) return std::nullopt;
  if (has_day && (text[7] != '-' || !all_digits(text.substr(8, 2)))) return std::nullopt;
  const year in_year(number_of(text.substr(0, 4)));
  const month in_month(has_month ? static_cast<unsigned>(number_of(text.substr(5, 2))) : 1);
  const year_month_day first(in_year, in_month, day(has_day ? static_cast<unsigned>(number_of(text.substr(8, 2))) : 1));
  if (!first.ok()) return std::nullopt;
  const year_month_day behind = has_day     ? year_month_day(sys_days(first) + days(1))
                                : has_month ? first + months(1)
                                            : first + years(1);
  return Days{day_text(first), day_text(behind), has_day};
}

Clause exactly(Comparison comparison, std::string value) { return {comparison, std::move(value), {}}; }

// A stretch of time from `first` to before `behind`.
Clause over(Comparison comparison, std::string first, std::string behind) {
  switch (comparison) {
    case Comparison::equal:
      return {Comparison::within, std::move(first), std::move(behind)};
    case Comparison::not_equal:
      return {Comparison::outside, std::move(first), std::move(behind)};
    case Comparison::less:
      return exactly(Comparison::less, std::move(first));
    case Comparison::at_most:
      return exactly(Comparison::less, std::move(behind));
    case Comparison::greater:
      return exactly(Comparison::at_least, std::move(behind));
    default:
      return exactly(Comparison::at_least, std::move(first));
  }
}

using Parsed = std::expected<Clause, std::string>;

Parsed parse_date(Comparison comparison, std::string_view text) {
  const auto found = parse_days(text);
  if (!found) return std::unexpected("is no date, such as ge1980, 1980-05 or lt1980-05-01");
  return found->one ? exactly(comparison, found->first) : over(comparison, found->first, found->behind);
}

Parsed parse_moment(Comparison comparison, std::string_view text) {
  constexpr std::string_view midnight = "T00:00:00Z";
  if (const auto found = parse_days(text)) {
    return over(comparison, found->first + std::string(midnight), found->behind + std::string(midnight));
  }
  std::string moment(text);
  // In a query a plus sign that is not escaped arrives as a blank.
  if (moment.size() > 6 && moment[moment.size() - 6] == ' ') moment[moment.size() - 6] = '+';
  if (moment.starts_with('0') || !is_rfc3339(moment)) {
    return std::unexpected("is neither a date nor a moment, such as ge2024, lt2024-03-31 or gt2024-01-31T10:42:00Z");
  }
  return exactly(comparison, std::move(moment));
}

Parsed parse_number(Comparison comparison, std::string_view text) {
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  const auto point = digits.find('.');
  const std::string_view whole = digits.substr(0, point);
  const bool fraction_good = point == std::string_view::npos ||
                             (all_digits(digits.substr(point + 1)) && digits.size() - point - 1 <= kMaxDigits);
  if (!all_digits(whole) || whole.size() > kMaxDigits || !fraction_good) {
    return std::unexpected("is no number, such as 7, ge7.40 or lt-0.5");
  }
  return exactly(comparison, std::string(text));
}

Parsed parse_integer(Comparison comparison, std::string_view text) {
  std::int32_t number = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || failed != std::errc{} || end != text.data() + text.size()) {
    return std::unexpected("is no integer of 32 bits, such as 7 or ge-3");
  }
  return exactly(comparison, std::to_string(number));
}

// A day of the Gregorian calendar from the year 1000 on, and what else stands for a stretch of days.
constexpr std::string_view kDayPattern =
    "([1-9][0-9]{3}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|"
    "02-(0[1-9]|1[0-9]|2[0-8]))|([1-9][0-9](0[48]|[2468][048]|[13579][26])|([2468][048]|[13579][26])00)-02-29)";
constexpr std::string_view kLongerPattern = "[1-9][0-9]{3}(-(0[1-9]|1[0-2]))?";
constexpr std::string_view kTimePattern =
    "T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])";

}  // namespace

std::expected<Clause, std::string> parse_clause(Operand operand, std::string_view text) {
  const Comparison comparison = take_operator(text);
  switch (operand) {
    case Operand::date:
      return parse_date(comparison, text);
    case Operand::moment:
      return parse_moment(comparison, text);
    case Operand::number:
      return parse_number(comparison, text);
    case Operand::integer:
      break;
  }
  return parse_integer(comparison, text);
}

std::string clause_pattern(Operand operand) {
  const std::string begin = "^(eq|ne|lt|le|gt|ge)?";
  switch (operand) {
    case Operand::date:
      return fmt::format("{}({}|{})$", begin, kLongerPattern, kDayPattern);
    case Operand::moment:
      return fmt::format("{}({}|{}({})?)$", begin, kLongerPattern, kDayPattern, kTimePattern);
    case Operand::number:
      return fmt::format("{}-?[0-9]{{1,{}}}(\\.[0-9]{{1,{}}})?$", begin, kMaxDigits, kMaxDigits);
    case Operand::integer:
      break;
  }
  // Nine digits always fit 32 bits.
  return begin + "-?[0-9]{1,9}$";
}

}  // namespace wellhead::webserver
