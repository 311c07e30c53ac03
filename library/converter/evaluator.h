// Runs compiled paths over one resource. Collections are runs of items on one stack; nothing throws and, once warm,
// nothing allocates. A resource that breaks a rule sets failure(); values are meaningless from then on.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "library/converter/arena.h"
#include "library/converter/document.h"
#include "library/converter/plan.h"

namespace wellhead::converter {

struct Item {
  enum class Kind : std::uint8_t { nothing, node, string, number, boolean };
  Kind kind = Kind::nothing;
  bool truth = false;     // boolean
  NodeId node = 0;        // node: a JSON value of the resource, neither an array nor null
  std::string_view text;  // string and number

  static Item of_node(NodeId node) { return {Kind::node, false, node, {}}; }
  static Item of_string(std::string_view text) { return {Kind::string, false, 0, text}; }
  static Item of_number(std::string_view text) { return {Kind::number, false, 0, text}; }
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

  // A path of members only, which gives at most one item without touching the stack. False: it gives more; evaluate().
  bool evaluate_chain(const Operation& operation, const Scope& scope, Item& result);

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

  // The text of a string item, escapes decoded. nullopt: the item is no string.
  std::optional<std::string_view> string_of(const Item& item);
  std::optional<std::string_view> number_of(const Item& item) const;
  std::optional<bool> boolean_of(const Item& item) const;

  const Document& document() const { return document_; }
  const CompiledPlan& plan() const { return plan_; }

 private:
  enum class Truth : std::uint8_t { no, yes, empty };
  struct Reference {
    std::string_view type;
    std::string_view id;
  };

  Truth truth(OperationId id, const Scope& scope);
  bool single_operand(const Operation& operation, const Scope& scope, Item& result);
  bool compare_singles(const Operation& operation, const Scope& scope, Truth& result);
  std::optional<Item> one(OperationId id, const Scope& scope);  // nullopt: empty
  std::optional<std::string_view> argument_text(OperationId id, const Scope& scope);
  void evaluate_input(const Operation& operation, const Scope& scope);
  void apply(const Operation& operation, const Scope& scope);
  void push_truth(Truth truth);
  void push_values(NodeId node);
  void member(const Operation& operation, const Scope& scope);
  void chain(const Operation& operation, const Scope& scope);
  void step_into(std::size_t base, std::uint32_t slot);
  void keep(std::size_t base, std::size_t from, std::size_t count);
  void subset(const Operation& operation, const Scope& scope);
  void filter(const Operation& operation, const Scope& scope);
  void quantify(const Operation& operation, const Scope& scope);
  void size_question(const Operation& operation, const Scope& scope);
  void merge(const Operation& operation, const Scope& scope);
  void remove_duplicates(std::size_t base);
  void join(const Operation& operation, const Scope& scope);
  void choose(const Operation& operation, const Scope& scope);
  void resource_keys(const Operation& operation, const Scope& scope);
  void reference_keys(const Operation& operation, const Scope& scope);
  void of_resource_type(const Operation& operation, const Scope& scope);
  void text_question(const Operation& operation, const Scope& scope);
  void to_text(const Operation& operation, const Scope& scope);
  void equality(const Operation& operation, const Scope& scope);
  void order(const Operation& operation, const Scope& scope);
  void logic(const Operation& operation, const Scope& scope);
  void concatenate(const Operation& operation, const Scope& scope);
  bool same(const Item& a, const Item& b);
  std::optional<std::string_view> scalar_text(const Item& item);
  std::optional<Reference> split_reference(std::string_view reference) const;
  std::string_view integer_text(std::uint64_t value);

  const CompiledPlan& plan_;
  const Document& document_;
  std::string_view base_url_;
  std::vector<Item> stack_;
  Arena arena_;
  const char* failure_ = nullptr;
};

// FHIR R4 §2.24.0.1: [A-Za-z0-9\-\.]{1,64}.
bool is_fhir_id(std::string_view text);

}  // namespace wellhead::converter
