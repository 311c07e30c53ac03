// The patient table: what each column takes from a Patient resource.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "library/converter/testing/conversion.h"
#include "service/patient/patient.h"

namespace wellhead::patient {
namespace {

using converter::testing::Conversion;
using converter::testing::ConversionRunner;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Conversion convert(std::string_view fields) {
  static ConversionRunner run({patient_view_json()});
  return run(R"({"resourceType": "Patient", "id": "p1")" + (fields.empty() ? "" : ", " + std::string(fields)) + "}");
}

TEST(PatientView, DeclaresKeyAndFilters) {
  const auto view = converter::View::parse(patient_view_json());
  EXPECT_EQ(view.name(), "patient");
  EXPECT_EQ(view.resource(), "Patient");
  std::string filters;
  for (const converter::Column& column : view.columns()) {
    EXPECT_FALSE(column.description.empty()) << column.name;
    if (column.filter == converter::FilterKind::exact) filters += column.name + "= ";
    if (column.filter == converter::FilterKind::prefix) filters += column.name + "* ";
    EXPECT_EQ(column.key == converter::KeyKind::primary, column.name == "id");
  }
  EXPECT_EQ(filters, "id= family* given* birth_date= postal_code= ");
}

TEST(PatientView, OfAnEmptyPatientAllButTheIdIsNull) {
  const Conversion patient = convert("");
  for (const auto& [name, value] : patient.row()) {
    if (name == "id" || name == "digest") {
      EXPECT_TRUE(value.has_value()) << name;
    } else {
      EXPECT_FALSE(value.has_value()) << name;
    }
  }
}

TEST(PatientView, TakesTheResourcesOwnData) {
  const Conversion patient = convert(R"("meta": {"versionId": "3", "lastUpdated": "2026-01-02T03:04:05.678+01:00"},
    "active": true, "gender": "female", "birthDate": "1980-05-17",
    "maritalStatus": {"coding": [{"code": "M", "display": "Married"}], "text": "married"},
    "identifier": [{"value": "no"}, {"system": "urn:mrn", "value": "42",
      "type": {"coding": [{"code": "XX"}, {"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MR"}]}}],
    "communication": [{"language": {"coding": [{"code": "es"}]}}, {"language": {"coding": [{"code": "en"}]}, "preferred": true}])");
  EXPECT_EQ(patient["version_id"], "3");
  EXPECT_EQ(patient["last_updated"], "2026-01-02T03:04:05.678+01:00");
  EXPECT_EQ(patient["active"], "true");
  EXPECT_EQ(patient["gender"], "female");
  EXPECT_EQ(patient["birth_date"], "1980-05-17");
  EXPECT_EQ(patient["marital_status"], "M");
  EXPECT_EQ(patient["marital_status_display"], "Married");
  EXPECT_EQ(patient["mrn"], "42");
  EXPECT_EQ(patient["mrn_system"], "urn:mrn");
  EXPECT_EQ(patient["language"], "en");
}

TEST(PatientView, ChoosesTheOfficialNameThenTheUsualThenOneThatIsNotOld) {
  EXPECT_EQ(convert(R"("name": [{"use": "usual", "family": "A"}, {"use": "official", "family": "B"}])")["family"], "B");
  EXPECT_EQ(convert(R"("name": [{"family": "A"}, {"use": "usual", "family": "B"}])")["family"], "B");
  EXPECT_EQ(
      convert(
          R"("name": [{"use": "official", "family": "A", "period": {"end": "2001"}}, {"use": "usual", "family": "B"}])")
          ["family"],
      "B");
  EXPECT_EQ(convert(R"("name": [{"use": "old", "family": "A"}, {"family": "B"}])")["family"], "B");
  EXPECT_EQ(convert(R"("name": [{"use": "old", "family": "A"}, {"use": "old", "family": "B"}])")["family"], "A");
}

TEST(PatientView, PutsNamesTogether) {
  const Conversion patient = convert(
      R"("name": [{"family": "Ní Bhriain", "given": ["Áine", "Máire"], "prefix": ["Dr."], "suffix": ["PhD", "Jr."]}])");
  EXPECT_EQ(patient["given"], "Áine Máire");
  EXPECT_EQ(patient["prefix"], "Dr.");
  EXPECT_EQ(patient["suffix"], "PhD Jr.");
  EXPECT_EQ(patient["display_name"], "Dr. Áine Máire Ní Bhriain PhD Jr.");
  EXPECT_EQ(convert(R"("name": [{"text": "Bo", "family": "Peep"}])")["display_name"], "Bo");
  EXPECT_EQ(convert(R"("name": [{"use": "official"}])")["display_name"], "NULL");
  EXPECT_EQ(convert(R"("name": [{"given": [null, "A"], "_given": [{}, null]}])")["given"], "A");
}

TEST(PatientView, KeepsPartialBirthDates) {
  const Conversion year = convert(R"("birthDate": "1980")");
  EXPECT_EQ(year["birth_date"], "1980-01-01");
  EXPECT_EQ(year["birth_date_text"], "1980");
  EXPECT_EQ(year["birth_date_precision"], "year");
  EXPECT_EQ(convert(R"("birthDate": "1980-05")")["birth_date"], "1980-05-01");
  EXPECT_EQ(convert(R"("birthDate": "2999-01-01")")["birth_date"], "2999-01-01");
  EXPECT_EQ(convert(R"("_birthDate": {"extension": [{"url": "x", "valueCode": "unknown"}]})")["birth_date"], "NULL");
}

TEST(PatientView, KnowsTheDead) {
  EXPECT_EQ(convert(R"("deceasedBoolean": false)")["deceased"], "false");
  EXPECT_EQ(convert(R"("deceasedBoolean": true)")["deceased"], "true");
  const Conversion dead = convert(R"("deceasedDateTime": "2020-03")");
  EXPECT_EQ(dead["deceased"], "true");
  EXPECT_EQ(dead["deceased_at"], "2020-03-01T00:00:00Z");
  EXPECT_EQ(dead["deceased_at_text"], "2020-03");
  EXPECT_EQ(dead["deceased_at_precision"], "month");
}

TEST(PatientView, ReadsUsCoreRaceAndEthnicity) {
  constexpr std::string_view core = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-";
  const Conversion patient = convert(R"("extension": [
    {"url": ")" + std::string(core) +
                                     R"(race", "extension": [
      {"url": "ombCategory", "valueCoding": {"code": "2106-3", "display": "White"}},
      {"url": "ombCategory", "valueCoding": {"code": "2054-5", "display": "Black"}}, {"url": "text", "valueString": "Mixed"}]},
    {"url": ")" + std::string(core) +
                                     R"(ethnicity", "extension": [
      {"url": "ombCategory", "valueCoding": {"code": "2135-2", "display": "Hispanic or Latino"}}]}])");
  EXPECT_EQ(patient["race"], "Mixed");
  EXPECT_EQ(patient["race_code"], "2106-3");
  EXPECT_EQ(patient["ethnicity"], "Hispanic or Latino");
  EXPECT_EQ(patient["ethnicity_code"], "2135-2");
}

TEST(PatientView, ChoosesCurrentPhoneAndEmail) {
  const Conversion patient =
      convert(R"("telecom": [{"system": "phone", "value": "1", "use": "old"}, {"system": "phone", "value": "2"},
    {"system": "email", "value": "a@x", "period": {"end": "2001"}}])");
  EXPECT_EQ(patient["phone"], "2");
  EXPECT_EQ(patient["email"], "a@x");
}

