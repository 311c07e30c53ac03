// Reads a searchset Bundle (https://hl7.org/fhir/R4/bundle.html) into the page that FhirClient gives, in one pass over
// its structure: the entries stay where they are in the buffer, and what is inside a resource is not looked at.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "library/webclient/fhir/search.h"

namespace wellhead::webclient {

class BundleReader {
 public:
  // max_depth: nesting of JSON allowed within an entry's resource and within a field of the Bundle that is not read.
  explicit BundleReader(int max_depth);
  ~BundleReader();
  BundleReader(const BundleReader&) = delete;
  BundleReader& operator=(const BundleReader&) = delete;

  // Takes the body over into the page's buffer. page.next is as the server wrote it, maybe relative. `where` names the
  // request in messages.
  // Errors: source_not_fhir (no JSON, another resource type, another kind of Bundle), source_unreachable (the JSON
  // breaks off) or source_failed (it does although all of it came), source_limit (depth). Bytes that are no UTF-8, and
  // control characters in strings, spoil only the entries they are in.
  SearchPage read(std::string body, std::string_view where, bool all_came = false);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace wellhead::webclient
