// What the handlers of one resource's routes share. Internal to the routes; never changes after it is made, but for the
// statements.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "service/resource/list_query.h"
#include "service/resource/routes.h"
#include "service/resource/row_json.h"
#include "service/resource/row_limits.h"

namespace wellhead::resource {

struct ServedResource {
  ServedResource(ResourceApi described, const ResourceServices& given);

  struct Embedded {
    std::string field;
    std::unique_ptr<storage::Statement> statement;
    RowJson rows;
  };

  ResourceApi api;
  ResourceServices services;
  std::vector<ListFilter> filters;
  mutable ListStatements statements;
  storage::Statement one;
  storage::Statement raw;
  storage::Statement patient_exists;
  std::vector<converter::Column> shown;
  RowJson rows;
  int key_index = 0;
  int patient_index = 0;
  std::vector<Embedded> embedded;
};
using ServedResourcePointer = std::shared_ptr<const ServedResource>;

// Which members an answer has: the shown columns, then the embedded tables. Empty: all.
using FieldMask = std::vector<bool>;

// The rows of an embedded table, by parent.
struct Children {
  const RowJson* json = nullptr;
  std::string_view field;
  storage::Result rows;
  std::unordered_map<std::string_view, std::pair<int, int>> by_parent;  // first row and the one after the last

  Children(const RowJson& columns, std::string_view name, storage::Result result);
};

// Reads the rows of the embedded tables that `fields` has, for the parents in the array literal `keys`.
webserver::Task<std::vector<Children>> read_children(ServedResourcePointer resource, Reading* connection,
                                                     std::string keys, FieldMask fields);

// For the audit trail: whom the first `count` rows are about. Rows of one patient mostly follow each other.
void add_patients(const ServedResource& resource, const storage::Result& rows, int count,
                  std::vector<std::string>& patients);

// The array literal of the keys of the first `count` rows.
std::string key_array(const ServedResource& resource, const storage::Result& rows, int count);

// One row as a JSON object.
void append_item(const ServedResource& resource, const storage::Result& rows, int row,
                 const std::vector<Children>& children, const FieldMask& fields, std::string& out);

std::string noun_of(const ResourceApi& api);
std::string nouns_of(const ResourceApi& api);

}  // namespace wellhead::resource
