// Equality, order and three-valued logic (FHIRPath 2.0 §6).
#include <algorithm>

#include "library/converter/decimal.h"
#include "library/converter/evaluator.h"
#include "library/converter/fhir_types.h"

namespace wellhead::converter {
namespace {

constexpr std::size_t kDayText = 10;  // YYYY-MM-DD

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Whether two different texts may be the same moment.
bool may_be_moments(std::string_view a, std::string_view b) {
  return !a.empty() && !b.empty() && is_digit(a[0]) && is_digit(b[0]);
}

bool is_moment(const Item& item) { return item.kind >= Item::Kind::date && item.kind <= Item::Kind::time; }

char folded(char c) {
  if (c >= 'A' && c <= 'Z') return static_cast<char>(c - 'A' + 'a');
  return c == '\t' || c == '\n' || c == '\r' ? ' ' : c;
}

// Without regard to case (of A to Z) and to how many blanks stand together.
bool alike_texts(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  const auto skip = [](std::string_view text, std::size_t& at) {
    while (at < text.size() && folded(text[at]) == ' ' && (at + 1 == text.size() || folded(text[at + 1]) == ' ')) ++at;
  };
  while (true) {
    skip(a, i);
    skip(b, j);
    if (i == a.size() || j == b.size()) return i == a.size() && j == b.size();
    if (folded(a[i++]) != folded(b[j++])) return false;
  }
}

}  // namespace

// What an item means as a date or time, beside another; nullopt: nothing. A string of the resource means one by its
// element's name, else by the other item, else by its form to the day at least.
std::optional<Temporal> Evaluator::moment_of(const Item& item, const Item& other) {
  if (item.kind == Item::Kind::date) return parse_temporal(item.text, TemporalKind::date);
  if (item.kind == Item::Kind::date_time) return parse_temporal(item.text, TemporalKind::date_time);
  if (item.kind == Item::Kind::time) return parse_temporal(item.text, TemporalKind::time);
  const auto text = string_of(item);
  if (!text || text->empty() || !is_digit((*text)[0])) return std::nullopt;
  if (other.kind == Item::Kind::time) return parse_temporal(*text, TemporalKind::time);
  if (is_moment(other)) return parse_temporal(*text, TemporalKind::date_time);
  if (item.kind != Item::Kind::node) return std::nullopt;
  if (const auto kind = temporal_element(document_.key_of(item.node))) return parse_temporal(*text, *kind);
  if (text->size() < kDayText) return std::nullopt;
  return parse_temporal(*text, TemporalKind::date_time);
}

Evaluator::Truth Evaluator::same_moments(const Item& a, const Item& b) {
  const auto left = moment_of(a, b);
  const auto right = moment_of(b, a);
  if (!left || !right || (left->kind == TemporalKind::time) != (right->kind == TemporalKind::time)) return Truth::no;
  const auto order = compare_temporals(*left, *right);
  if (!order) return Truth::empty;
  return *order == std::strong_ordering::equal ? Truth::yes : Truth::no;
}

// A number by itself is a quantity of unit 1.
std::optional<Evaluator::Amount> Evaluator::amount_of(const Item& item) const {
  if (item.kind != Item::Kind::quantity) {
    const auto number = number_of(item);
    return number ? std::optional(Amount{*number, "'1'"}) : std::nullopt;
  }
  const std::size_t blank = item.text.find(' ');
  return Amount{item.text.substr(0, blank), item.text.substr(blank + 1)};
}

// Units are not converted: quantities of different ones are not known to be equal or different. Of the calendar's words
// those from the second down are UCUM's units.
Evaluator::Truth Evaluator::same_amounts(const Item& a, const Item& b) {
  const auto left = amount_of(a);
  const auto right = amount_of(b);
  if (!left || !right) return Truth::no;
  const auto order = order_of(a, b);
  if (!order) return Truth::empty;
  return *order == std::strong_ordering::equal ? Truth::yes : Truth::no;
}

Evaluator::Truth Evaluator::same(const Item& a, const Item& b) {
  if (is_moment(a) || is_moment(b)) return same_moments(a, b);
  if (a.kind == Item::Kind::quantity || b.kind == Item::Kind::quantity) return same_amounts(a, b);
  const auto truth_of = [](bool truth) { return truth ? Truth::yes : Truth::no; };
  if (const auto text = string_of(a)) {
    const auto other = string_of(b);
    if (!other || *text == *other) return truth_of(other.has_value());
    const bool moments = a.kind == Item::Kind::node && b.kind == Item::Kind::node && may_be_moments(*text, *other);
    return moments ? same_moments(a, b) : Truth::no;
  }
  if (const auto number = number_of(a)) {
    const auto other = number_of(b);
    return truth_of(other && compare_decimals(*number, *other) == std::strong_ordering::equal);
  }
  if (const auto truth = boolean_of(a)) return truth_of(truth == boolean_of(b));
  if (a.kind != Item::Kind::node || b.kind != Item::Kind::node) return Truth::no;
  return truth_of(same_objects(a.node, b.node));
}

// `~` of single items.
bool Evaluator::alike(const Item& a, const Item& b) {
  if (is_moment(a) || is_moment(b)) return same_moments(a, b) == Truth::yes;
  const auto text = string_of(a);
  if (text) {
    const auto other = string_of(b);
    return other && alike_texts(*text, *other);
  }
  const auto number = number_of(a);
  const auto other = number_of(b);
  if (number && other) {
    const auto left = Number::parse(*number);
    const auto right = Number::parse(*other);
    if (!left || !right) return same(a, b) == Truth::yes;
    const int scale = std::min(left->scale(), right->scale());
    const auto left_rounded = left->rounded(scale, Number::Rounding::half_away);
    const auto right_rounded = right->rounded(scale, Number::Rounding::half_away);
    const auto difference = Number::subtract(*left_rounded, *right_rounded);
    return difference && difference->zero();
  }
  return same(a, b) == Truth::yes;
}

void Evaluator::equality(const Operation& operation, const Scope& scope) {
  Truth result = Truth::empty;
  if (single_truth(operation, scope, result)) return push_truth(result);
  const std::size_t left = size();
  evaluate_input(operation, scope);
  const std::size_t right = size();
  evaluate(operation.arguments[0], scope);
  const std::size_t end = size();
  if (left == right || right == end) return truncate(left);  // nothing equals nothing: empty
  result = right - left == end - right ? Truth::yes : Truth::no;
  for (std::size_t i = 0; result != Truth::no && i < right - left && spend(1); ++i) {
    const Truth pair = same(stack_[left + i], stack_[right + i]);
    if (pair != Truth::yes) result = pair;
  }
  truncate(left);
  if (result == Truth::empty) return;
  push(Item::of_boolean((result == Truth::yes) == (operation.code == OperationCode::equals)));
}

// `~` and `!~`: without regard to order; two empty collections are equivalent.
void Evaluator::equivalence(const Operation& operation, const Scope& scope) {
  const std::size_t left = size();
  evaluate_input(operation, scope);
  const std::size_t right = size();
  evaluate(operation.arguments[0], scope);
  std::size_t end = size();
  bool result = right - left == end - right;
  for (std::size_t i = left; i < right && result; ++i) {
    result = false;
    for (std::size_t j = right; j < end && !result && spend(1); ++j) {
      if (!alike(stack_[i], stack_[j])) continue;
      result = true;
      stack_[j] = stack_[--end];  // each counts once
    }
  }
  truncate(left);
  push(Item::of_boolean(result == (operation.code == OperationCode::equivalent)));
}

// nullopt: it is not known, or a failure.
Evaluator::Ordering Evaluator::order_of(const Item& a, const Item& b) {
  if (a.kind == Item::Kind::quantity || b.kind == Item::Kind::quantity) {
    const auto left = amount_of(a);
    const auto right = amount_of(b);
    if (left && right) {
      const auto ucum = [](std::string_view unit) {
        return unit == "second" ? "'s'" : unit == "millisecond" ? "'ms'" : unit;
      };
      if (ucum(left->unit) != ucum(right->unit)) return std::nullopt;
      return compare_decimals(left->number, right->number);
    }
  } else if (is_moment(a) || is_moment(b)) {
    const auto left = moment_of(a, b);
    const auto right = moment_of(b, a);
    if (left && right) return compare_temporals(*left, *right);
  } else {
    const auto left_number = number_of(a);
    const auto right_number = number_of(b);
    if (left_number && right_number) return compare_decimals(*left_number, *right_number);
    const auto left_text = string_of(a);
    const auto right_text = string_of(b);
    if (left_text && right_text) {
      if (may_be_moments(*left_text, *right_text)) {
        const auto left = moment_of(a, b);
        const auto right = moment_of(b, a);
        if (left && right) return compare_temporals(*left, *right);
      }
      return *left_text <=> *right_text;
    }
  }
  fail("values of different types are compared");
  return std::nullopt;
}

void Evaluator::order(const Operation& operation, const Scope& scope) {
  const std::optional<Item> left = one(operation.input, scope);
  const std::optional<Item> right = one(operation.arguments[0], scope);
  if (!left || !right) return;
  const Ordering result = order_of(*left, *right);
  if (!result) return;
  switch (operation.code) {
    case OperationCode::less:
      return push(Item::of_boolean(*result < 0));
    case OperationCode::less_or_equal:
      return push(Item::of_boolean(*result <= 0));
    case OperationCode::greater:
      return push(Item::of_boolean(*result > 0));
    default:
      return push(Item::of_boolean(*result >= 0));
  }
}

void Evaluator::logic(const Operation& operation, const Scope& scope) {
  const Truth left = operation.input == kNoOperation ? Truth::empty : truth(operation.input, scope);
  const auto negated = [](Truth truth) {
    return truth == Truth::empty ? Truth::empty : truth == Truth::yes ? Truth::no : Truth::yes;
  };
  if (operation.code == OperationCode::negate) return push_truth(negated(left));
  // The left side may settle it.
  if (operation.code == OperationCode::logical_and && left == Truth::no) return push_truth(Truth::no);
  if (operation.code == OperationCode::logical_or && left == Truth::yes) return push_truth(Truth::yes);
  if (operation.code == OperationCode::implies && left == Truth::no) return push_truth(Truth::yes);
  const Truth right = truth(operation.arguments[0], scope);
  const bool unknown = left == Truth::empty || right == Truth::empty;
  switch (operation.code) {
    case OperationCode::logical_and:
      return push_truth(right == Truth::no ? Truth::no : unknown ? Truth::empty : Truth::yes);
    case OperationCode::logical_or:
      return push_truth(right == Truth::yes ? Truth::yes : unknown ? Truth::empty : Truth::no);
    case OperationCode::logical_xor:
      return push_truth(unknown ? Truth::empty : left == right ? Truth::no : Truth::yes);
    default:  // implies
      return push_truth(right == Truth::yes ? Truth::yes : unknown ? Truth::empty : Truth::no);
  }
}

}  // namespace wellhead::converter
