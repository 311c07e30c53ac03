#include "library/converter/path_functions.h"

#include <algorithm>
#include <array>
#include <utility>

namespace wellhead::converter {
namespace {

using Code = OperationCode;
using enum ResultType;
constexpr auto kItems = ArgumentScope::items;
constexpr auto kContext = ArgumentScope::context;

constexpr auto kFunctions = std::to_array<PathFunction>({
    {"where", Code::where, 1, 1, unknown, unknown, true, kItems},
    {"exists", Code::exists, 0, 1, boolean, unknown, false, kItems},
    {"all", Code::all, 1, 1, boolean, unknown, false, kItems},
    {"allTrue", Code::all_true, 0, 0, boolean, boolean},
    {"anyTrue", Code::any_true, 0, 0, boolean, boolean},
    {"allFalse", Code::all_false, 0, 0, boolean, boolean},
    {"anyFalse", Code::any_false, 0, 0, boolean, boolean},
    {"empty", Code::empty, 0, 0, boolean},
    {"not", Code::negate, 0, 0, boolean},
    {"count", Code::count, 0, 0, number},
    {"hasValue", Code::has_value, 0, 0, boolean},
    {"first", Code::first, 0, 0, unknown, unknown, true},
    {"last", Code::last, 0, 0, unknown, unknown, true},
    {"single", Code::single, 0, 0, unknown, unknown, true},
    {"tail", Code::tail, 0, 0, unknown, unknown, true},
    {"skip", Code::skip, 1, 1, unknown, unknown, true},
    {"take", Code::take, 1, 1, unknown, unknown, true},
    {"distinct", Code::distinct, 0, 0, unknown, unknown, true},
    {"isDistinct", Code::is_distinct, 0, 0, boolean},
    {"combine", Code::combine, 1, 1, unknown, unknown, true},
    {"union", Code::unite, 1, 1, unknown, unknown, true},
    {"intersect", Code::intersect, 1, 1, unknown, unknown, true},
    {"exclude", Code::exclude, 1, 1, unknown, unknown, true},
    {"subsetOf", Code::subset_of, 1, 1, boolean},
    {"supersetOf", Code::superset_of, 1, 1, boolean},
    {"join", Code::join, 0, 1, string},
    {"startsWith", Code::starts_with, 1, 1, boolean, string},
    {"endsWith", Code::ends_with, 1, 1, boolean, string},
    {"contains", Code::contains, 1, 1, boolean, string},
    {"indexOf", Code::index_of, 1, 1, number, string},
    {"lastIndexOf", Code::last_index_of, 1, 1, number, string},
    {"substring", Code::substring, 1, 2, string, string},
    {"upper", Code::upper, 0, 0, string, string},
    {"lower", Code::lower, 0, 0, string, string},
    {"trim", Code::trim, 0, 0, string, string},
    {"replace", Code::replace, 2, 2, string, string},
    {"length", Code::length, 0, 0, number, string},
    {"split", Code::split, 1, 1, string, string},
    {"toChars", Code::to_chars, 0, 0, string, string},
    {"toString", Code::to_string, 0, 0, string},
    {"toInteger", Code::convert, 0, 0, number, unknown, false, kContext, "integer"},
    {"toDecimal", Code::convert, 0, 0, number, unknown, false, kContext, "decimal"},
    {"toBoolean", Code::convert, 0, 0, boolean, unknown, false, kContext, "boolean"},
    {"toDate", Code::convert, 0, 0, date, unknown, false, kContext, "date"},
    {"toDateTime", Code::convert, 0, 0, date_time, unknown, false, kContext, "dateTime"},
    {"toTime", Code::convert, 0, 0, time, unknown, false, kContext, "time"},
    {"toQuantity", Code::convert, 0, 0, quantity, unknown, false, kContext, "Quantity"},
    {"convertsToInteger", Code::converts, 0, 0, boolean, unknown, false, kContext, "integer"},
    {"convertsToDecimal", Code::converts, 0, 0, boolean, unknown, false, kContext, "decimal"},
    {"convertsToBoolean", Code::converts, 0, 0, boolean, unknown, false, kContext, "boolean"},
    {"convertsToDate", Code::converts, 0, 0, boolean, unknown, false, kContext, "date"},
    {"convertsToDateTime", Code::converts, 0, 0, boolean, unknown, false, kContext, "dateTime"},
    {"convertsToTime", Code::converts, 0, 0, boolean, unknown, false, kContext, "time"},
    {"convertsToQuantity", Code::converts, 0, 0, boolean, unknown, false, kContext, "Quantity"},
    {"convertsToString", Code::converts, 0, 0, boolean, unknown, false, kContext, "string"},
    {"abs", Code::absolute, 0, 0, number, number},
    {"ceiling", Code::ceiling, 0, 0, number, number},
    {"floor", Code::floor, 0, 0, number, number},
    {"round", Code::round, 0, 1, number, number},
    {"truncate", Code::truncate, 0, 0, number, number},
    {"lowBoundary", Code::low_boundary, 0, 1},
    {"highBoundary", Code::high_boundary, 0, 1},
    {"precision", Code::precision, 0, 0, number},
});

// Functions that FHIRPath has and views cannot use, and why.
constexpr auto kRefused = std::to_array<std::pair<std::string_view, std::string_view>>({
    {"now", "a row must depend on its resource alone"},
    {"today", "a row must depend on its resource alone"},
    {"timeOfDay", "a row must depend on its resource alone"},
    {"resolve", "a view sees one resource"},
    {"memberOf", "it needs a terminology server"},
    {"subsumes", "it needs a terminology server"},
    {"subsumedBy", "it needs a terminology server"},
    {"children", "only named elements are read"},
    {"descendants", "only named elements are read"},
    {"conformsTo", "there are no profiles here"},
    {"aggregate", "use count(), distinct(), join() or arithmetic"},
});

}  // namespace

const PathFunction* find_path_function(std::string_view name) {
  const auto* found = std::ranges::find(kFunctions, name, &PathFunction::name);
  return found == kFunctions.end() ? nullptr : found;
}

std::string_view refused_function(std::string_view name) {
  const auto* found = std::ranges::find(kRefused, name, &std::pair<std::string_view, std::string_view>::first);
  return found == kRefused.end() ? std::string_view{} : found->second;
}

}  // namespace wellhead::converter
