// Which of a patient's addresses puts the patient into a zip code.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <string_view>

#include "library/meta/ids.h"

namespace wellhead::patient {

struct AddressMatch {
  int index = 0;            // in Patient.address, from 0
  std::string postal_code;  // as the resource has it
};

// What can be told of a Patient before it is converted. Reads only `id` and `address`.
struct PatientHead {
  std::string id;                       // empty when there is none
  std::optional<AddressMatch> address;  // the first matching address that is not `old`, else the first matching one
};

// nullopt: not a JSON object. resource: readable for 64 bytes past its end. Thread-safe.
std::optional<PatientHead> read_head(std::string_view resource, const meta::Zipcode& zipcode);

}  // namespace wellhead::patient
