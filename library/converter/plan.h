// Views compiled: paths as operations over slots, selects as one linear program of steps. Shared by threads, never
// changed after compile_plan().
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "library/converter/encoding.h"
#include "library/converter/regular_expression.h"
#include "library/converter/shape.h"
#include "library/converter/view_syntax.h"

namespace wellhead::converter {

using OperationId = std::uint32_t;
constexpr OperationId kNoOperation = ~OperationId{0};
constexpr std::uint32_t kNoSlot = ~std::uint32_t{0};

enum class OperationCode : std::uint8_t {
  // Without input.
  self,
  resource,
  nothing,
  string,
  number,
  boolean,
  date,
  date_time,
  time,
  quantity,
  row_index,
  index,
  // Of one input collection.
  member,
  chain,
  first,
  last,
  single,
  at,
  skip,
  take,
  tail,
  where,
  select,
  repeat,
  exists,
  empty,
  negate,
  count,
  distinct,
  is_distinct,
  all,
  all_true,
  any_true,
  all_false,
  any_false,
  has_value,
  combine,
  unite,
  intersect,
  exclude,
  subset_of,
  superset_of,
  join,
  iif,
  resource_key,
  reference_key,
  of_resource_type,
  of_type,
  is_type,
  quantity_of,
  to_string,
  convert,
  converts,
  // Of strings.
  starts_with,
  ends_with,
  contains,
  index_of,
  last_index_of,
  substring,
  upper,
  lower,
  trim,
  replace,
  matches,
  matches_whole,
  length,
  split,
  to_chars,
  // Of numbers, dates and quantities.
  absolute,
  ceiling,
  floor,
  round,
  truncate,
  low_boundary,
  high_boundary,
  precision,
  negative,
  // Of two operands: input and arguments[0].
  equals,
  not_equals,
  equivalent,
  not_equivalent,
  less,
  less_or_equal,
  greater,
  greater_or_equal,
  in,
  holds,
  logical_and,
  logical_or,
  logical_xor,
  implies,
  concatenate,
  add,
  subtract,
  multiply,
  divide,
  divide_whole,
  modulo,
};

// What a path that wants a member does with an item that is no object: break off, pass over it if it is another form of
// a choice element (`value.unit` with a valueString), or pass over it in any case.
enum class Leniency : std::uint8_t { none, choice, any };

struct Operation {
  OperationCode code = OperationCode::self;
  OperationId input = kNoOperation;  // kNoOperation: $this
  std::array<OperationId, 3> arguments = {kNoOperation, kNoOperation, kNoOperation};
  std::uint32_t slot = 0;  // member; the place of a regular expression
  // chain: members of members of $this, slots[0] first
  std::array<std::uint32_t, 6> slots{};
  std::uint32_t length = 0;
  bool truth = false;                 // boolean
  Leniency lenient = Leniency::none;  // member, chain
  std::uint32_t guard = kNoSlot;      // when $this has nothing in this slot, the result is empty
  std::string text;                   // literals; the type that keys, type tests and conversions are about
};

struct Step {
  enum class Kind {
    column,            // write operation's value in scope `scope`
    for_each,          // bind scope `inner` to each item of the operation in turn, then go on behind this step
    for_each_or_null,  // likewise, once with nothing when there is no item
    repeat,            // likewise, over the items and the items found in them, parents first
    branch,            // go on at each of the targets in turn
    jump,              // go on at targets[0]
    row_end,
  };
  Kind kind = Kind::row_end;
  OperationId operation = kNoOperation;
  std::uint32_t scope = 0;
  std::uint32_t inner = 0;
  std::uint32_t column = 0;  // its place in the row
  Encoding encoding = Encoding::text;
  bool collection = false;
  bool required = false;
  // column: how many from here on are NULL, which is nothing at all in CSV, when the scope has nothing in the slot
  // `guard`, and when it is nothing itself. 0: that cannot be told without evaluating it, or it may not be NULL.
  std::uint32_t guard = kNoSlot;
  std::uint32_t absent_run = 0;
  std::uint32_t empty_run = 0;
  std::vector<std::uint32_t> targets;
  std::vector<OperationId> start;  // repeat: from the outer scope
  std::vector<OperationId> again;  // repeat: from each item found
  std::string name;                // of the column, or the path iterated over; for messages
  std::string path;
};

struct ViewProgram {
  std::vector<Step> steps;
  std::vector<OperationId> where;
  std::uint32_t scopes = 1;
};

struct CompiledPlan {
  std::string resource;
  std::vector<Operation> operations;
  std::vector<RegularExpression> expressions;
  std::vector<ViewProgram> views;
  Shapes shapes;
  ShapeId root = kNoShape;
  std::uint32_t id_slot = 0;
  std::uint32_t resource_type_slot = 0;
};

// The views must be of one resource type. Throws Error{invalid_view}.
CompiledPlan compile_plan(const std::vector<const ViewSyntax*>& views);

// Throws Error{invalid_view} if a path of the view cannot be compiled.
void check_paths(const ViewSyntax& view);

}  // namespace wellhead::converter
