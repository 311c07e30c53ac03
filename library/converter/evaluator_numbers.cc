// Arithmetic, rounding and boundaries of numbers, dates and quantities (FHIRPath 2.0 §5.7, §6.6).
#include <algorithm>
#include <charconv>

#include "library/converter/evaluator.h"
#include "library/converter/fhir_types.h"

namespace wellhead::converter {
namespace {

using Code = OperationCode;
constexpr const char* kTooManyDigits = "a number has more than 100 digits";
constexpr const char* kNotNumbers = "an operator or function gets a value that it is not for";

std::optional<Number> calculated(Code code, const Number& a, const Number& b) {
  switch (code) {
    case Code::add:
      return Number::add(a, b);
    case Code::subtract:
      return Number::subtract(a, b);
    case Code::multiply:
      return Number::multiply(a, b);
    case Code::divide:
      return Number::divide(a, b);
    case Code::divide_whole:
      return Number::divide_whole(a, b);
    default:
      return Number::remainder(a, b);
  }
}

bool divides(Code code) { return code == Code::divide || code == Code::divide_whole || code == Code::modulo; }

}  // namespace

std::optional<Number> Evaluator::parsed(std::string_view text) {
  auto number = Number::parse(text);
  if (!number) fail(kTooManyDigits);
  return number;
}

std::string_view Evaluator::number_text(const std::optional<Number>& number) {
  if (!number) {
    fail(kTooManyDigits);
    return "0";
  }
  char* out = arena_.allocate(Number::kMaxLength);
  const std::size_t length = number->write(out);
  arena_.shrink(Number::kMaxLength - length);
  return {out, length};
}

void Evaluator::push_amount(std::string_view number, std::string_view unit) {
  char* out = arena_.allocate(number.size() + 1 + unit.size());
  char* at = std::ranges::copy(number, out).out;
  *at++ = ' ';
  std::ranges::copy(unit, at);
  push(Item::of_text(Item::Kind::quantity, {out, number.size() + 1 + unit.size()}));
}

// Division by zero gives nothing.
void Evaluator::arithmetic(const Operation& operation, const Scope& scope) {
  const std::optional<Item> left = one(operation.input, scope);
  const std::optional<Item> right = one(operation.arguments[0], scope);
  if (!left || !right) return;
  const bool sum = operation.code == Code::add || operation.code == Code::subtract;
  const auto left_number = number_of(*left);
  const auto right_number = number_of(*right);
  if (left_number && right_number) {
    const auto a = parsed(*left_number);
    const auto b = parsed(*right_number);
    if (!a || !b || (divides(operation.code) && b->zero())) return;
    return push(Item::of_number(number_text(calculated(operation.code, *a, *b))));
  }
  if (sum && right->kind == Item::Kind::quantity && left->kind != Item::Kind::quantity && !left_number) {
    return add_duration(operation, *left, *right);
  }
  if (left->kind == Item::Kind::quantity || right->kind == Item::Kind::quantity) {
    return calculate_amounts(operation.code, *left, *right);
  }
  if (operation.code == Code::add) return add_strings(*left, *right);
  fail(kNotNumbers);
}

void Evaluator::add_strings(const Item& left, const Item& right) {
  const auto a = string_of(left);
  const auto b = string_of(right);
  if (!a || !b) return fail(kNotNumbers);
  char* out = arena_.allocate(a->size() + b->size());
  std::ranges::copy(*b, std::ranges::copy(*a, out).out);
  push(Item::of_string({out, a->size() + b->size()}));
}

// A date, dateTime or time and a quantity of a calendar unit; decimals of it are cut off, those of seconds kept to the
// millisecond.
void Evaluator::add_duration(const Operation& operation, const Item& moment, const Item& amount) {
  const auto text = string_of(moment);
  const bool clock = text && text->size() > 2 && (*text)[2] == ':';
  const Item other = Item::of_text(clock ? Item::Kind::time : Item::Kind::date_time, {});
  const auto value = moment_of(moment, other);
  const auto parts = amount_of(amount);
  auto unit = calendar_unit(parts->unit);
  if (parts->unit == "'s'") unit = CalendarUnit::second;
  if (parts->unit == "'ms'") unit = CalendarUnit::millisecond;
  if (!value || !unit) return fail("a date or time and a calendar duration, such as 2 days, are expected");
  auto number = parsed(parts->number);
  if (!number) return;
  if (operation.code == Code::subtract) number = number->negated();
  if (unit == CalendarUnit::second && number->scale() > 0) {
    unit = CalendarUnit::millisecond;
    number = Number::multiply(*number, *Number::parse("1000"));
  }
  if (number) number = number->rounded(0, Number::Rounding::truncate);
  const std::string_view digits = number_text(number);
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc{}) return;
  char* out = arena_.allocate(kMaxTimeLength);
  Temporal from = *value;
  if (from.kind == TemporalKind::date_time && from.time.precision <= TimePrecision::day &&
      moment.kind != Item::Kind::date_time) {
    from.kind = TemporalKind::date;
  }
  const std::size_t length = write_sum(from, count, *unit, out);
  const Item::Kind kind = from.kind == TemporalKind::time   ? Item::Kind::time
                          : from.kind == TemporalKind::date ? Item::Kind::date
                                                            : Item::Kind::date_time;
  if (length > 0) push(Item::of_text(kind, {out, length}));
}

