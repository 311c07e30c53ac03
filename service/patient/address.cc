#include "service/patient/address.h"

#include <simdjson.h>

namespace wellhead::patient {
namespace {

static_assert(simdjson::SIMDJSON_PADDING <= 64);

std::string_view text_at(const simdjson::dom::object& object, std::string_view key) {
  std::string_view text;
  return object.at_key(key).get(text) == simdjson::SUCCESS ? text : std::string_view();
}

std::optional<AddressMatch> match(const simdjson::dom::object& patient, const meta::Zipcode& zipcode) {
  simdjson::dom::array addresses;
  if (patient.at_key("address").get(addresses) != simdjson::SUCCESS) return std::nullopt;
  std::optional<AddressMatch> old;
  int index = -1;
  for (const auto element : addresses) {
    ++index;
    simdjson::dom::object address;
    if (element.get(address) != simdjson::SUCCESS) continue;
    const auto postal_code = text_at(address, "postalCode");
    if (!zipcode.matches(postal_code)) continue;
    AddressMatch found{index, std::string(postal_code)};
    if (text_at(address, "use") != "old") return found;
    if (!old) old = std::move(found);
  }
  return old;
}

}  // namespace

std::optional<PatientHead> read_head(std::string_view resource, const meta::Zipcode& zipcode) {
  thread_local simdjson::dom::parser parser;
  simdjson::dom::object patient;
  if (parser.parse(resource.data(), resource.size(), false).get(patient) != simdjson::SUCCESS) return std::nullopt;
  return PatientHead{std::string(text_at(patient, "id")), match(patient, zipcode)};
}

}  // namespace wellhead::patient
