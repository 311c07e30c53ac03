// The SELECTs behind a resource's routes: one for each combination of the filters that a request may give, so that
// each has the plan it deserves, prepared once.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "service/resource/routes.h"

namespace wellhead::resource {

// A column that a list can be filtered by.
struct ListFilter {
  std::string parameter;
  std::string column;
  converter::FilterKind kind = converter::FilterKind::exact;
};

// Which clauses a list has.
struct ListShape {
  std::vector<bool> filters;  // of the resource's filters, in order
  bool zipcode = false;
  bool cursor = false;
  bool no_longer_found = false;  // shown, too
  auto operator<=>(const ListShape&) const = default;
};

// Parameters, in this order: the values of the given filters; with a zip code: the zip code, the run of the cursor (or
// NULL); with a cursor: the key; the limit. Columns: those shown, and with a zip code as_of, the run that the list is
// as of (0: none was complete).
std::string list_sql(const ResourceApi& api, const std::vector<ListFilter>& filters, const ListShape& shape);
std::string one_sql(const ResourceApi& api);
// Parameter: an array of the parents' keys. The first column is the parent's key.
std::string embedded_sql(const EmbeddedTable& embedded);

std::vector<ListFilter> list_filters(const ResourceApi& api);

// The view's columns that the API shows, and where the row came from. A child's parent column is not repeated.
std::vector<converter::Column> shown_columns(const ApiTable& table);
std::vector<converter::Column> shown_child_columns(const ApiTable& table);
const std::string& key_column(const ApiTable& table);
const std::string& parent_column(const ApiTable& table);

// Statements by shape, made when first asked for. Thread-safe.
class ListStatements {
 public:
  explicit ListStatements(const ResourceApi& api) : api_(api), filters_(list_filters(api)) {}
  const storage::Statement& get(const ListShape& shape);

 private:
  const ResourceApi& api_;
  std::vector<ListFilter> filters_;
  std::mutex mutex_;
  std::map<ListShape, std::unique_ptr<storage::Statement>> statements_;
};

}  // namespace wellhead::resource
