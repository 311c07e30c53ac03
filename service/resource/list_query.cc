#include "service/resource/list_query.h"

#include <algorithm>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"
#include "service/resource/row_json.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::Deidentified;
using converter::FilterKind;
using converter::KeyKind;
using storage::quote_identifier;
using webserver::Comparison;
using webserver::Operand;

constexpr std::size_t kKeptStatements = 256;
constexpr std::string_view kRawColumns = "raw_blob.blob_key, t.raw_frame, t.raw_index";
constexpr std::string_view kRawJoin = " LEFT JOIN raw_blob ON raw_blob.raw_blob_id = t.raw_blob_id";

std::string column(std::string_view name) { return "t." + quote_identifier(name); }

std::string parameter(int number) { return "$" + std::to_string(number); }

std::string select_list(const ApiTable& table, const std::vector<Column>& columns) {
  std::string out;
  for (const Column& shown : columns) {
    const auto made = table.expressions.find(shown.name);
    out.append(out.empty() ? "" : ", ");
    made == table.expressions.end() ? out.append(column(shown.name))
                                    : out.append(made->second).append(" AS ").append(quote_identifier(shown.name));
  }
  return out;
}

// What a de-identified column is shown as.
std::string shown_type(const Column& column) {
  switch (column.deidentified) {
    case Deidentified::year:
    case Deidentified::birth_year:
    case Deidentified::death_year:
      return "text";
    case Deidentified::pseudonym:
      return std::string(kPseudonymType);
    default:
      return column.sql_type;
  }
}

// Filters of exact dates, zip codes and ids would tell what is not shown. Of ids those are taken that are given as
// their pseudonyms.
bool may_filter(const ApiTable& table, const Column& column) {
  if (!table.deidentified) return true;
  if (column.deidentified == Deidentified::pseudonym) return column.filter != FilterKind::prefix;
  return column.deidentified == Deidentified::safe || column.deidentified == Deidentified::year ||
         column.deidentified == Deidentified::measure || column.deidentified == Deidentified::one_of;
}

const std::string& key_of_kind(const ApiTable& table, KeyKind kind) {
  const auto found = std::ranges::find(table.columns, kind, &Column::key);
  if (found == table.columns.end()) {
    throw meta::Error(meta::ErrorCode::invalid_view, "the view " + table.name + " has no key column for the API");
  }
  return found->name;
}

// Between the prefix and the last text that begins with it. Compares bytes, as the index (text_pattern_ops) does, and
// unlike LIKE needs no value to be planned. chr(1114111) is the last code point.
std::string prefix_condition(std::string_view name, const std::string& value) {
  const std::string lowered = "lower(" + column(name) + ")";
  return lowered + " ~>=~ lower(" + value + ") AND " + lowered + " ~<~ (lower(" + value + ") || chr(1114111))";
}

// The run that the latest complete load of one of the patient's zip codes had, if it found the patient: what that run
// did not see is no longer found. 0 if none of those zip codes was loaded completely, NULL if the patient itself is
// gone.
std::string visible_from(const std::string& patient) {
  return "(SELECT max(coalesce(z.last_complete_run, 0)) FROM zipcode_patient zp LEFT JOIN zipcode z ON z.zipcode = "
         "zp.zipcode WHERE zp.patient_id = " +
         patient +
         " AND (z.last_complete_run IS NULL OR z.last_complete_run BETWEEN zp.first_seen_run AND zp.last_seen_run))";
}

std::string zipcode_conditions(bool no_longer_found) {
  // 0 stands for: no run was complete yet, everything seen so far counts.
  const std::string as_of = "(SELECT run FROM as_of)";
  return "(" + as_of + " = 0 OR (zp.first_seen_run <= " + as_of +
         (no_longer_found ? "))" : " AND zp.last_seen_run >= " + as_of + "))");
}

Column provenance(std::string name, std::string sql_type, std::string description) {
  Column shown;
  shown.name = std::move(name);
  shown.sql_type = std::move(sql_type);
  shown.description = std::move(description);
  shown.required = true;
  return shown;
}

// The operators for a column of the type; nullopt: its filter has none.
std::optional<Operand> operand_of(std::string_view sql_type) {
  if (sql_type == "date") return Operand::date;
  if (sql_type == "timestamptz" || sql_type == "timestamp with time zone") return Operand::moment;
  if (sql_type == "smallint" || sql_type == "integer" || sql_type == "bigint") return Operand::integer;
  if (sql_type.starts_with("numeric") || sql_type == "double precision" || sql_type == "real") return Operand::number;
  return std::nullopt;
}

std::string joined(const std::vector<std::string>& parts, std::string_view between) {
  std::string out;
  for (const std::string& part : parts) out.append(out.empty() ? "" : between).append(part);
  return out;
}

// Builds the SQL of one list, numbering its parameters as it goes.
class ListSql {
 public:
  ListSql(const ResourceApi& api, const ListShape& shape)
      : api_(api), shape_(shape), patient_(column(api.patient_column)), key_(column(key_column(api.table))) {}

