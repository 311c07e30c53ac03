#include "service/resource/deidentified.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"
#include "library/webserver/problem.h"
#include "service/resource/list_answer.h"
#include "service/resource/list_request.h"
#include "service/resource/route_documents.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::Deidentified;
using converter::KeyKind;
using webserver::FieldError;
using webserver::Request;

constexpr auto kRestricted =
    std::to_array<std::string_view>({"036", "059", "063", "102", "203", "556", "692", "790", "821", "823", "830", "831",
                                     "878", "879", "884", "890", "893"});
// Observations whose value is an age, whatever its unit (LOINC).
constexpr std::string_view kAgeCodes = "'30525-0', '21611-9', '21612-7', '29553-5', '39016-1', '30972-4', '63900-5'";
constexpr std::string_view kOldest = "over_89";

std::string sql_name(std::string_view column) { return "t." + storage::quote_identifier(column); }

const Column* find(const ApiTable& table, std::string_view name) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  return found == table.columns.end() ? nullptr : &*found;
}

const Column* find(const ApiTable& table, Deidentified kind) {
  const auto found = std::ranges::find(table.columns, kind, &Column::deidentified);
  return found == table.columns.end() ? nullptr : &*found;
}

[[noreturn]] void fail(const ApiTable& table, const Column& column, std::string_view why) {
  throw meta::Error(
      meta::ErrorCode::invalid_view,
      fmt::format("the view {} marks the column {} for de-identified keys, but {}", table.name, column.name, why));
}

// In UTC, as everything else.
std::string moment_sql(const ApiTable& table, const Column& column) {
  if (column.sql_type == "date") return sql_name(column.name);
  if (column.sql_type == "timestamptz") return sql_name(column.name) + " AT TIME ZONE 'UTC'";
  fail(table, column, "only of a date or a moment there is a year");
}

std::string year_sql(const ApiTable& table, const Column& column) {
  return "to_char(" + moment_sql(table, column) + ", 'YYYY')";
}

// Whether somebody is, or was at death, 90 by the end of the year: on the day itself it would tell the birthday.
std::string oldest_sql(const ApiTable& table, const Column& birth) {
  std::string until = "extract(year FROM now() AT TIME ZONE 'UTC')";
  if (const Column* death = find(table, Deidentified::death_year)) {
    until = "coalesce(extract(year FROM " + moment_sql(table, *death) + "), " + until + ")";
  }
  return "(" + until + " - extract(year FROM " + moment_sql(table, birth) + ") >= 90)";
}

std::string zip3_sql(const Column& column) {
  const std::string name = sql_name(column.name);
  return "CASE WHEN " + name + " !~ '^[0-9]{5}' THEN NULL WHEN left(" + name + ", 3) IN (" + restricted_zip3() +
         ") THEN '000' ELSE left(" + name + ", 3) END";
}

// Units of ages, in UCUM or as people write them, and what an age over 89 is in them; both in SQL.
struct AgeUnit {
  std::string_view names;
  std::string_view over_89;
};
constexpr auto kAgeUnits = std::to_array<AgeUnit>({
    {"'a', 'a_g', 'a_j', 'a_t', 'y', 'yr', 'yrs', 'year', 'years'", "> 89"},
    {"'mo', 'mos', 'month', 'months'", ">= 1080"},
    {"'wk', 'week', 'weeks'", ">= 4696"},
    {"'d', 'day', 'days'", ">= 32872"},
});

// A number is hidden that is an age over 89: by its unit (UCUM, or as people write it), or by what was observed.
std::string measure_sql(const ApiTable& table, const Column& column) {
  constexpr std::string_view numbered = "_number";
  const std::string name = sql_name(column.name);
  std::string base = column.name;
  if (base.ends_with(numbered)) base.resize(base.size() - numbered.size());
  std::vector<std::string> ages;
  for (const char* suffix : {"_code", "_unit"}) {
    const Column* unit = find(table, base + suffix);
    if (unit == nullptr) continue;
    for (const AgeUnit& age : kAgeUnits) {
      ages.push_back(fmt::format("lower({}) IN ({}) AND {} {}", sql_name(unit->name), age.names, name, age.over_89));
    }
  }
  if (const Column* code = find(table, "code")) {
    ages.push_back(sql_name(code->name) + " IN (" + std::string(kAgeCodes) + ") AND " + name + " > 89");
  }
  if (ages.empty()) fail(table, column, "nothing tells whether it is an age");
  std::string any;
  for (const std::string& age : ages) any.append(any.empty() ? "(" : " OR (").append(age).append(")");
  return "CASE WHEN " + any + " THEN NULL ELSE " + name + " END";
}

std::string one_of_sql(const Column& column) {
  std::string values;
  for (const std::string& value : column.safe_values) {
    values.append(values.empty() ? "" : ", ").append(storage::quote_literal(value));
  }
  return "CASE WHEN " + sql_name(column.name) + " IN (" + values + ") THEN " + sql_name(column.name) + " END";
}

