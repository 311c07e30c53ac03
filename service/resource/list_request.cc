#include "service/resource/list_request.h"

#include <algorithm>
#include <utility>

#include "library/meta/error.h"
#include "library/webserver/cursor.h"
#include "library/webserver/preferences.h"
#include "library/webserver/problem.h"

namespace wellhead::resource {
namespace {

using converter::Column;
using converter::FilterKind;
using storage::Value;
using webserver::Clause;
using webserver::Comparison;
using webserver::Request;

void add_to_query(std::string_view name, std::string_view value, std::string& query) {
  query.append(query.empty() ? "" : "&").append(name).append("=").append(webserver::encode_percent(value));
}

[[noreturn]] void bad_cursor() {
  throw webserver::InvalidArgument({"cursor", "is no cursor of this list with these filters; begin again without it"});
}

bool is_bound(Comparison comparison) {
  return comparison != Comparison::equal && comparison != Comparison::within && comparison != Comparison::prefix;
}

Clause clause_of(const ListFilter& filter, std::string_view text) {
  if (filter.kind == FilterKind::prefix) return {Comparison::prefix, std::string(text), {}};
  if (!filter.operand) return {Comparison::equal, std::string(text), {}};
  auto clause = webserver::parse_clause(*filter.operand, text);
  if (!clause) throw webserver::InvalidArgument({filter.parameter, clause.error()});
  return std::move(*clause);
}

void add_values(const Clause& clause, std::vector<Value>& values) {
  values.emplace_back(clause.value);
  if (!clause.end.empty()) values.emplace_back(clause.end);
}

// Values that a row must equal are alternatives, bounds hold together.
void add_filter(const ListFilter& filter, std::size_t number, const std::vector<std::string_view>& texts,
                ListRequest& list) {
  FilterUse use{.filter = number, .any = {}, .all = {}};
  std::vector<Clause> any;
  std::vector<Clause> all;
  for (const std::string_view text : texts) {
    Clause clause = clause_of(filter, text);
    (is_bound(clause.comparison) ? all : any).push_back(std::move(clause));
  }
  const bool plain = std::ranges::all_of(any, [](const Clause& c) { return c.comparison == Comparison::equal; });
  if (any.size() > 1 && plain) {
    std::vector<std::string> values;
    values.reserve(any.size());
    for (Clause& clause : any) values.push_back(std::move(clause.value));
    list.filter_values.emplace_back(storage::array_literal(values));
    use.any.push_back(Comparison::any_of);
    any.clear();
  }
  for (const auto& [clauses, comparisons] : {std::pair(&any, &use.any), std::pair(&all, &use.all)}) {
    for (const Clause& clause : *clauses) {
      comparisons->push_back(clause.comparison);
      add_values(clause, list.filter_values);
    }
  }
  list.shape.filters.push_back(std::move(use));
}

// Whether a real id exists, is not told: none is a pseudonym.
std::vector<std::string> ids_of(const ServedResource& resource, const ListFilter& filter,
                                const std::vector<std::string_view>& pseudonyms) {
  std::vector<std::string> ids;
  for (const std::string_view pseudonym : pseudonyms) {
    auto id = resource.services.pseudonyms->id_of(pseudonym);
    if (!id) throw webserver::InvalidArgument({filter.parameter, "is none of the pseudonyms that this API gives"});
    ids.push_back(std::move(*id));
  }
  return ids;
}

void read_filters(const ServedResource& resource, const Request& request, bool below_patient, ListRequest& list) {
  for (std::size_t i = 0; i < resource.filters.size(); ++i) {
    const ListFilter& filter = resource.filters[i];
    if (below_patient && filter.column == resource.api.patient_column) {
      const std::string patient = id_of(resource, request, "patient");
      add_filter(filter, i, {patient}, list);
      continue;
    }
    if (!request.arguments.has(filter.parameter)) continue;
    const auto texts = request.arguments.all(filter.parameter);
    const auto ids = filter.pseudonym ? ids_of(resource, filter, texts) : std::vector<std::string>();
    add_filter(filter, i, filter.pseudonym ? std::vector<std::string_view>(ids.begin(), ids.end()) : texts, list);
    for (const std::string_view text : texts) add_to_query(filter.parameter, text, list.query);
  }
}

void read_order(const ServedResource& resource, const Request& request, ListRequest& list) {
  const auto sort = request.arguments.text("sort");
  if (!sort) return;
  add_to_query("sort", *sort, list.query);
  list.shape.order.descending = sort->starts_with('-');
  const std::string_view name = sort->substr(list.shape.order.descending ? 1 : 0);
  const auto by = std::ranges::find(resource.filters, name, &ListFilter::parameter);
  if (by != resource.filters.end()) list.shape.order.column = by->column;
}

void read_fields(const ServedResource& resource, const Request& request, ListRequest& list) {
  const auto fields = request.arguments.text("fields");
  if (!fields) return;
  add_to_query("fields", *fields, list.query);
  const std::vector<std::string> names = field_names(resource.api);
  list.fields.assign(names.size(), false);
  for (std::string_view rest = *fields; !rest.empty();) {
    const auto end = std::min(rest.find(','), rest.size());
    const auto found = std::ranges::find(names, rest.substr(0, end));
    if (found != names.end()) list.fields[static_cast<std::size_t>(found - names.begin())] = true;
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
}

void read_count(const Request& request, ListRequest& list) {
  const auto kind = [](std::string_view text) {
    if (text == "exact") return CountKind::exact;
    return text == "estimated" ? CountKind::estimated : CountKind::none;
  };
  if (const auto asked = request.arguments.text("count")) {
    add_to_query("count", *asked, list.query);
    list.count = kind(*asked);
  } else if (const auto preferred = webserver::preference(request.header("Prefer"), "count"); !preferred.empty()) {
    list.count = kind(preferred);
    if (list.count != CountKind::none) {
      list.count_preference = list.count == CountKind::exact ? "count=exact" : "count=estimated";
    }
  }
}

// A cursor holds the key; with a zip code, the run; with an order of its own, whether there is a value, and the value.
void read_cursor(const Request& request, ListRequest& list) {
  const auto cursor = request.arguments.text("cursor");
  std::optional<std::vector<std::string>> position;
  const std::size_t as_of = 1;
  const std::size_t value = list.shape.zipcode ? 2 : 1;
  const bool by_value = !list.shape.order.column.empty();
  if (cursor) {
    position = webserver::decode_cursor(request.cursors, list.scope, *cursor);
    if (!position || position->size() != value + (by_value ? 2 : 0)) bad_cursor();
    list.shape.cursor = true;
  }
  if (list.shape.zipcode) {
    position ? list.filter_values.emplace_back(position->at(as_of)) : list.filter_values.emplace_back(nullptr);
  }
  if (!position) return;
  if (by_value && position->at(value) == "1") {
    list.shape.start = ListStart::after_value;
    list.position_values.emplace_back(position->at(value + 1));
  } else if (by_value) {
    list.shape.start = ListStart::after_null;
  }
  list.position_values.emplace_back(position->at(0));
}

}  // namespace

std::vector<Value> ListRequest::page_values() const {
  std::vector<Value> values = filter_values;
  values.insert(values.end(), position_values.begin(), position_values.end());
  return values;
}

std::string id_of(const ServedResource& resource, const Request& request, std::string_view noun) {
  const std::string_view given = request.arguments.text("id").value_or("");
  if (!resource.api.table.deidentified) return std::string(given);
  auto id = resource.services.pseudonyms->id_of(given);
  if (!id) throw meta::Error(meta::ErrorCode::not_found, "There is no " + std::string(noun) + " with this pseudonym");
  return std::move(*id);
}

ListRequest read_list_request(const ServedResource& resource, const Request& request, bool below_patient) {
  ListRequest list;
  list.scope = request.path;
  read_filters(resource, request, below_patient, list);
  const auto zipcode = resource.api.filter_by_zipcode ? request.arguments.text("zipcode") : std::nullopt;
  list.shape.zipcode = zipcode.has_value();
  if (zipcode) {
    add_to_query("zipcode", *zipcode, list.query);
    list.filter_values.emplace_back(*zipcode);
  }
  list.shape.no_longer_found = request.arguments.has("include");
  if (list.shape.no_longer_found) add_to_query("include", *request.arguments.text("include"), list.query);
  read_order(resource, request, list);
  // What does not change which rows there are may change from page to page.
  list.scope += "?" + list.query;
  read_fields(resource, request, list);
  read_count(request, list);
  list.limit = request.arguments.integer("limit");
  add_to_query("limit", std::to_string(list.limit), list.query);
  read_cursor(request, list);
  return list;
}

std::string next_page(const ServedResource& resource, const Request& request, const ListRequest& list,
                      const storage::Result& rows, int last) {
  std::vector<std::string> position = {std::string(rows.text(last, resource.key_index))};
  if (list.shape.zipcode) position.emplace_back(rows.text(last, static_cast<int>(resource.shown.size())));
  if (!list.shape.order.column.empty()) {
    const auto by = std::ranges::find(resource.shown, list.shape.order.column, &Column::name);
    const int column = static_cast<int>(by - resource.shown.begin());
    position.emplace_back(rows.is_null(last, column) ? "0" : "1");
    position.emplace_back(rows.text(last, column));
  }
  return request.path + "?" + list.query + "&cursor=" + webserver::encode_cursor(request.cursors, list.scope, position);
}

std::vector<std::string> field_names(const ResourceApi& api) {
  std::vector<std::string> names;
  for (const Column& column : shown_columns(api.table)) names.push_back(column.name);
  for (const EmbeddedTable& table : api.embedded) names.push_back(table.field);
  return names;
}

std::vector<std::string> sort_names(const ResourceApi& api) {
  const std::string& key = key_column(api.table);
  std::vector<std::string> names = {key, "-" + key};
  for (const ListFilter& filter : list_filters(api)) {
    const auto column = std::ranges::find(api.table.columns, filter.column, &Column::name);
    if (column->hidden_in_api) continue;
    // The order of dates tells more of them than their years.
    if (api.table.deidentified && column->deidentified != converter::Deidentified::safe) continue;
    names.push_back(filter.parameter);
    names.push_back("-" + filter.parameter);
  }
  return names;
}

}  // namespace wellhead::resource
