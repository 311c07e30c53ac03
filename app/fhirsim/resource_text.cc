#include "app/fhirsim/resource_text.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <array>

#include "library/meta/error.h"

namespace wellhead::fhirsim {
namespace {

namespace ondemand = simdjson::ondemand;

constexpr std::array<std::string_view, kResourceTypes> kNames = {
    "Patient",           "Observation",  "Encounter",          "Condition",        "Procedure",
    "MedicationRequest", "Immunization", "AllergyIntolerance", "DiagnosticReport", "CarePlan"};

[[noreturn]] void refuse(const std::string& what) {
  throw meta::Error(meta::ErrorCode::invalid_input, what,
                    "a line must be one resource of a type that fhirsim keeps, with an id");
}

void read_meta(ondemand::value value, std::string_view whole, ResourceFacts& facts) {
  ondemand::object object = value.get_object();
  const std::string_view raw = object.raw_json();
  facts.meta_begin = static_cast<std::size_t>(raw.data() - whole.data()) + 1;
  object.reset();
  facts.meta_is_empty = true;
  for (auto field : object) {
    facts.meta_is_empty = false;
    const std::string_view key = field.unescaped_key();
    if (key == "versionId") facts.version = std::string(std::string_view(field.value()));
    if (key == "lastUpdated") {
      const auto period = parse_period(std::string_view(field.value()));
      facts.last_updated = period ? period->begin : 0;
    }
  }
}

void read_addresses(ondemand::value value, ResourceFacts& facts) {
  for (auto address : value.get_array()) {
    std::string_view code;
    if (address["postalCode"].get(code) == simdjson::SUCCESS) facts.postal_codes.emplace_back(code);
  }
}

void read_subject(ondemand::value value, ResourceFacts& facts) {
  std::string_view reference;
  constexpr std::string_view prefix = "Patient/";
  if (value["reference"].get(reference) != simdjson::SUCCESS || !reference.starts_with(prefix)) return;
  reference.remove_prefix(prefix.size());
  facts.patient_id = reference.substr(0, reference.find('/'));
}

void read_field(std::string_view key, ondemand::value value, std::string_view whole, ResourceFacts& facts) {
  if (key == "resourceType") {
    const std::string_view name = value.get_string();
    const auto type = resource_type_from_string(name);
    if (!type) refuse("resourceType " + std::string(name) + " is not kept here");
    facts.type = *type;
  } else if (key == "id") {
    const std::string_view token = value.raw_json_token();
    facts.id = std::string_view(value.get_string());
    facts.id_end = static_cast<std::size_t>(token.data() - whole.data()) + token.find_last_of('"') + 1;
  } else if (key == "meta") {
    read_meta(value, whole, facts);
  } else if (key == "address") {
    read_addresses(value, facts);
  } else if (key == "subject" || key == "patient") {
    read_subject(value, facts);
  }
}

}  // namespace

std::span<const std::string_view> resource_type_names() { return kNames; }

std::string_view to_string(ResourceType type) { return kNames.at(static_cast<std::size_t>(type)); }

std::optional<ResourceType> resource_type_from_string(std::string_view name) {
  const auto* const found = std::ranges::find(kNames, name);
  if (found == kNames.end()) return std::nullopt;
  return static_cast<ResourceType>(found - kNames.begin());
}

ResourceFacts read_facts(std::string_view json) {
  static thread_local ondemand::parser parser;
  const simdjson::padded_string padded(json);
  const std::string_view whole(padded.data(), padded.size());
  ResourceFacts facts;
  try {
    ondemand::document document = parser.iterate(padded);
    for (auto field : document.get_object()) read_field(field.unescaped_key(), field.value(), whole, facts);
  } catch (const simdjson::simdjson_error& error) {
    refuse(fmt::format("malformed resource: {}", error.what()));
  }
  if (facts.id.empty()) refuse("a resource has no id");
  return facts;
}

std::string with_meta(std::string_view json, const ResourceFacts& facts, std::uint32_t version, Instant last_updated) {
  std::string added;
  if (!facts.version) added += fmt::format(R"("versionId":"{}",)", version);
  if (!facts.last_updated) added += fmt::format(R"("lastUpdated":"{}",)", instant_text(last_updated));
  if (added.empty()) return std::string(json);
  std::size_t place = facts.meta_begin;
  if (place == 0) {
    added.back() = '}';
    added.insert(0, R"(,"meta":{)");
    place = facts.id_end;
  } else if (facts.meta_is_empty) {
    added.pop_back();
  }
  std::string text(json.substr(0, place));
  text += added;
  text += json.substr(place);
  return text;
}

}  // namespace wellhead::fhirsim
