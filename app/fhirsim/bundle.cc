// Searchset bundles: the part of FhirInteractions that writes them.
#include <fmt/format.h>

#include <algorithm>
#include <iterator>

#include "app/fhirsim/damage.h"
#include "app/fhirsim/fhir.h"
#include "app/fhirsim/mixing.h"

namespace wellhead::fhirsim {

void FhirInteractions::write_head(std::string_view id, Buffer& out) const {
  out.append(fmt::format(R"({{"resourceType":"Bundle","id":"{}","meta":{{"lastUpdated":"{}"}},"type":"searchset")", id,
                         instant_text(wall_clock())));
}

void FhirInteractions::write_total(std::size_t total, bool known, FaultSubject& subject, Buffer& out) {
  if (options_.totals == Totals::never || (options_.totals == Totals::hapi && !known)) return;
  auto shown = static_cast<std::int64_t>(total);
  if (const auto* rule = faults_.fire("wrong_total", subject)) shown = std::max<std::int64_t>(0, shown + rule->by);
  out.append(fmt::format(R"(,"total":{})", shown));
}

void FhirInteractions::write_total_only(std::size_t total, const std::string& self, FaultSubject& subject,
                                        Reply& reply) {
  write_head(uuid_text(mix(total), hash_text(self)), reply.body);
  write_total(total, true, subject, reply.body);
  reply.body.append(fmt::format(R"(,"link":[{{"relation":"self","url":{}}}]}})", json_string(self)));
}

void FhirInteractions::write_page(const Page& page, FaultSubject& subject, Reply& reply) {
  const bool last = page.offset + page.count >= page.result->refs.size();
  write_head(page.result->id, reply.body);
  write_total(page.result->refs.size(), last || page.result->accurate_total, subject, reply.body);
  write_links(page, subject, reply.body);
  write_entries(page, subject, reply);
  reply.body.append("}");
}

void FhirInteractions::write_links(const Page& page, FaultSubject& subject, Buffer& out) {
  const auto link = [&](std::string_view base, std::size_t offset) {
    return fmt::format("{}?_getpages={}&_getpagesoffset={}&_count={}&_bundletype=searchset", base, page.result->id,
                       offset, page.count);
  };
  out.append(fmt::format(R"(,"link":[{{"relation":"self","url":{}}})", json_string(page.self)));
  if (page.offset + page.count < page.result->refs.size() && faults_.fire("no_next", subject) == nullptr) {
    std::string next = link(page.base_url, page.offset + page.count);
    if (faults_.fire("self_link", subject) != nullptr) next = link(page.base_url, page.offset);
    if (const auto* rule = faults_.fire("foreign_next", subject)) next = link(rule->url, page.offset + page.count);
    out.append(fmt::format(R"(,{{"relation":"next","url":{}}})", json_string(next)));
  }
  if (page.offset > 0) {
    out.append(fmt::format(R"(,{{"relation":"previous","url":"{}"}})",
                           link(page.base_url, page.offset - std::min(page.offset, page.count))));
  }
  out.append("]");
}

void FhirInteractions::write_entries(const Page& page, FaultSubject& subject, Reply& reply) {
  const auto& refs = page.result->refs;
  std::size_t begin = page.offset;
  const std::size_t end = std::min(begin + page.count, refs.size());
  if (begin > 0) {
    if (const auto* rule = faults_.fire("repeat_entries", subject)) {
      begin -= std::min<std::size_t>(begin, static_cast<std::size_t>(std::max<std::int64_t>(rule->count, 0)));
    }
  }
  FaultRule* malformed = faults_.empty() ? nullptr : faults_.find("malformed", subject);
  bool damaging = false;
  const std::string before = fmt::format("{{\"fullUrl\":\"{}/{}/", page.base_url, to_string(page.result->type));
  Buffer& out = reply.body;
  for (std::size_t place = begin; place < end; ++place) {
    const auto ref = store_.current(refs[place]);
    if (!ref) continue;
    out.append(reply.resources == 0 ? std::string_view(",\"entry\":[") : std::string_view(","));
    out.append(before);
    const std::size_t id_begin = out.size();
    store_.write_id(*ref, out);
    const std::string_view id = out.view(id_begin);
    const bool chosen = malformed != nullptr &&
                        (malformed->id.empty() ? hash_text(id) % static_cast<std::uint64_t>(malformed->every) == 0
                                               : id == malformed->id);
    out.append("\",\"resource\":");
    const std::size_t resource_begin = out.size();
    store_.render(*ref, out);
    if (chosen && (damaging || faults_.apply(*malformed, subject))) {
      damaging = true;
      damage(malformed->what, out, resource_begin);
    }
    out.append(",\"search\":{\"mode\":\"match\"}}");
    ++reply.resources;
  }
  if (reply.resources > 0) out.append("]");
}

}  // namespace wellhead::fhirsim