// Quantities of one unit are added; one is multiplied or divided by a number; two of one unit are divided.
void Evaluator::calculate_amounts(OperationCode code, const Item& left, const Item& right) {
  const auto a = amount_of(left);
  const auto b = amount_of(right);
  if (!a || !b) return fail(kNotNumbers);
  const bool left_plain = left.kind != Item::Kind::quantity || a->unit == "'1'";
  const bool right_plain = right.kind != Item::Kind::quantity || b->unit == "'1'";
  std::string_view unit = a->unit;
  if (code == Code::add || code == Code::subtract) {
    if (a->unit != b->unit) return;  // not known without converting
  } else if (code == Code::multiply) {
    if (!left_plain && !right_plain) return;
    if (left_plain) unit = b->unit;
  } else if (code == Code::divide) {
    if (!right_plain && a->unit != b->unit) return;
    if (!right_plain) unit = "'1'";
  } else {
    return fail(kNotNumbers);
  }
  const auto x = parsed(a->number);
  const auto y = parsed(b->number);
  if (!x || !y || (divides(code) && y->zero())) return;
  push_amount(number_text(calculated(code, *x, *y)), unit);
}

void Evaluator::number_function(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = one(operation.input, scope);
  if (!item) return;
  const auto amount = amount_of(*item);
  if (!amount) return fail(kNotNumbers);
  int scale = 0;
  if (operation.code == Code::round && operation.arguments[0] != kNoOperation) {
    const auto argument = whole_number(operation.arguments[0], scope);
    if (!argument || *argument < 0 || *argument > Number::kMaxDigits) return fail("round() wants 0 to 100 decimals");
    scale = static_cast<int>(*argument);
  }
  const auto number = parsed(amount->number);
  if (!number) return;
  std::optional<Number> result = number;
  switch (operation.code) {
    case Code::absolute:
      if (number->negative()) result = number->negated();
      break;
    case Code::negative:
      result = number->negated();
      break;
    case Code::ceiling:
      result = number->rounded(0, Number::Rounding::up);
      break;
    case Code::floor:
      result = number->rounded(0, Number::Rounding::down);
      break;
    case Code::round:
      result = number->rounded(scale, Number::Rounding::half_away);
      break;
    default:
      result = number->rounded(0, Number::Rounding::truncate);
      break;
  }
  const std::string_view text = number_text(result);
  if (item->kind == Item::Kind::quantity) return push_amount(text, amount->unit);
  push(Item::of_number(text));
}

// lowBoundary and highBoundary (FHIRPath 3.0 §5.7.6): what the value may have been before it was rounded or cut off.
void Evaluator::boundary(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = one(operation.input, scope);
  if (!item) return;
  std::optional<std::int64_t> digits;
  if (operation.arguments[0] != kNoOperation) {
    digits = whole_number(operation.arguments[0], scope);
    if (!digits || *digits < 0 || *digits > Number::kMaxDigits) return;
  }
  const bool high = operation.code == Code::high_boundary;
  if (const auto amount = amount_of(*item)) {
    const auto number = parsed(amount->number);
    if (!number) return;
    auto result = number->boundary(high);
    if (result && digits) {
      result = result->rounded(static_cast<int>(*digits), high ? Number::Rounding::up : Number::Rounding::down);
    }
    const std::string_view text = number_text(result);
    if (item->kind == Item::Kind::quantity) return push_amount(text, amount->unit);
    return push(Item::of_number(text));
  }
  const auto text = text_of(*item);
  if (!text) return fail(kNotNumbers);
  auto kind = item->kind == Item::Kind::node ? temporal_element(document_.key_of(item->node)) : std::nullopt;
  if (item->kind == Item::Kind::date) kind = TemporalKind::date;
  if (item->kind == Item::Kind::date_time) kind = TemporalKind::date_time;
  if (item->kind == Item::Kind::time || (!kind && text->size() > 2 && (*text)[2] == ':')) kind = TemporalKind::time;
  if (!kind) kind = text->find('T') == std::string_view::npos ? TemporalKind::date : TemporalKind::date_time;
  const auto value = parse_temporal(*text, *kind);
  if (!value) return fail("a date, time or number is expected");
  char* out = arena_.allocate(kMaxTimeLength);
  const std::size_t length = write_boundary(*value, high, static_cast<int>(digits.value_or(0)), out);
  if (length == 0 || digits == 0) return;
  const Item::Kind made = *kind == TemporalKind::time   ? Item::Kind::time
                          : *kind == TemporalKind::date ? Item::Kind::date
                                                        : Item::Kind::date_time;
  push(Item::of_text(made, {out, length}));
}

// Digits behind the point, or those of a date or time.
void Evaluator::precision(const Operation& operation, const Scope& scope) {
  const std::optional<Item> item = one(operation.input, scope);
  if (!item) return;
  if (const auto number = number_of(*item)) {
    const auto value = parsed(*number);
    if (value) push(Item::of_number(integer_text(static_cast<std::uint64_t>(value->scale()))));
    return;
  }
  const auto text = text_of(*item);
  const bool clock = text && text->size() > 2 && ((*text)[2] == ':' || item->kind == Item::Kind::time);
  const auto value = text ? parse_temporal(*text, clock ? TemporalKind::time : TemporalKind::date_time) : std::nullopt;
  if (!value) return fail("a date, time or number is expected");
  push(Item::of_number(integer_text(static_cast<std::uint64_t>(precision_digits(*value)))));
}

}  // namespace wellhead::converter
