#include <fmt/format.h>

#include <functional>
#include <utility>

#include "library/webclient/fhir/search.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;

// A search with more pages is no search that anybody meant to make.
constexpr std::int64_t kMostPages = 1'000'000;

}  // namespace

Pager::Pager(FhirClient& client, std::string type, Parameters parameters, std::int64_t max_pages)
    : client_(client), type_(std::move(type)), parameters_(std::move(parameters)), max_pages_(max_pages) {}

Pager::Pager(FhirClient& client, std::string next_link, std::int64_t max_pages)
    : client_(client), link_(std::move(next_link)), max_pages_(max_pages) {
  seen_.insert(std::hash<std::string>{}(*link_));
}

std::optional<SearchPage> Pager::next() {
  if (finished_) return std::nullopt;
  const auto limit = max_pages_ > 0 ? max_pages_ : kMostPages;
  if (pages_ >= limit) throw Error(ErrorCode::source_limit, fmt::format("the search has more than {} pages", limit));
  auto page = link_ ? client_.follow(*link_) : client_.search(type_, parameters_);
  ++pages_;
  link_ = page.next;
  finished_ = !link_;
  if (link_ && !seen_.insert(std::hash<std::string>{}(*link_)).second) {
    throw Error(
        ErrorCode::source_limit,
        fmt::format("page {} of the search links to a page that came before: {}", pages_, meta::redacted_url(*link_)),
        "The server pages in a circle, which is a fault of the server; a smaller WELLHEAD_PAGE_SIZE may avoid it");
  }
  return page;
}

}  // namespace wellhead::webclient