std::string expression(const ApiTable& table, const Column& column) {
  switch (column.deidentified) {
    case Deidentified::year:
    case Deidentified::death_year:
      return year_sql(table, column);
    case Deidentified::birth_year:
      return "CASE WHEN " + oldest_sql(table, column) + " THEN NULL ELSE " + year_sql(table, column) + " END";
    case Deidentified::zip3:
      return zip3_sql(column);
    case Deidentified::measure:
      return measure_sql(table, column);
    case Deidentified::one_of:
      return one_of_sql(column);
    default:
      return {};
  }
}

ApiTable deidentified(const ApiTable& table) {
  ApiTable shown;
  shown.name = table.name;
  shown.description = table.description;
  shown.deidentified = true;
  for (const Column& column : table.columns) {
    if (column.deidentified == Deidentified::hidden && column.key != KeyKind::parent) continue;
    if (column.hidden_in_api) continue;
    shown.columns.push_back(column);
    if (auto sql = expression(table, column); !sql.empty()) shown.expressions.emplace(column.name, std::move(sql));
    if (column.deidentified != Deidentified::birth_year) continue;
    Column oldest;
    oldest.name = kOldest;
    oldest.sql_type = "boolean";
    oldest.description = "Of who is, or was at death, over 89: those have no year of birth.";
    oldest.deidentified = Deidentified::safe;
    shown.expressions.emplace(oldest.name, "nullif(" + oldest_sql(table, column) + ", false)");
    shown.columns.push_back(std::move(oldest));
  }
  return shown;
}

bool takes_years(const ServedResource& shown, const ListFilter& filter) {
  const Column* column = find(shown.api.table, filter.column);
  return column != nullptr && column->deidentified == Deidentified::year;
}

void check_filters(const ServedResource& full, const ServedResource& shown, const Request& request,
                   std::vector<FieldError>& errors) {
  for (const ListFilter& filter : full.filters) {
    if (!request.arguments.has(filter.parameter)) continue;
    const auto kept = std::ranges::find(shown.filters, filter.parameter, &ListFilter::parameter);
    if (kept == shown.filters.end()) {
      errors.push_back({filter.parameter, "is hidden from keys of the role deidentified"});
    } else if (takes_years(shown, *kept) &&
               !std::ranges::all_of(request.arguments.all(filter.parameter), is_year_clause)) {
      errors.push_back({filter.parameter, "takes years alone from keys of the role deidentified"});
    }
  }
  if (full.api.filter_by_zipcode && request.arguments.has("zipcode")) {
    errors.push_back({"zipcode", "is hidden from keys of the role deidentified"});
  }
}

// Members of a list with commas that are not among the names.
bool all_among(std::string_view list, const std::vector<std::string>& names) {
  while (!list.empty()) {
    const auto end = std::min(list.find(','), list.size());
    if (std::ranges::find(names, list.substr(0, end)) == names.end()) return false;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return true;
}

}  // namespace

std::string restricted_zip3() {
  std::string list;
  for (const std::string_view prefix : kRestricted) {
    list.append(list.empty() ? "'" : ", '").append(prefix).append("'");
  }
  return list;
}

bool is_year_clause(std::string_view text) {
  for (const std::string_view op : {"ne", "lt", "le", "gt", "ge", "eq"}) {
    if (text.starts_with(op)) {
      text.remove_prefix(op.size());
      break;
    }
  }
  return text.size() == 4 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<ResourceApi> deidentified(const ResourceApi& api) {
  ResourceApi shown = api;
  shown.schema = "Deidentified" + schema_name(api);
  shown.table = deidentified(api.table);
  shown.filter_by_zipcode = false;
  for (EmbeddedTable& part : shown.embedded) part.table = deidentified(part.table);
  const auto is_pseudonym = [&](std::string_view name) {
    const Column* column = find(shown.table, name);
    return column != nullptr && column->deidentified == Deidentified::pseudonym;
  };
  if (!is_pseudonym(key_column(api.table)) || !is_pseudonym(api.patient_column)) return std::nullopt;
  return shown;
}

std::optional<webserver::Response> refuse_hidden(const ServedResource& full, const ServedResource& shown,
                                                 const Request& request) {
  std::vector<FieldError> errors;
  check_filters(full, shown, request, errors);
  if (const auto fields = request.arguments.text("fields"); fields && !all_among(*fields, field_names(shown.api))) {
    errors.push_back({"fields", "has some that are hidden from keys of the role deidentified"});
  }
  if (const auto sort = request.arguments.text("sort"); sort && !all_among(*sort, sort_names(shown.api))) {
    errors.push_back({"sort", "is hidden from keys of the role deidentified"});
  }
  if (format_of(request) == ListFormat::fhir) {
    errors.push_back({"format", "has resources as they were received, which keys of the role deidentified do not get"});
  }
  if (errors.empty()) return std::nullopt;
  std::string detail = errors.front().field + " " + errors.front().message;
  return to_response(webserver::Problem{403, "forbidden", std::move(detail), std::move(errors)}, request.id);
}

}  // namespace wellhead::resource
