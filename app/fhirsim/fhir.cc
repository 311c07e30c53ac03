#include "app/fhirsim/fhir.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "app/fhirsim/metadata.h"
#include "app/fhirsim/mixing.h"
#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

constexpr std::string_view kRoot = "/fhir";
constexpr std::size_t kTargetLimit = 8192;  // Jetty's limits, behind which HAPI stands
constexpr std::size_t kFormLimit = 200'000;

std::string base_url(const Request& request) { return fmt::format("http://{}{}", request.host, kRoot); }

std::string_view parameter(const Parameters& parameters, std::string_view name) {
  const auto found =
      std::ranges::find(parameters, name, [](const auto& entry) { return std::string_view(entry.first); });
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::size_t number(std::string_view text, std::size_t otherwise) {
  std::from_chars(text.data(), text.data() + text.size(), otherwise);
  return otherwise;
}

}  // namespace

FhirInteractions::FhirInteractions(Store& store, Faults& faults, Options options)
    : store_(store), faults_(faults), options_(options), pages_(options.pages) {}

void FhirInteractions::answer(const Request& request, FaultSubject& subject, Reply& reply) {
  if (request.target.size() > kTargetLimit) return reply.html(414, "Error 414 URI Too Long");
  std::string_view path = request.path().substr(kRoot.size());
  while (path.starts_with('/')) path.remove_prefix(1);
  const bool get = request.method == "GET";
  if (!get && request.method != "POST")
    return reply.outcome(405, "not-supported", "fhirsim is changed under /admin only");

  if (path.empty()) {
    const Parameters parameters = parse_parameters(get ? request.query() : request.body);
    if (!parameter(parameters, "_getpages").empty()) return next_page(request, parameters, subject, reply);
    return reply.outcome(400, "processing", "HAPI-0302: This is the base URL of a FHIR server");
  }
  if (path == "metadata") return metadata(request, reply);

  const auto slash = std::min(path.find('/'), path.size());
  const auto type = resource_type_from_string(path.substr(0, slash));
  if (!type) {
    return reply.outcome(404, "processing",
                         fmt::format("HAPI-0302: Unknown resource type '{}' - Server knows how to handle: [{}]",
                                     path.substr(0, slash), fmt::join(resource_type_names(), ", ")));
  }
  const auto rest = path.substr(std::min(slash + 1, path.size()));
  if (get && rest.empty()) return search(*type, request, request.query(), subject, reply);
  if (get && !rest.contains('/') && !rest.starts_with('_')) return read(*type, rest, request, reply);
  if (!get && rest == "_search") {
    if (request.body.size() > kFormLimit) return reply.html(500, "Error 500 Form is larger than max length 200000");
    std::string encoded(request.query());
    if (!encoded.empty() && !request.body.empty()) encoded += '&';
    encoded += request.body;
    return search(*type, request, encoded, subject, reply);
  }
  reply.outcome(404, "not-supported", "fhirsim does not know this interaction");
}

void FhirInteractions::metadata(const Request& request, Reply& reply) const {
  reply.body.assign(capability_statement(base_url(request)));
}

void FhirInteractions::read(ResourceType type, std::string_view id, const Request& request, Reply& reply) {
  const auto [presence, ref] = store_.find(type, id);
  if (presence == Store::Presence::absent) {
    return reply.outcome(404, "processing", fmt::format("HAPI-2001: Resource {}/{} is not known", to_string(type), id));
  }
  if (presence == Store::Presence::deleted) {
    return reply.outcome(410, "processing",
                         fmt::format("Resource was deleted at {}", instant_text(store_.last_updated(ref))));
  }
  const std::string tag = fmt::format("W/\"{}\"", store_.version(ref));
  reply.header("ETag", tag);
  reply.header("Last-Modified", http_date(store_.last_updated(ref)));
  if (request.if_none_match == tag) {
    reply.status = 304;
    return;
  }
  store_.render(ref, reply.body);
  reply.resources = 1;
}

void FhirInteractions::search(ResourceType type, const Request& request, std::string_view encoded,
                              FaultSubject& subject, Reply& reply) {
  Search search;
  try {
    search = parse_search(type, parse_parameters(encoded), request.prefer.contains("handling=lenient"));
  } catch (const meta::Error& error) {
    return reply.outcome(400, "processing", error.message());
  }
  const std::string self =
      fmt::format("{}/{}{}{}", base_url(request), to_string(type), encoded.empty() ? "" : "?", encoded);
  std::shared_ptr<SearchResult> result;
  if (!request.cache_control.contains("no-cache")) result = pages_.reusable(search.key);
  if (result) {
    reply.header("X-Cache", fmt::format("HIT from {}", base_url(request)));
  } else {
    SearchResult fresh{.self = self, .type = type, .refs = run_search(store_, search)};
    shorten(search, fresh.refs, subject);
    result = pages_.keep(search.key, std::move(fresh));
  }
  result->accurate_total = search.accurate_total;
  if (search.only_total) return write_total_only(result->refs.size(), self, subject, reply);
  const std::size_t count = std::min(search.count.value_or(options_.page_default), options_.page_max);
  write_page({.result = result, .offset = 0, .count = count, .base_url = base_url(request), .self = self}, subject,
             reply);
}

// The fault `short_list`: which observations go missing follows from themselves, so asking again does not bring them.
void FhirInteractions::shorten(const Search& search, std::vector<Ref>& refs, FaultSubject& subject) {
  if (faults_.empty()) return;
  const auto longest = std::ranges::max_element(search.patients, {}, &Search::Values::size);
  if (longest == search.patients.end()) return;
  FaultRule* rule = faults_.find("short_list", subject);
  if (rule == nullptr || static_cast<std::int64_t>(longest->size()) <= rule->above || !faults_.apply(*rule, subject))
    return;
  std::erase_if(refs, [&](Ref ref) { return static_cast<double>(mix(ref.value) >> 11) * 0x1p-53 < rule->fraction; });
}

void FhirInteractions::next_page(const Request& request, const Parameters& parameters, FaultSubject& subject,
                                 Reply& reply) {
  const std::string id(parameter(parameters, "_getpages"));
  auto result = pages_.find(id);
  if (result && !faults_.empty()) {
    FaultRule* rule = faults_.find("expire_pages", subject);
    const auto age = std::chrono::steady_clock::now() - result->made;
    const bool due = rule != nullptr && ((rule->uses >= 0 && result->uses >= rule->uses) ||
                                         (rule->ms >= 0 && age >= std::chrono::milliseconds(rule->ms)));
    if (due && faults_.apply(*rule, subject)) {
      pages_.expire(id);
      result = nullptr;
    }
  }
  if (!result) {
    return reply.outcome(410, "processing",
                         fmt::format("HAPI-0417: Search ID \"{}\" does not exist and may have expired", id));
  }
  ++result->uses;
  const std::size_t count = number(parameter(parameters, "_count"), options_.page_default);
  const std::size_t offset = number(parameter(parameters, "_getpagesoffset"), 0);
  write_page({.result = result,
              .offset = std::min(offset, result->refs.size()),
              .count = std::clamp<std::size_t>(count, 1, options_.page_max),
              .base_url = base_url(request),
              .self = fmt::format("http://{}{}", request.host, request.target)},
             subject, reply);
}

}  // namespace wellhead::fhirsim
