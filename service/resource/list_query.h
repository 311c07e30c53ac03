// The SELECTs behind a resource's routes: one for each combination of the filters that a request may give, so that
// each has the plan it deserves, prepared once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "library/webserver/filters.h"
#include "service/resource/routes.h"

namespace wellhead::resource {

// A column that a list can be filtered by.
struct ListFilter {
  std::string parameter;
  std::string column;
  std::string sql_type;
  converter::FilterKind kind = converter::FilterKind::exact;
  // Of a column that has an order: its filter takes operators (library/webserver/filters.h).
  std::optional<webserver::Operand> operand = {};
  std::string expression = {};  // SQL over t that is compared instead of the column
  bool pseudonym = false;       // of an id: asked for by its pseudonym
};

// How one filter is used: a row must be as one of `any` says, if there are such, and as all of `all` say.
struct FilterUse {
  std::size_t filter = 0;
  std::vector<webserver::Comparison> any;
  std::vector<webserver::Comparison> all;
  auto operator<=>(const FilterUse&) const = default;
};

// By a column, and by the key where it is the same. Rows without a value stand behind all others, and first in a
// descending order, as the index has them.
struct ListOrder {
  std::string column;  // empty: by the key
  bool descending = false;
  auto operator<=>(const ListOrder&) const = default;
};

enum class ListStart { first, after_value, after_null };  // of the column that it is ordered by

enum class ListPart {
  page,      // rows, as many as asked for
  rows,      // all rows
  count,     // how many there are, up to as many as asked for
  estimate,  // as JSON, what the planner believes (EXPLAIN)
};

// Which clauses a list has.
struct ListShape {
  std::vector<FilterUse> filters;  // in the order of the resource's filters
  bool zipcode = false;
  bool no_longer_found = false;  // shown, too
  bool raw = false;              // with where the resource lies
  ListStart start = ListStart::first;
  bool cursor = false;
  ListOrder order = {};
  ListPart part = ListPart::page;
  auto operator<=>(const ListShape&) const = default;
};

// Parameters, in this order: the values of the given filters, those of `any` first; with a zip code: the zip code, the
// run of the cursor (or NULL); with a cursor: the value that it stands behind, unless that is the key or NULL, and the
// key; of a page or count: how many. Columns of rows: those shown, and with a zip code as_of, the run that the list is
// as of (0: none was complete); of raw ones then blob_key, raw_frame and raw_index.
std::string list_sql(const ResourceApi& api, const std::vector<ListFilter>& filters, const ListShape& shape);
std::string one_sql(const ResourceApi& api);
// blob_key, raw_frame, raw_index and the patient of one.
std::string raw_sql(const ResourceApi& api);
// Parameter: an array of the parents' keys. The first column is the parent's key.
std::string embedded_sql(const EmbeddedTable& embedded);

std::vector<ListFilter> list_filters(const ResourceApi& api);

// The view's columns that the API shows, and where the row came from. A child's parent column is not repeated.
std::vector<converter::Column> shown_columns(const ApiTable& table);
std::vector<converter::Column> shown_child_columns(const ApiTable& table);
const std::string& key_column(const ApiTable& table);
const std::string& parent_column(const ApiTable& table);

// Statements by shape, made when first asked for. Only so many are kept and prepared; what is asked for beyond those is
// planned each time. Thread-safe.
class ListStatements {
 public:
  explicit ListStatements(const ResourceApi& api) : api_(api), filters_(list_filters(api)) {}
  std::shared_ptr<const storage::Statement> get(const ListShape& shape);

 private:
  const ResourceApi& api_;
  std::vector<ListFilter> filters_;
  std::mutex mutex_;
  std::map<ListShape, std::shared_ptr<const storage::Statement>> statements_;
};

}  // namespace wellhead::resource
