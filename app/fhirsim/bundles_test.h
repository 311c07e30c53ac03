// For the tests of fhirsim: reads its bundles.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace wellhead::fixture {
class FhirSim;
}

namespace wellhead::fhirsim {

struct BundleRead {
  std::vector<std::string> ids;
  std::vector<std::string> full_urls;
  std::optional<std::int64_t> total;
  std::string next;  // path and query on the same server, or the whole URL of another; empty: none
};

// Throws when the text is no searchset Bundle.
BundleRead read_bundle(const fixture::FhirSim& server, std::string_view json);
// GETs a path that must answer 200.
BundleRead get_bundle(const fixture::FhirSim& server, std::string_view path, std::vector<std::string> headers = {});
// The ids of all pages.
std::vector<std::string> all_ids(const fixture::FhirSim& server, std::string path);

// A Patient with one address of each postal code; the last is `use: old` when there is more than one.
std::string patient_json(std::string_view id, const std::vector<std::string>& postal_codes);
std::string observation_json(std::string_view id, std::string_view reference);

}  // namespace wellhead::fhirsim
