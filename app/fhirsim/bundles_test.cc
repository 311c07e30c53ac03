#include "app/fhirsim/bundles_test.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <stdexcept>

#include "tests/fixture/fhirsim.h"

namespace wellhead::fhirsim {

BundleRead read_bundle(const fixture::FhirSim& server, std::string_view json) {
  simdjson::dom::parser parser;
  const simdjson::dom::element document = parser.parse(json);
  if (std::string_view(document["resourceType"]) != "Bundle" || std::string_view(document["type"]) != "searchset") {
    throw std::runtime_error("no searchset Bundle");
  }
  BundleRead bundle;
  if (std::int64_t total = 0; document["total"].get(total) == simdjson::SUCCESS) bundle.total = total;
  for (const auto link : document["link"].get_array()) {
    if (std::string_view(link["relation"]) != "next") continue;
    bundle.next = std::string_view(link["url"]);
    const std::string own = "http://127.0.0.1:" + std::to_string(server.port());
    if (bundle.next.starts_with(own)) bundle.next.erase(0, own.size());
  }
  simdjson::dom::array entries;
  if (document["entry"].get(entries) != simdjson::SUCCESS) return bundle;
  for (const auto entry : entries) {
    bundle.ids.emplace_back(std::string_view(entry["resource"]["id"]));
    bundle.full_urls.emplace_back(std::string_view(entry["fullUrl"]));
  }
  return bundle;
}

BundleRead get_bundle(const fixture::FhirSim& server, std::string_view path, std::vector<std::string> headers) {
  const auto answer = server.request("GET", path, {}, std::move(headers));
  if (answer.status != 200) throw std::runtime_error(fmt::format("{}: {} {}", path, answer.status, answer.body));
  return read_bundle(server, answer.body);
}

std::vector<std::string> all_ids(const fixture::FhirSim& server, std::string path) {
  std::vector<std::string> ids;
  while (!path.empty()) {
    BundleRead bundle = get_bundle(server, path);
    ids.insert(ids.end(), bundle.ids.begin(), bundle.ids.end());
    path = std::move(bundle.next);
  }
  return ids;
}

std::string patient_json(std::string_view id, const std::vector<std::string>& postal_codes) {
  std::string addresses;
  for (const auto& code : postal_codes) {
    const bool old = postal_codes.size() > 1 && &code == &postal_codes.back();
    addresses +=
        fmt::format(R"({}{{"use":"{}","postalCode":"{}"}})", addresses.empty() ? "" : ",", old ? "old" : "home", code);
  }
  return fmt::format(
      R"({{"resourceType":"Patient","id":"{}","name":[{{"family":"Rivera","given":["Ana"]}}],"birthDate":"1980-05-01","address":[{}]}})",
      id, addresses);
}

std::string observation_json(std::string_view id, std::string_view reference) {
  return fmt::format(
      R"({{"resourceType":"Observation","id":"{}","status":"final","code":{{"text":"Body height"}},"subject":{{"reference":"{}"}},"effectiveDateTime":"2020-01-01"}})",
      id, reference);
}

}  // namespace wellhead::fhirsim
