// What the server must know of a resource that it was given as JSON.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/fhirsim/instant.h"

namespace wellhead::fhirsim {

enum class ResourceType : std::uint8_t {
  patient,
  observation,
  encounter,
  condition,
  procedure,
  medication_request,
  immunization,
  allergy_intolerance,
  diagnostic_report,
  care_plan,
};
inline constexpr std::size_t kResourceTypes = 10;
// Those that are kept, in the order of the enumerators.
std::span<const std::string_view> resource_type_names();

std::string_view to_string(ResourceType type);
std::optional<ResourceType> resource_type_from_string(std::string_view name);

struct ResourceFacts {
  ResourceType type = ResourceType::patient;
  std::string id;
  std::optional<std::string> version;
  std::optional<Instant> last_updated;
  std::vector<std::string> postal_codes;  // Patient: of all addresses, former ones too
  std::string patient_id;                 // of others: of a relative reference to a Patient; empty when it is none
  std::size_t meta_begin = 0;             // behind meta's `{`; 0 when the resource has no meta
  bool meta_is_empty = false;
  std::size_t id_end = 0;  // behind the id's closing quote
};

// Throws meta::Error{invalid_input} when this is no resource of these types with an id.
ResourceFacts read_facts(std::string_view json);

// The resource with meta.versionId and meta.lastUpdated, which a server has set, added where they are absent.
std::string with_meta(std::string_view json, const ResourceFacts& facts, std::uint32_t version, Instant last_updated);

}  // namespace wellhead::fhirsim