  void filter(const ListFilter& filter, const FilterUse& use) {
    std::vector<std::string> any;
    any.reserve(use.any.size());
    for (const Comparison comparison : use.any) any.push_back(condition(filter, comparison));
    // Known beforehand: what is visible of this patient is then asked once, not for each row.
    if (filter.column == api_.patient_column && use.any.size() == 1 && use.any.front() == Comparison::equal) {
      patient_ = parameter(next_ - 1) + "::text";
    }
    if (any.size() == 1) conditions_.push_back(any.front());
    if (any.size() > 1) conditions_.push_back("(" + joined(any, " OR ") + ")");
    for (const Comparison comparison : use.all) conditions_.push_back(condition(filter, comparison));
  }

  void visibility() {
    if (shape_.zipcode) {
      const std::string zipcode = parameter(next_++);
      before_ = "WITH as_of AS MATERIALIZED (SELECT coalesce(" + parameter(next_++) +
                "::bigint, (SELECT last_complete_run FROM zipcode WHERE zipcode = " + zipcode + "), 0) AS run) ";
      from_ = "zipcode_patient zp JOIN " + quote_identifier(api_.table.name) + " t ON " + column(api_.patient_column) +
              " = zp.patient_id";
      conditions_.push_back("zp.zipcode = " + zipcode);
      conditions_.push_back(zipcode_conditions(shape_.no_longer_found));
      if (!shape_.no_longer_found && api_.patient_column != key_column(api_.table)) {
        conditions_.emplace_back("t.last_seen_run >= (SELECT run FROM as_of)");
      }
      // The same order, by the index that the zip code is found with.
      if (api_.patient_column == key_column(api_.table)) key_ = "zp.patient_id";
    } else {
      from_ = quote_identifier(api_.table.name) + " t";
      if (!shape_.no_longer_found) conditions_.push_back("t.last_seen_run >= " + visible_from(patient_));
    }
  }

  // The rows behind the cursor's.
  void after() {
    const std::string beyond = shape_.order.descending ? " < " : " > ";
    if (shape_.order.column.empty()) {
      conditions_.push_back(key_ + beyond + parameter(next_++));
      return;
    }
    const std::string by = column(shape_.order.column);
    if (shape_.start == ListStart::after_null) {
      const std::string same = "(" + by + " IS NULL AND " + key_ + beyond + parameter(next_++) + ")";
      conditions_.push_back(shape_.order.descending ? "(" + same + " OR " + by + " IS NOT NULL)" : same);
      return;
    }
    std::string rest = "(" + by + ", " + key_ + ")" + beyond + "(" + parameter(next_++);
    rest += ", " + parameter(next_++) + ")";
    conditions_.push_back(shape_.order.descending ? rest : "(" + rest + " OR " + by + " IS NULL)");
  }

  std::string text() {
    const bool counted = shape_.part == ListPart::count;
    std::string select = counted ? "1" : select_list(api_.table, shown_columns(api_.table));
    if (shape_.zipcode && !counted) select += ", (SELECT run FROM as_of) AS as_of";
    if (shape_.raw && !counted) {
      select += ", " + std::string(kRawColumns);
      from_ += kRawJoin;
    }
    std::string sql = before_ + (counted ? "SELECT count(*) FROM (" : "") + "SELECT " + select + " FROM " + from_;
    if (!conditions_.empty()) sql += " WHERE " + joined(conditions_, " AND ");
    if (shape_.part == ListPart::page || shape_.part == ListPart::rows) sql += " ORDER BY " + order();
    if (shape_.part == ListPart::page || counted) sql += " LIMIT " + parameter(next_) + "::bigint";
    if (counted) sql += ") counted";
    return shape_.part == ListPart::estimate ? "EXPLAIN (FORMAT JSON) " + sql : sql;
  }

 private:
  std::string order() const {
    const std::string direction = shape_.order.descending ? " DESC" : "";
    const std::string by = shape_.order.column.empty() ? "" : column(shape_.order.column) + direction + ", ";
    return by + key_ + direction;
  }

  // A smaller type would not take every integer that its filter does.
  std::string value(const ListFilter& filter) {
    return parameter(next_++) + (filter.operand == Operand::integer ? "::bigint" : "");
  }

  std::string condition(const ListFilter& filter, Comparison comparison) {
    const std::string name = filter.expression.empty() ? column(filter.column) : "(" + filter.expression + ")";
    switch (comparison) {
      case Comparison::prefix:
        return prefix_condition(filter.column, parameter(next_++));
      case Comparison::any_of:
        return name + " = ANY(" + parameter(next_++) +
               "::" + (filter.operand == Operand::integer ? "bigint" : filter.sql_type) + "[])";
      case Comparison::within: {
        const std::string from = name + " >= " + value(filter);
        return "(" + from + " AND " + name + " < " + value(filter) + ")";
      }
      case Comparison::outside: {
        const std::string until = name + " < " + value(filter);
        return "(" + until + " OR " + name + " >= " + value(filter) + ")";
      }
      default:
        return name + sql_operator(comparison) + value(filter);
    }
  }

