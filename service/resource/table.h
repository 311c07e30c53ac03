// A resource table from its view: columns, types, comments, key, the indexes that the API's filters need, and what the
// loader has to know of it.
//
// Columns that hold ids compare by bytes (COLLATE "C"), in every database alike; names and other text by the database's
// collation. A prefix filter is served by an index on lower(column) text_pattern_ops.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/loader.h"

namespace wellhead::resource {

// A resource's own table; Error{invalid_view} when the view has no primary key column, or names a column as Wellhead
// names one of its own (digest, run_id …).
storage::TargetTable target_table(const converter::View& view);
// A table of parts (components), with a column tagged as the parent's key.
storage::TargetTable child_table(const converter::View& view, const converter::View& parent);

struct TableChange {
  std::string table;
  bool created = false;
  std::vector<std::string> added_columns;
};

// Makes what is missing and says what it was: tables, columns that a view has gained (NULL in rows loaded before, until
// they are loaded again), indexes, comments; and keeps each view's digest in applied_view. All or nothing; processes
// that do so at once wait for each other; without a change it only reads. Run migrate() first.
//
// Error{conflict} when a change would lose data: a column that the view no longer has, or has with another type or key,
// or a table of that name which Wellhead did not make. Names table and column and says what to do.
std::vector<TableChange> ensure_tables(storage::Connection& connection, std::span<const converter::View> views);

}  // namespace wellhead::resource
