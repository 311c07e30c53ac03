#include "library/webclient/fhir/search.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <cctype>
#include <utility>

#include "library/webclient/fhir/bundle.h"
#include "library/webclient/fhir/outcome.h"
#include "library/webclient/text.h"
#include "library/webclient/url.h"

namespace wellhead::webclient {
namespace {

using meta::Error;
using meta::ErrorCode;

constexpr std::string_view kAccept = "Accept: application/fhir+json, application/json;q=0.9";

void check_type(std::string_view type) {
  const auto letter = [](unsigned char c) { return c < 0x80 && std::isalpha(c) != 0; };
  if (type.empty() || !std::ranges::all_of(type, letter)) {
    throw Error(ErrorCode::invalid_input, fmt::format("'{}' is no FHIR resource type", one_line(type, 60)));
  }
}

bool is_blank(std::string_view text) {
  return std::ranges::all_of(text, [](unsigned char c) { return c <= ' '; });
}

// Servers take a parameter without a value, or an empty item of a list, as if it were not there: as everyone.
void check_parameter(std::string_view type, const std::string& name, std::string_view value) {
  bool empty = is_blank(name) || is_blank(value);
  for (std::size_t begin = 0; !empty && begin <= value.size();) {
    const auto end = std::min(value.find(',', begin), value.size());
    empty = is_blank(value.substr(begin, end - begin));
    begin = end + 1;
  }
  if (!empty && (static_cast<unsigned char>(value.front()) <= ' ' || static_cast<unsigned char>(value.back()) <= ' ')) {
    throw Error(ErrorCode::invalid_input,
                fmt::format("the search for {} has blanks around the value of '{}'", type, one_line(name, 60)),
                "FHIR servers would find nothing");
  }
  if (!empty) return;
  throw Error(ErrorCode::invalid_input,
              fmt::format("the search for {} has no value for '{}'", type, one_line(name, 60)),
              "FHIR servers would answer with everything they have");
}

std::string encode(std::string_view type, const Parameters& parameters) {
  check_type(type);
  if (parameters.empty()) {
    throw Error(ErrorCode::invalid_input, fmt::format("the search for {} has no parameters", type),
                "FHIR servers would answer with everything they have");
  }
  std::string form;
  for (const auto& [name, value] : parameters) {
    check_parameter(type, name, value);
    if (!form.empty()) form.push_back('&');
    form.append(form_encode(name)).append("=").append(form_encode(value));
  }
  return form;
}

std::string described(const HttpRequest& request) {
  return fmt::format("{} {}", request.method == HttpRequest::Method::get ? "GET" : "POST",
                     meta::redacted_url(request.url));
}

void require_success(const HttpRequest& request, const HttpResponse& response) {
  if (response.status < 200 || response.status > 299) throw status_error(request, response);
  if (response.status == 200 && !response.body.empty()) return;
  throw Error(ErrorCode::source_not_fhir,
              fmt::format("{} answered {} without a body", described(request), response.status),
              "Check that WELLHEAD_SOURCE_URL is the base URL of a FHIR server, often ending in /fhir or /r4");
}

std::string base_of(const Url& url) {
  if (url.text().find('?') != std::string::npos) {
    throw Error(ErrorCode::invalid_setting, "the source's URL has a query: " + meta::redacted_url(url.text()),
                "Set WELLHEAD_SOURCE_URL to the base URL alone, like https://example.org/fhir");
  }
  auto base = url.text();
  while (base.ends_with('/')) base.pop_back();
  return base;
}

}  // namespace

FhirClient::FhirClient(HttpClient& http, const std::string& base_url, FhirOptions options)
    : http_(http),
      options_(options),
      reader_(std::make_unique<BundleReader>(options.max_depth)),
      before_(http.traffic()) {
  const auto url = Url::parse(base_url);
  base_url_ = base_of(url);
  origin_ = url.origin();
}

FhirClient::~FhirClient() = default;

Traffic FhirClient::traffic() const { return http_.traffic() - before_; }

HttpRequest FhirClient::search_request(std::string_view type, const std::string& form, bool post) const {
  HttpRequest request{.headers = {std::string(kAccept), "Cache-Control: no-cache"}, .explain = explain_outcome};
  if (options_.strict) request.headers.emplace_back("Prefer: handling=strict");
  if (post) {
    request.method = HttpRequest::Method::post;
    request.url = fmt::format("{}/{}/_search", base_url_, type);
    request.content_type = "application/x-www-form-urlencoded";
    request.body = form;
  } else {
    request.url = fmt::format("{}/{}?{}", base_url_, type, form);
  }
  return request;
}

SearchPage FhirClient::search(std::string_view type, const Parameters& parameters) {
  const auto form = encode(type, parameters);
  const bool post = base_url_.size() + type.size() + form.size() + 2 > options_.max_url_bytes;
  auto request = search_request(type, form, post);
  auto response = http_.send(request, stop_);
  if (response.status == 414 && !post) {
    request = search_request(type, form, true);
    response = http_.send(request, stop_);
  }
  require_success(request, response);
  return read_page(request, std::move(response));
}

SearchPage FhirClient::follow(std::string_view next) {
  const auto url = Url::parse(next);
  if (url.origin() != origin_) {
    throw Error(
        ErrorCode::source_refused,
        fmt::format("the server's next link leads to {}, but the source is {}", url.origin(), origin_),
        "If both are the same server, set WELLHEAD_SOURCE_URL to the address that the server itself gives, or set "
        "the server's own base URL");
  }
  const HttpRequest request{.url = url.text(), .headers = {std::string(kAccept)}, .explain = explain_outcome};
  auto response = http_.send(request, stop_);
  if (response.status == 404 || response.status == 410) {
    throw Error(ErrorCode::source_page_expired, status_error(request, response).message(),
                "The search can be started again");
  }
  require_success(request, response);
  return read_page(request, std::move(response));
}

SearchPage FhirClient::read_page(const HttpRequest& request, HttpResponse response) {
  const auto url = std::move(response.url);
  auto page = reader_->read(std::move(response.body), described(request), response.delimited);
  if (page.next) page.next = Url::parse(url).resolve(*page.next).text();
  return page;
}

std::optional<std::int64_t> FhirClient::count(std::string_view type, Parameters parameters) {
  parameters.emplace_back("_summary", "count");
  return search(type, parameters).total;
}

std::string FhirClient::describe_server() {
  const HttpRequest request{
      .url = base_url_ + "/metadata", .headers = {std::string(kAccept)}, .explain = explain_outcome};
  const auto response = http_.send(request, stop_);
  require_success(request, response);
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  const auto text = [&root](std::string_view pointer) {
    std::string_view found;
    return root.at_pointer(pointer).get(found) == simdjson::SUCCESS ? one_line(found, 80) : std::string();
  };
  if (parser.parse(response.body).get(root) != simdjson::SUCCESS || text("/resourceType") != "CapabilityStatement") {
    throw Error(
        ErrorCode::source_not_fhir,
        fmt::format("{} answered with no CapabilityStatement: {}", described(request), explain_outcome(response)),
        "Check that WELLHEAD_SOURCE_URL is the base URL of a FHIR server, often ending in /fhir or /r4");
  }
  const auto name = text("/software/name");
  return one_line(fmt::format("{} {}, FHIR {}", name.empty() ? "FHIR server" : name, text("/software/version"),
                              text("/fhirVersion")),
                  200);
}

}  // namespace wellhead::webclient