  static std::string sql_operator(Comparison comparison) {
    switch (comparison) {
      case Comparison::not_equal:
        return " <> ";
      case Comparison::less:
        return " < ";
      case Comparison::at_most:
        return " <= ";
      case Comparison::greater:
        return " > ";
      case Comparison::at_least:
        return " >= ";
      default:
        return " = ";
    }
  }

  const ResourceApi& api_;
  const ListShape& shape_;
  std::string patient_;  // whose rows they are, in SQL
  std::string key_;
  std::string before_;
  std::string from_;
  std::vector<std::string> conditions_;
  int next_ = 1;
};

}  // namespace

const std::string& key_column(const ApiTable& table) { return key_of_kind(table, KeyKind::primary); }

const std::string& parent_column(const ApiTable& table) { return key_of_kind(table, KeyKind::parent); }

std::vector<Column> shown_columns(const ApiTable& table) {
  std::vector<Column> shown;
  std::ranges::copy_if(table.columns, std::back_inserter(shown), [](const Column& c) { return !c.hidden_in_api; });
  if (table.deidentified) {
    for (Column& column : shown) column.sql_type = shown_type(column);
    return shown;
  }
  shown.push_back(provenance("run_id", "bigint", "The run that last wrote this row."));
  shown.push_back(provenance("last_seen_run", "bigint", "The latest run that received this resource."));
  shown.push_back(provenance("loaded_at", "timestamptz", "When this row was last written."));
  return shown;
}

std::vector<Column> shown_child_columns(const ApiTable& table) {
  std::vector<Column> shown;
  std::ranges::copy_if(table.columns, std::back_inserter(shown),
                       [](const Column& c) { return !c.hidden_in_api && c.key != KeyKind::parent; });
  if (table.deidentified) {
    for (Column& column : shown) column.sql_type = shown_type(column);
  }
  return shown;
}

std::vector<ListFilter> list_filters(const ResourceApi& api) {
  std::vector<ListFilter> filters;
  for (const Column& filtered : api.table.columns) {
    if (filtered.filter == FilterKind::none || filtered.key == KeyKind::primary) continue;
    if (!may_filter(api.table, filtered)) continue;
    // Whose a row is, is asked by the path below a patient.
    if (filtered.hidden_in_api && filtered.name != api.patient_column) continue;
    const auto note = std::ranges::find(api.filter_notes, filtered.name, &FilterNote::column);
    const bool renamed = note != api.filter_notes.end() && !note->parameter.empty();
    ListFilter filter{renamed ? note->parameter : filtered.name, filtered.name, filtered.sql_type, filtered.filter,
                      operand_of(filtered.sql_type)};
    filter.pseudonym = api.table.deidentified && filtered.deidentified == Deidentified::pseudonym;
    const auto made = api.table.expressions.find(filtered.name);
    // Years are compared as moments: refuse_hidden() sees to it that they are whole.
    if (made != api.table.expressions.end() && filtered.deidentified != Deidentified::year) {
      filter.expression = made->second;
    }
    filters.push_back(std::move(filter));
  }
  return filters;
}

std::string list_sql(const ResourceApi& api, const std::vector<ListFilter>& filters, const ListShape& shape) {
  ListSql list{api, shape};
  for (const FilterUse& use : shape.filters) list.filter(filters.at(use.filter), use);
  list.visibility();
  if (shape.cursor) list.after();
  return list.text();
}

std::string one_sql(const ResourceApi& api) {
  return "SELECT " + select_list(api.table, shown_columns(api.table)) + " FROM " + quote_identifier(api.table.name) +
         " t WHERE " + column(key_column(api.table)) + " = $1";
}

std::string raw_sql(const ResourceApi& api) {
  return "SELECT " + std::string(kRawColumns) + ", " + column(api.patient_column) + " FROM " +
         quote_identifier(api.table.name) + " t" + std::string(kRawJoin) + " WHERE " + column(key_column(api.table)) +
         " = $1";
}

std::string embedded_sql(const EmbeddedTable& embedded) {
  const std::string parent = column(parent_column(embedded.table));
  std::string sql = "SELECT " + parent + ", " + select_list(embedded.table, shown_child_columns(embedded.table)) +
                    " FROM " + quote_identifier(embedded.table.name) + " t WHERE " + parent +
                    " = ANY($1::text[]) ORDER BY " + parent;
  for (const std::string& by : embedded.order_by) sql += ", " + column(by);
  return sql;
}

std::shared_ptr<const storage::Statement> ListStatements::get(const ListShape& shape) {
  const std::scoped_lock lock(mutex_);
  const auto found = statements_.find(shape);
  if (found != statements_.end()) return found->second;
  const bool kept = statements_.size() < kKeptStatements && shape.part != ListPart::estimate;
  auto made = std::make_shared<const storage::Statement>(
      list_sql(api_, filters_, shape), kept ? storage::Statement::Use::often : storage::Statement::Use::once);
  if (kept) statements_.emplace(shape, made);
  return made;
}

}  // namespace wellhead::resource
