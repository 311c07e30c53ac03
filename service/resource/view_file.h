// A user's ViewDefinition file. It may be as the specification has it: which column is the table's key and which names
// the patient is found out where no tag says it.
//
//   key      a column tagged wellhead/key; else the first whose path is getResourceKey(). It is the primary key of a
//            view that gives one row a resource, and names the resource in one that may give several (a forEach that
//            does not end in first(), a repeat, a unionAll): a part.
//   patient  of a Patient view the key; else the column patient_id; else the first whose path ends in
//            getReferenceKey(Patient).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "library/converter/view.h"

namespace wellhead::resource {

struct ViewFile {
  std::filesystem::path path;
  converter::View view;        // with the tags that were found out
  std::string patient_column;  // empty for a part
  bool part = false;
};

// Reads and checks a definition. path: where it comes from, for messages.
// Error{invalid_view} names file, path and column of the mistake and says what to do.
ViewFile parse_view(const std::filesystem::path& path, std::string_view json);
// Error{invalid_input} when the file cannot be read.
ViewFile read_view_file(const std::filesystem::path& path);

}  // namespace wellhead::resource
