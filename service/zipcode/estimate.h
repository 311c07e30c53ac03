// What a load would take, by the server's own counts and a sample of one page.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "library/meta/describe.h"
#include "library/meta/ids.h"
#include "service/zipcode/catalog.h"
#include "service/zipcode/source.h"
#include "service/zipcode/steps.h"

namespace wellhead::zipcode {

// Of one resource type beside the patients.
struct ResourceEstimate {
  std::string resource_type;
  std::int64_t sampled = 0;               // resources of the sampled patients
  std::optional<std::int64_t> resources;  // of all patients, by the sample; nullopt: the server gives no totals

  static constexpr auto kFields = meta::fields(meta::field("resource_type", &ResourceEstimate::resource_type),
                                               meta::field("sampled", &ResourceEstimate::sampled),
                                               meta::field("resources", &ResourceEstimate::resources));
};

struct LoadEstimate {
  std::optional<std::int64_t> patients;  // of the search; nullopt: the server gives no total
  std::int64_t sampled_patients = 0;
  std::vector<ResourceEstimate> resources;  // in the load's order
  std::optional<std::int64_t> requests;
  std::optional<std::int64_t> rows;  // without those of parts, such as components
  std::optional<double> seconds;

  static constexpr auto kFields =
      meta::fields(meta::field("patients", &LoadEstimate::patients),
                   meta::field("sampled_patients", &LoadEstimate::sampled_patients),
                   meta::field("resources", &LoadEstimate::resources), meta::field("requests", &LoadEstimate::requests),
                   meta::field("rows", &LoadEstimate::rows), meta::field("seconds", &LoadEstimate::seconds));
};

// Asks the server; blocks. Throws what searches throw; Error{source_refused} for a type that cannot be searched, as the
// load itself would. options: with the tables that the load is to fill.
LoadEstimate estimate_load(Source& source, const Catalog& catalog, const meta::Zipcode& zipcode,
                           const LoadOptions& options);

}  // namespace wellhead::zipcode
