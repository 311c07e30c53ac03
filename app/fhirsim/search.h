// FHIR searches: what their parameters mean, and which resources they find.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/fhirsim/message.h"
#include "app/fhirsim/resource_text.h"
#include "app/fhirsim/store.h"

namespace wellhead::fhirsim {

struct Search {
  using Values = std::vector<std::string>;  // any of them
  struct PostalCode {
    Values values;
    bool exact = false;
  };
  struct LastUpdated {
    std::string prefix;
    Period period;
  };

  ResourceType type = ResourceType::patient;
  // Each of these must hold.
  std::vector<PostalCode> postal_codes;
  std::vector<Values> ids;
  std::vector<Values> patients;
  std::vector<LastUpdated> last_updated;

  std::optional<std::size_t> count;
  bool only_total = false;      // _summary=count or _count=0
  bool accurate_total = false;  // _total=accurate
  std::string key;              // equal for searches that find the same
};

// Throws meta::Error{invalid_input} for a parameter that is unknown (unless lenient) or malformed. A parameter without
// a value is ignored, so that everything is found: HAPI does the same.
Search parse_search(ResourceType type, const Parameters& parameters, bool lenient);

std::vector<Ref> run_search(const Store& store, const Search& search);

}  // namespace wellhead::fhirsim
