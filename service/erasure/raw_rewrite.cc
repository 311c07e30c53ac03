#include "service/erasure/raw_rewrite.h"

#include <simdjson.h>

#include <algorithm>

namespace wellhead::erasure {
namespace {

using simdjson::dom::element;

// The id in "Patient/ID", "https://host/fhir/Patient/ID" and either with "/_history/VERSION" behind; empty: another.
std::string_view patient_of_reference(std::string_view reference) {
  constexpr std::string_view type = "Patient/";
  const auto at = reference.rfind(type);
  if (at == std::string_view::npos || (at > 0 && reference[at - 1] != '/')) return {};
  reference.remove_prefix(at + type.size());
  return reference.substr(0, reference.find('/'));
}

bool names_patient(element resource, const char* member, const PatientIds& patients) {
  std::string_view reference;
  if (resource[member]["reference"].get(reference) != simdjson::SUCCESS) return false;
  return patients.contains(std::string(patient_of_reference(reference)));
}

// Most resources do not even contain one of the ids.
bool may_name(std::string_view resource, const PatientIds& patients) {
  constexpr std::size_t few = 8;
  return patients.size() > few || std::ranges::any_of(patients, [&](const std::string& id) {
           return resource.find(id) != std::string_view::npos;
         });
}

}  // namespace

bool is_of_patients(std::string_view resource, const PatientIds& patients) {
  thread_local simdjson::dom::parser parser;
  element root;
  if (parser.parse(resource.data(), resource.size()).get(root) != simdjson::SUCCESS) return true;
  std::string_view type, id;
  if (root["resourceType"].get(type) == simdjson::SUCCESS && type == "Patient") {
    return root["id"].get(id) == simdjson::SUCCESS && patients.contains(std::string(id));
  }
  return std::ranges::any_of(std::to_array({"subject", "patient", "beneficiary"}),
                             [&](const char* member) { return names_patient(root, member, patients); });
}

RewrittenBlob rewrite_without(storage::BlobStore& blobs, const storage::BlobKey& key, std::int32_t frames,
                              const PatientIds& patients) {
  RewrittenBlob rewritten;
  const auto is_theirs = [&](std::string_view resource) {
    return may_name(resource, patients) && is_of_patients(resource, patients);
  };
  // Most blobs have none of theirs: they are not written in vain.
  storage::read_resources(blobs, key, frames, [&](storage::RawPosition, std::string_view resource) {
    if (is_theirs(resource)) ++rewritten.removed;
  });
  if (rewritten.removed == 0) return rewritten;
  storage::RawBlobWriter writer(blobs);
  storage::read_resources(blobs, key, frames, [&](storage::RawPosition position, std::string_view resource) {
    if (!is_theirs(resource)) rewritten.moves.push_back({position, writer.add(resource)});
  });
  if (!rewritten.moves.empty()) rewritten.written = writer.finish();
  return rewritten;
}

}  // namespace wellhead::erasure
