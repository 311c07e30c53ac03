#include "service/patient/routes.h"

#include "library/converter/view.h"
#include "service/patient/patient.h"

namespace wellhead::patient {
namespace {

constexpr const char* kExample = R"json({
  "id": "f2b7c6d0-3c0e-4a51-9d6b-0e7a5f1c2d34",
  "version_id": "2",
  "last_updated": "2026-01-30T08:15:00Z",
  "active": true,
  "mrn": "MRN-000123",
  "family": "Example",
  "given": "Ann Marie",
  "display_name": "Ann Marie Example",
  "gender": "female",
  "birth_date": "1980-05-01",
  "birth_date_text": "1980-05",
  "birth_date_precision": "month",
  "deceased": false,
  "address_line": "1 Example Street",
  "city": "Cambridge",
  "state": "MA",
  "postal_code": "02139",
  "country": "US",
  "run_id": 7,
  "last_seen_run": 9,
  "loaded_at": "2026-01-31T10:42:05.123456Z"
})json";

}  // namespace

resource::ResourceApi patient_api() {
  resource::ResourceApi api;
  api.table = resource::ApiTable::of(converter::View::parse(patient_view_json()));
  api.name = "patient";
  api.path = "/patients";
  api.tag = "Patients";
  api.patient_column = "id";
  api.filter_notes = {
      {"family", "last_name", "Family name.", "Exam"},
      {"given", "first_name", "Given names.", "ann"},
      {"birth_date", "", "", "ge1980-01-01"},
      {"gender", "", "", "female"},
      {"postal_code", "", "Postal code of the address shown; see zipcode for whom a zip code has.", "02139"}};
  api.filter_by_zipcode = true;
  api.example = kExample;
  return api;
}

}  // namespace wellhead::patient
