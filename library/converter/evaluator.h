// Runs compiled paths over one resource. Collections are runs of items on one stack; nothing throws and, once warm,
// nothing allocates. A resource that breaks a rule sets failure(); values are meaningless from then on.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "library/converter/arena.h"
#include "library/converter/document.h"
#include "library/converter/number.h"
#include "library/converter/plan.h"
#include "library/converter/temporal.h"

namespace wellhead::converter {

struct Item {
  // The text of a date, dateTime or time is as in a path without its @; that of a quantity is `5 'mg'` or `5 day`.
  enum class Kind : std::uint8_t { nothing, node, string, number, boolean, date, date_time, time, quantity };
  Kind kind = Kind::nothing;
  bool truth = false;     // boolean
  NodeId node = 0;        // node: a JSON value of the resource, neither an array nor null
  std::string_view text;  // of the others

  static Item of_node(NodeId node) { return {Kind::node, false, node, {}}; }
  static Item of_string(std::string_view text) { return {Kind::string, false, 0, text}; }
  static Item of_number(std::string_view text) { return {Kind::number, false, 0, text}; }
  static Item of_text(Kind kind, std::string_view text) { return {kind, false, 0, text}; }
  static Item of_boolean(bool truth) { return {Kind::boolean, truth, 0, {}}; }
};

// Where a path stands: $this, its place in the collection that a function goes through, the place in its forEach.
struct Scope {
  Item self;
  std::uint32_t index = 0;
  std::uint32_t row_index = 0;
};

class Evaluator {
 public:
  Evaluator(const CompiledPlan& plan, const Document& document, std::string_view base_url)
      : plan_(plan), document_(document), base_url_(base_url) {}

  // Forgets the last resource.
  void reset();

  // Pushes the operation's collection on the stack.
  void evaluate(OperationId id, const Scope& scope);

  // The operation's only item, `nothing` where there is none, without touching the stack. False: it gives more, or
  // cannot be told this way; evaluate().
  bool single(OperationId id, const Scope& scope, Item& result);
  // The same for a path of members only.
  bool evaluate_chain(const Operation& operation, const Scope& scope, Item& result) {
    result = scope.self;
    for (std::uint32_t i = 0; i < operation.length && result.kind != Item::Kind::nothing; ++i) {
      if (!step_into_single(operation, operation.slots[i], result)) return false;
    }
    return true;
  }

  // Whether the operation gives nothing in the scope because of its guard.
  bool absent(const Operation& operation, const Scope& scope) const {
    if (operation.guard == kNoSlot) return false;
    if (scope.self.kind == Item::Kind::nothing) return true;
    return scope.self.kind == Item::Kind::node && document_.is_object(scope.self.node) &&
           document_.field(scope.self.node, operation.guard) == 0;
  }

  std::size_t size() const { return stack_.size(); }
  const Item& item(std::size_t at) const { return stack_[at]; }
  void push(const Item& item) { stack_.push_back(item); }
  void truncate(std::size_t size) { stack_.resize(size); }

  // The rule that is broken, nullptr while none is.
  const char* failure() const { return failure_; }
  void fail(const char* rule) {
    if (failure_ == nullptr) failure_ = rule;
  }

  // Of a string of the resource, its bytes as they stand there, escapes as written.
  std::optional<std::string_view> raw_string_of(const Item& item) const {
    if (item.kind != Item::Kind::node || !document_.is_string(item.node)) return std::nullopt;
    return document_.string_text(item.node);
  }
  // The text of a string item, escapes decoded. nullopt: the item is no string.
  std::optional<std::string_view> string_of(const Item& item) {
    if (item.kind == Item::Kind::string) return item.text;
    if (item.kind != Item::Kind::node || !document_.is_string(item.node)) return std::nullopt;
    const std::string_view raw = document_.string_text(item.node);
    return document_.has_escapes() ? decoded(raw) : raw;
  }
  std::optional<std::string_view> number_of(const Item& item) const;
  std::optional<bool> boolean_of(const Item& item) const;
  // The text of a string, or of a date, dateTime, time or quantity that an expression gave.
  std::optional<std::string_view> text_of(const Item& item);

