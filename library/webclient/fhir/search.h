// FHIR R4 RESTful search (https://hl7.org/fhir/R4/search.html) over library/webclient, one page at a time.
//
// A FhirClient belongs to one thread (an activity slot) and blocks. It never builds a `next` link by hand, follows it
// only within the source's origin, and refuses to search with an empty value (which servers read as "everyone").
//
// Errors: Error{source_*} of library/meta/error.h; the text of an OperationOutcome is part of the message. A `next`
// link that answers 404 or 410 is Error{source_page_expired}. Retries inside a call are counted in Traffic.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "library/webclient/http.h"

namespace wellhead::webclient {

// One resource of a page; views into the page's buffer.
struct Entry {
  std::string_view resource;  // the JSON as received, maybe with line breaks; readable for 64 bytes past its end
  bool valid_utf8 = true;     // false: bytes were no UTF-8; such a resource is rejected
};

class SearchPage {
 public:
  std::vector<Entry> entries;         // match entries only: OperationOutcome and included resources are left out
  std::optional<std::string> next;    // opaque, absolute
  std::optional<std::int64_t> total;  // Bundle.total, when given

  // What the server said beside the matches: issues of OperationOutcome entries (FHIR R4 §3.1.1.3.1) by severity. An
  // error means that the answer may lack something.
  int outcome_errors = 0;  // error and fatal
  int outcome_warnings = 0;
  std::string outcome_text;  // of the gravest issue, shortened

  std::string buffer;  // what the entries point into; move the page, don't copy
  SearchPage() = default;
  SearchPage(SearchPage&&) = default;
  SearchPage& operator=(SearchPage&&) = default;
};

using Parameters = std::vector<std::pair<std::string, std::string>>;

struct FhirOptions {
  std::size_t max_url_bytes = 2000;  // a longer search is sent by POST
  int max_depth = 256;               // nesting of JSON in an entry, else Error{source_limit}
  bool strict = true;                // Prefer: handling=strict: an unknown parameter is refused, not ignored
};

class BundleReader;

class FhirClient {
 public:
  // http outlives the client. Keep a FhirClient as long as its HttpClient: it reuses the memory of its parser.
  FhirClient(HttpClient& http, const std::string& base_url, FhirOptions options = {});
  ~FhirClient();
  FhirClient(const FhirClient&) = delete;
  FhirClient& operator=(const FhirClient&) = delete;

  // Calls from now on end with Error{cancelled} when this asks to stop.
  void set_stop(std::stop_token stop) { stop_ = std::move(stop); }

  // First page of a search: GET base/type?parameters, or POST base/type/_search when the URL would be longer than
  // servers take (2,000 bytes unless set). Always uncached (Cache-Control: no-cache).
  SearchPage search(std::string_view type, const Parameters& parameters);
  // A page by its opaque link. Error{source_refused} when it leaves the source's origin.
  SearchPage follow(std::string_view next);
  // Asks `_summary=count`; nullopt when the server gives no total.
  std::optional<std::int64_t> count(std::string_view type, Parameters parameters);

  // The server's CapabilityStatement (GET base/metadata): proves that a FHIR server is there. One line for people:
  // software, version and FHIR version.
  std::string describe_server();

  Traffic traffic() const;  // requests, retries, bytes since construction

 private:
  HttpRequest search_request(std::string_view type, const std::string& form, bool post) const;
  SearchPage read_page(const HttpRequest& request, HttpResponse response);

  HttpClient& http_;
  std::string base_url_;
  std::string origin_;
  FhirOptions options_;
  std::unique_ptr<BundleReader> reader_;
  std::stop_token stop_;
  Traffic before_;
};

// Pages of one search in order. Notices a `next` link that was followed before (endless paging), and counts pages.
class Pager {
 public:
  // client outlives the pager. max_pages: more are Error{source_limit}; 0 is no limit.
  Pager(FhirClient& client, std::string type, Parameters parameters, std::int64_t max_pages = 0);
  // Goes on with a link that an earlier search gave.
  Pager(FhirClient& client, std::string next_link, std::int64_t max_pages = 0);

  // nullopt after the last page. Error{source_limit} when a link repeats; what FhirClient throws.
  std::optional<SearchPage> next();
  std::int64_t pages() const { return pages_; }

 private:
  FhirClient& client_;
  std::string type_;
  Parameters parameters_;
  std::optional<std::string> link_;
  std::int64_t max_pages_;
  std::int64_t pages_ = 0;
  bool finished_ = false;
  std::unordered_set<std::uint64_t> seen_;  // hashes of links, bounded
};

}  // namespace wellhead::webclient
