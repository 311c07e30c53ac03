// FHIR R4 RESTful search (https://hl7.org/fhir/R4/search.html) over library/webclient, one page at a time.
//
// A FhirClient belongs to one thread (an activity slot) and blocks. It never builds a `next` link by hand, follows it only
// within the source's origin, and refuses to search with an empty value (which servers read as "everyone").
//
// Errors: Error{source_*} of library/meta/error.h; the text of an OperationOutcome is part of the message. A `next` link
// that answers 404 or 410 is Error{source_page_expired}. Retries inside a call are counted in Traffic.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/webclient/http.h"

namespace wellhead::webclient {

// One resource of a page; views into the page's buffer.
struct Entry {
  std::string_view resource;   // the JSON as received; readable for 64 bytes past its end
  bool valid_utf8 = true;      // false: bytes were no UTF-8; such a resource is rejected
};

class SearchPage {
 public:
  std::vector<Entry> entries;              // match entries only: OperationOutcome and included resources are left out
  std::optional<std::string> next;         // opaque, absolute
  std::optional<std::int64_t> total;       // Bundle.total, when given

  std::string buffer;                      // what the entries point into; move the page, don't copy
  SearchPage() = default;
  SearchPage(SearchPage&&) = default;
  SearchPage& operator=(SearchPage&&) = default;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

class FhirClient {
 public:
  // http and limiter are shared by reference and outlive the client.
  FhirClient(HttpClient& http, std::string base_url);

  // First page of a search: GET base/type?parameters, or POST base/type/_search when the URL would be longer than
  // servers take (2,000 bytes unless set). Always uncached (Cache-Control: no-cache).
  SearchPage search(std::string_view type, const Parameters& parameters);
  // A page by its opaque link. Error{source_refused} when it leaves the source's origin.
  SearchPage follow(std::string_view next);
  // Asks `_summary=count`; nullopt when the server gives no total.
  std::optional<std::int64_t> count(std::string_view type, Parameters parameters);

  const Traffic& traffic() const;  // requests, retries, bytes since construction

 private:
  HttpClient& http_;
  std::string base_url_;
};

}  // namespace wellhead::webclient