  // Counts work that a resource may multiply; false, and a failure, when it is too much.
  bool spend(std::size_t work) {
    work_ += work;
    if (work_ > kMostWork) fail("the paths take too long over this resource");
    return work_ <= kMostWork;
  }

  const Document& document() const { return document_; }
  const CompiledPlan& plan() const { return plan_; }

 private:
  enum class Truth : std::uint8_t { no, yes, empty };
  struct Reference {
    std::string_view type;
    std::string_view id;
  };
  struct Amount {  // a quantity
    std::string_view number;
    std::string_view unit;
  };
  using Ordering = std::optional<std::strong_ordering>;  // nullopt: it is not known which

  // evaluator.cc
  std::string_view decoded(std::string_view raw);
  Truth truth(OperationId id, const Scope& scope);
  std::optional<Item> one(OperationId id, const Scope& scope);  // nullopt: empty
  std::optional<Item> one_of_stack(OperationId id, const Scope& scope);
  void evaluate_input(const Operation& operation, const Scope& scope);
  void apply(const Operation& operation, const Scope& scope);
  void apply_to_value(const Operation& operation, const Scope& scope);
  void push_truth(Truth truth);
  void push_values(NodeId node);
  bool passes_over(const Operation& operation, const Item& item);
  void member(const Operation& operation, const Scope& scope);
  void chain(const Operation& operation, const Scope& scope);
  void step_into(std::size_t base, std::uint32_t slot, const Operation& operation);
  void keep(std::size_t base, std::size_t from, std::size_t count);
  void subset(const Operation& operation, const Scope& scope);
  void filter(const Operation& operation, const Scope& scope);
  void project(const Operation& operation, const Scope& scope);
  void repeat(const Operation& operation, const Scope& scope);
  void quantify(const Operation& operation, const Scope& scope);
  void quantify_truths(const Operation& operation, const Scope& scope);
  void size_question(const Operation& operation, const Scope& scope);
  void choose(const Operation& operation, const Scope& scope);
  std::optional<std::int64_t> whole_number(OperationId id, const Scope& scope);

  // evaluator_single.cc
  bool single_input(const Operation& operation, const Scope& scope, Item& result);
  bool single_result(const Operation& operation, const Scope& scope, Item& result);
  bool single_first(OperationId id, const Scope& scope, Item& result);
  bool single_where(const Operation& operation, const Scope& scope, Item& result);
  bool single_choice(const Operation& operation, const Scope& scope, Item& result);
  bool single_truth(const Operation& operation, const Scope& scope, Truth& result);
  // Replaces an item by the value of one of its fields; false: by more than one.
  bool step_into_single(const Operation& operation, std::uint32_t slot, Item& item) {
    if (item.kind != Item::Kind::node || !document_.is_object(item.node)) {
      if (item.kind != Item::Kind::nothing) passes_over(operation, item);
      item = {};
      return true;
    }
    NodeId value = document_.field(item.node, slot);
    if (value != 0 && document_.is_array(value)) {
      const NodeId first = document_.first_element(value);
      if (first != 0 && (document_.next_element(first) != 0 || document_.is_array(first))) return false;
      value = first;
    }
    item = value == 0 || document_.is_null(value) ? Item{} : Item::of_node(value);
    return true;
  }
  // A single item that is no boolean counts as true (FHIRPath 2.0, "Singleton Evaluation of Collections").
  Truth as_truth(const Item& item) const {
    if (item.kind == Item::Kind::nothing) return Truth::empty;
    return boolean_of(item).value_or(true) ? Truth::yes : Truth::no;
  }

