// A ViewDefinition (HL7 SQL on FHIR) and what its columns mean for a table.
//
// A view is one JSON file. Beside the specification's own elements Wellhead reads these tags of a column
// (`"tag": [{"name": …, "value": …}]`):
//   ansi/type          the SQL type, as the specification says
//   wellhead/key       the table's key: `primary`, or `parent` for the column that names the owning resource
//   wellhead/required  `true`: a resource without a value is rejected
//   wellhead/as        how a FHIR date or dateTime becomes the column: `earliest` (first instant of a partial date),
//                      `latest`, `precision` (year, month, day, second …), else its text
//   wellhead/filter    how the API filters by it: `exact` (of dates and numbers also by comparison) and `prefix`
//                      (case-insensitive) make an index; `scan` is exact without one, for use beside other filters
//   wellhead/api       `hidden` keeps the column out of the API, its filter too
//   wellhead/deidentified   how a key of the role deidentified sees the column, which without this it does not:
//                      `safe` as it is, `year` of a date, `birth-year` and `death-year` (ages over 89 are one), `zip3`
//                      of a zip code, `pseudonym` of an id, `measure` unless it is an age over 89, or the values that
//                      are safe, with commas between, after `one-of:`
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::converter {

enum class FilterKind { none, exact, prefix, scan };
enum class KeyKind { none, primary, parent };
enum class Deidentified { hidden, safe, year, birth_year, death_year, zip3, pseudonym, measure, one_of };

struct Column {
  std::string name;
  std::string fhir_type;    // string, code, date, dateTime, decimal, boolean …
  std::string sql_type;     // PostgreSQL: text, date, timestamptz, numeric, boolean, integer …
  std::string description;  // becomes the column's comment and the schema's description
  bool required = false;
  KeyKind key = KeyKind::none;
  FilterKind filter = FilterKind::none;
  bool hidden_in_api = false;
  Deidentified deidentified = Deidentified::hidden;
  std::vector<std::string> safe_values;  // of one_of
};

struct ViewSyntax;  // the checked definition; private to library/converter

class View {
 public:
  // Throws Error{invalid_view}: names the view, the path and the column of the mistake.
  // default_name: for a definition without a name, which the specification allows; empty refuses it.
  static View parse(std::string_view json, std::string_view default_name = {});

  const std::string& name() const;         // also the table's name
  const std::string& resource() const;     // FHIR resource type
  const std::string& description() const;  // becomes the table's comment
  const std::vector<Column>& columns() const;
  // 64 hex digits over the definition in canonical form: changes exactly when the rows may change.
  const std::string& digest() const;

  const ViewSyntax& syntax() const;

 private:
  std::shared_ptr<const ViewSyntax> syntax_;
};

}  // namespace wellhead::converter
