// Rows of a resource's table as JSON, straight from PostgreSQL's text format.
//
// A NULL is left out. Numbers, numeric too, are written as the JSON number PostgreSQL gives, digit for digit (7.40
// keeps its zero); NaN and infinities, which JSON does not have, as strings. A timestamptz becomes RFC 3339 in UTC (the
// session's time zone must be UTC and its DateStyle ISO), an array of texts a JSON array.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "library/converter/view.h"
#include "library/storage/postgres/connection.h"
#include "service/resource/pseudonyms.h"

namespace wellhead::resource {

// An id that is shown as its pseudonym; no type of PostgreSQL's.
inline constexpr std::string_view kPseudonymType = "pseudonym";

enum class ValueKind { text, number, boolean, timestamp, json, array, pseudonym };
ValueKind value_kind(std::string_view sql_type);

// 2024-01-31 10:42:00.5+00 → 2024-01-31T10:42:00.5Z; infinity and years BC stay as they are.
void append_moment(std::string_view text, std::string& out);

class RowJson {
 public:
  // In the order of the result's columns. pseudonyms: outlives it; for columns that are shown as such.
  explicit RowJson(const std::vector<converter::Column>& columns, const Pseudonyms* pseudonyms = nullptr);

  // Appends the members of one row without braces; says whether there were any. only: for each of the columns whether
  // it is wanted; empty: all are.
  bool write_members(const storage::Result& rows, int row, int first_column, std::string& out,
                     const std::vector<bool>& only = {}) const;

 private:
  struct Member {
    std::string key;  // "name":
    ValueKind kind;
  };
  std::vector<Member> members_;
  const Pseudonyms* pseudonyms_;
};

// The JSON Schema of a column's value.
std::string column_schema(const converter::Column& column);

// Appends a JSON string (RFC 8259 §7) of valid UTF-8.
void append_json_string(std::string_view text, std::string& out);

}  // namespace wellhead::resource