  // evaluator_sets.cc
  void merge(const Operation& operation, const Scope& scope);
  void select_common(const Operation& operation, const Scope& scope);
  void subset_question(const Operation& operation, const Scope& scope);
  void membership(const Operation& operation, const Scope& scope);
  bool holds(std::size_t from, std::size_t to, const Item& item);
  bool remove_duplicates(std::size_t base);
  bool same_objects(NodeId a, NodeId b);
  std::uint64_t hash_of(const Item& item);
  std::uint64_t hash_of_object(NodeId node);

  // evaluator_operators.cc
  void equality(const Operation& operation, const Scope& scope);
  void equivalence(const Operation& operation, const Scope& scope);
  void order(const Operation& operation, const Scope& scope);
  void logic(const Operation& operation, const Scope& scope);
  Truth same(const Item& a, const Item& b);
  bool alike(const Item& a, const Item& b);
  Truth same_moments(const Item& a, const Item& b);
  Truth same_amounts(const Item& a, const Item& b);
  Ordering order_of(const Item& a, const Item& b);
  std::optional<Temporal> moment_of(const Item& item, const Item& other);
  std::optional<Amount> amount_of(const Item& item) const;

  // evaluator_numbers.cc
  void arithmetic(const Operation& operation, const Scope& scope);
  void add_strings(const Item& left, const Item& right);
  void add_duration(const Operation& operation, const Item& moment, const Item& amount);
  void calculate_amounts(OperationCode code, const Item& left, const Item& right);
  void number_function(const Operation& operation, const Scope& scope);
  void boundary(const Operation& operation, const Scope& scope);
  void precision(const Operation& operation, const Scope& scope);
  std::optional<Number> parsed(std::string_view text);
  std::string_view number_text(const std::optional<Number>& number);
  void push_amount(std::string_view number, std::string_view unit);

  // evaluator_types.cc
  void of_type(const Operation& operation, const Scope& scope);
  void is_type(const Operation& operation, const Scope& scope);
  bool has_type(const Item& item, std::string_view type);
  void quantities_of(const Operation& operation, const Scope& scope);
  void convert(const Operation& operation, const Scope& scope);
  std::optional<Item> converted(const Item& item, std::string_view type);
  std::optional<Item> converted_number(const Item& item, bool whole);
  std::optional<Item> converted_moment(const Item& item, TemporalKind kind);
  std::optional<Item> converted_quantity(const Item& item);
  void resource_keys(const Operation& operation, const Scope& scope);
  bool to_reference_key(const Operation& operation, Item& item);
  void reference_keys(const Operation& operation, const Scope& scope);
  void of_resource_type(const Operation& operation, const Scope& scope);
  std::optional<Reference> split_reference(std::string_view reference) const;

  // evaluator_text.cc
  std::optional<std::string_view> argument_text(OperationId id, const Scope& scope);
  void join(const Operation& operation, const Scope& scope);
  void concatenate(const Operation& operation, const Scope& scope);
  void to_text(const Operation& operation, const Scope& scope);
  void text_question(const Operation& operation, const Scope& scope);
  void text_function(const Operation& operation, const Scope& scope);
  void substring(std::string_view text, const Operation& operation, const Scope& scope);
  void replace(std::string_view text, const Operation& operation, const Scope& scope);
  void split(std::string_view text, const Operation& operation, const Scope& scope);
  std::optional<std::string_view> scalar_text(const Item& item);
  std::string_view integer_text(std::uint64_t value);

  static constexpr std::size_t kMostWork = 10'000'000;

  const CompiledPlan& plan_;
  const Document& document_;
  std::string_view base_url_;
  std::vector<Item> stack_;
  Arena arena_;
  const char* failure_ = nullptr;
  std::size_t work_ = 0;
  std::vector<std::uint32_t> buckets_;
};

// FHIR R4 §2.24.0.1: [A-Za-z0-9\-\.]{1,64}.
bool is_fhir_id(std::string_view text);

}  // namespace wellhead::converter
