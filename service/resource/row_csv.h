// Rows of a resource's table as CSV (RFC 4180), straight from PostgreSQL's text format. Values are those of the JSON:
// moments RFC 3339 in UTC, booleans true and false. A NULL is an empty field, an empty text is "".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/connection.h"
#include "service/resource/row_json.h"

namespace wellhead::resource {

// In quotes where it has to be, and if it is empty: an empty field is a NULL.
void append_csv_field(std::string_view text, std::string& out);

class RowCsv {
 public:
  // only: for each of the columns whether it is wanted; empty: all are. pseudonyms: as of RowJson.
  RowCsv(const std::vector<converter::Column>& columns, const std::vector<bool>& only,
         const Pseudonyms* pseudonyms = nullptr);

  // The names, as a line.
  std::string header() const;
  // Appends one row as a line.
  void write(const storage::Result& rows, int row, std::string& out) const;
  bool empty() const { return fields_.empty(); }

 private:
  struct Field {
    std::string name;
    int column;
    ValueKind kind;
  };
  std::vector<Field> fields_;
  const Pseudonyms* pseudonyms_;
};

}  // namespace wellhead::resource