std::string city(std::string_view addresses) {
  return convert(R"("address": [)" + std::string(addresses) + "]")["city"];
}

TEST(PatientView, ChoosesTheCurrentHomeAddressThenTheFirstThatIsNotOldThenTheFirst) {
  EXPECT_EQ(city(R"({"use": "work", "city": "A"}, {"use": "home", "city": "B"})"), "B");
  EXPECT_EQ(city(R"({"use": "work", "city": "A"}, {"use": "home", "city": "B", "period": {"end": "2001"}})"), "A");
  EXPECT_EQ(
      city(
          R"({"use": "home", "city": "A", "period": {"end": "2001"}}, {"use": "home", "city": "B", "period": {"start": "2001"}})"),
      "B");
  EXPECT_EQ(city(R"({"use": "old", "city": "A"}, {"city": "B"})"), "B");
  EXPECT_EQ(city(R"({"use": "old", "city": "A"}, {"use": "old", "city": "B"})"), "A");
  const Conversion patient = convert(R"("address": [{"line": ["1 Main St", "Apt 2"], "city": "Cambridge", "state": "MA",
    "postalCode": "02139-1234", "country": "US"}])");
  EXPECT_EQ(patient["address_line"], "1 Main St, Apt 2");
  EXPECT_EQ(patient["state"], "MA");
  EXPECT_EQ(patient["postal_code"], "02139-1234");
  EXPECT_EQ(patient["country"], "US");
}

TEST(PatientView, RejectsWhatCannotBecomeARow) {
  ConversionRunner run({patient_view_json()});
  EXPECT_THAT(run(R"({"resourceType": "Patient"})").rejected, StartsWith("column id: required"));
  EXPECT_THAT(run(R"({"resourceType": "Patient", "id": "a_b"})").rejected, StartsWith("column id: not an id"));
  EXPECT_THAT(run(R"({"resourceType": "Observation", "id": "a"})").rejected, HasSubstr("resourceType"));
  EXPECT_THAT(convert(R"("birthDate": "1980-02-30")").rejected, StartsWith("column birth_date: not a date"));
  EXPECT_THAT(convert(R"("birthDate": "1980-13")").rejected, StartsWith("column birth_date: not a date"));
  EXPECT_THAT(convert(R"("birthDate": 1980)").rejected, StartsWith("column birth_date: not a string"));
  EXPECT_THAT(convert(R"("active": "true")").rejected, StartsWith("column active: not true or false"));
  EXPECT_THAT(convert(R"("name": [{"family": "A\u0000"}])").rejected,
              StartsWith("column family: a string holds an escape"));
  EXPECT_THAT(convert(R"("name": "Bob")").rejected, HasSubstr("plain value where an object is expected"));
  EXPECT_THAT(convert(R"("address": [{"city": ["a", "b"]}])").rejected, StartsWith("column city: more than one value"));
  EXPECT_THAT(convert(R"("name": [{"family": "Secret", "given": [5]}])").rejected, ::testing::Not(HasSubstr("Secret")));
}

TEST(PatientView, ConvertsSyntheaPatients) {
  ConversionRunner run({patient_view_json()});
  std::ifstream in(WELLHEAD_SOURCE_DIR "/library/converter/testdata/patient.ndjson");
  int count = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const Conversion patient = run(line);
    EXPECT_EQ(patient.rejected, "");
    EXPECT_THAT(patient["postal_code"], StartsWith("02"));
    EXPECT_THAT(patient["race_code"], HasSubstr("-"));
  }
  EXPECT_EQ(count, 20);
}

}  // namespace
}  // namespace wellhead::patient
