// The observation tables: what each column takes from an Observation resource.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "library/converter/testing/conversion.h"
#include "service/observation/observation.h"

namespace wellhead::observation {
namespace {

using converter::testing::Conversion;
using converter::testing::ConversionRunner;
using ::testing::HasSubstr;
using ::testing::StartsWith;

ConversionRunner& runner() {
  static ConversionRunner run({observation_view_json(), observation_component_view_json()}, "https://fhir.example/r4");
  return run;
}

Conversion with_subject(std::string_view subject) {
  return runner()(R"({"resourceType": "Observation", "id": "o1", "subject": )" + std::string(subject) + "}");
}

Conversion convert(std::string_view fields) {
  return runner()(R"({"resourceType": "Observation", "id": "o1", "subject": {"reference": "Patient/p1"}, )" +
                  std::string(fields) + "}");
}

TEST(ObservationView, DeclaresKeysAndFilters) {
  const auto view = converter::View::parse(observation_view_json());
  std::string filters;
  for (const converter::Column& column : view.columns()) {
    EXPECT_FALSE(column.description.empty()) << column.name;
    if (column.filter == converter::FilterKind::exact) filters += column.name + " ";
    EXPECT_EQ(column.key == converter::KeyKind::primary, column.name == "id");
  }
  EXPECT_EQ(filters, "id patient_id code effective_start ");
  const auto components = converter::View::parse(observation_component_view_json());
  EXPECT_EQ(components.columns()[0].name, "observation_id");
  EXPECT_EQ(components.columns()[0].key, converter::KeyKind::parent);
  for (const converter::Column& column : components.columns()) EXPECT_FALSE(column.description.empty()) << column.name;
}

TEST(ObservationView, TakesTheResourcesOwnData) {
  const Conversion observation =
      convert(R"("meta": {"versionId": "1", "lastUpdated": "2026-01-02T03:04:05Z"}, "status": "amended",
    "encounter": {"reference": "https://fhir.example/r4/Encounter/e1"}, "issued": "2026-01-02T03:04:05.123456789+14:00",
    "category": [{"text": "no code"}, {"coding": [{"code": "laboratory"}, {"code": "x"}]}],
    "interpretation": [{"coding": [{"code": "H"}]}], "bodySite": {"coding": [{"code": "368209003", "display": "Right arm"}]},
    "method": {"text": "By hand"}, "dataAbsentReason": {"coding": [{"code": "masked"}]})");
  EXPECT_EQ(observation["id"], "o1");
  EXPECT_EQ(observation["patient_id"], "p1");
  EXPECT_EQ(observation["encounter_id"], "e1");
  EXPECT_EQ(observation["version_id"], "1");
  EXPECT_EQ(observation["status"], "amended");
  EXPECT_EQ(observation["issued"], "2026-01-02T03:04:05.123456789+14:00");
  EXPECT_EQ(observation["category"], "laboratory");
  EXPECT_EQ(observation["interpretation"], "H");
  EXPECT_EQ(observation["body_site"], "368209003");
  EXPECT_EQ(observation["body_site_display"], "Right arm");
  EXPECT_EQ(observation["method"], "NULL");
  EXPECT_EQ(observation["method_display"], "By hand");
  EXPECT_EQ(observation["data_absent_reason"], "masked");
}

TEST(ObservationView, ChoosesTheFirstLoincCodingElseTheFirst) {
  const Conversion loinc =
      convert(R"("code": {"text": "Temp", "coding": [{"system": "http://snomed.info/sct", "code": "386725007"},
    {"system": "http://loinc.org", "code": "8310-5", "display": "Body temperature"}, {"system": "http://loinc.org", "code": "8331-1"}]})");
  EXPECT_EQ(loinc["code_system"], "http://loinc.org");
  EXPECT_EQ(loinc["code"], "8310-5");
  EXPECT_EQ(loinc["code_display"], "Body temperature");
  EXPECT_EQ(loinc["code_text"], "Temp");
  EXPECT_EQ(convert(R"("code": {"coding": [{"code": "a"}, {"system": "urn:x", "code": "b"}]})")["code"], "a");
  const Conversion text = convert(R"("code": {"text": "Something"})");
  EXPECT_EQ(text["code"], "NULL");
  EXPECT_EQ(text["code_text"], "Something");
}

TEST(ObservationView, KnowsWhenItWas) {
  const Conversion at = convert(R"("effectiveDateTime": "2016-12-31T23:59:60Z")");
  EXPECT_EQ(at["effective_start"], "2016-12-31T23:59:60Z");
  EXPECT_EQ(at["effective_start_precision"], "second");
  EXPECT_EQ(at["effective_end"], "NULL");
  const Conversion partial = convert(R"("effectiveDateTime": "2016-02")");
  EXPECT_EQ(partial["effective_start"], "2016-02-01T00:00:00Z");
  EXPECT_EQ(partial["effective_start_text"], "2016-02");
  EXPECT_EQ(convert(R"("effectiveInstant": "2016-02-01T10:00:00Z")")["effective_start"], "2016-02-01T10:00:00Z");
  EXPECT_EQ(convert(R"("effectiveTiming": {"event": ["2016-02-01", "2017"]})")["effective_start"],
            "2016-02-01T00:00:00Z");
  const Conversion period = convert(R"("effectivePeriod": {"start": "2018", "end": "2016-02"})");  // reversed
  EXPECT_EQ(period["effective_start"], "2018-01-01T00:00:00Z");
  EXPECT_EQ(period["effective_end"], "2016-02-29T23:59:59.999999Z");
  EXPECT_EQ(period["effective_end_text"], "2016-02");
  EXPECT_EQ(period["effective_end_precision"], "month");
}

TEST(ObservationView, WritesQuantities) {
  const Conversion ucum = convert(
      R"("valueQuantity": {"value": 7.40, "comparator": "<", "unit": "mmol/L", "system": "http://unitsofmeasure.org", "code": "mmol/L"})");
  EXPECT_EQ(ucum["value_number"], "7.40");
  EXPECT_EQ(ucum["value_comparator"], "<");
  EXPECT_EQ(ucum["value_unit"], "mmol/L");
  EXPECT_EQ(ucum["value_code"], "mmol/L");
  const Conversion other = convert(
      R"("valueQuantity": {"value": 12345678901234567890123456789012345678901234567890, "system": "urn:units", "code": "x"})");
  EXPECT_EQ(other["value_number"], "12345678901234567890123456789012345678901234567890");
  EXPECT_EQ(other["value_code"], "NULL");
}

TEST(ObservationView, WritesTheOtherValues) {
  EXPECT_EQ(convert(R"("valueString": "a, \"b\"\nc")")["value_text"], "a, \"b\"\nc");
  EXPECT_EQ(convert(R"("valueString": "")")["value_text"], "");
  const Conversion coded = convert(
      R"("valueCodeableConcept": {"coding": [{"system": "http://snomed.info/sct", "code": "1", "display": "One"}], "text": "x"})");
  EXPECT_EQ(coded["value_coded_system"], "http://snomed.info/sct");
  EXPECT_EQ(coded["value_coded"], "1");
  EXPECT_EQ(coded["value_coded_display"], "One");
  EXPECT_EQ(convert(R"("valueCodeableConcept": {"text": "Only words"})")["value_coded_display"], "Only words");
  EXPECT_EQ(convert(R"("valueBoolean": false)")["value_boolean"], "false");
  EXPECT_EQ(convert(R"("valueInteger": -3)")["value_integer"], "-3");
  EXPECT_EQ(convert(R"("valueTime": "10:11:12")")["value_time"], "10:11:12");
  const Conversion date = convert(R"("valueDateTime": "2019-05")");
  EXPECT_EQ(date["value_date_time"], "2019-05-01T00:00:00Z");
  EXPECT_EQ(date["value_date_time_text"], "2019-05");
  EXPECT_EQ(date["value_date_time_precision"], "month");
  EXPECT_EQ(convert(R"("valuePeriod": {"start": "2019-05"})")["value_period"], "2019-05/");
  EXPECT_EQ(convert(R"("valueRange": {"low": {"value": 1.50, "unit": "mg"}, "high": {"value": 2}})")["value_range"],
            "1.50 mg - 2");
  EXPECT_EQ(convert(R"("valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}})")["value_ratio"],
            "1 : 128");
}

TEST(ObservationView, TakesTheFirstReferenceRange) {
  const Conversion observation = convert(
      R"("referenceRange": [{"low": {"value": 3.0}, "high": {"value": 4.50}, "text": "3 to 4.5"}, {"low": {"value": 9}}])");
  EXPECT_EQ(observation["reference_low"], "3.0");
  EXPECT_EQ(observation["reference_high"], "4.50");
  EXPECT_EQ(observation["reference_text"], "3 to 4.5");
}

TEST(ObservationView, GivesComponentsRowsOfTheirOwn) {
  const Conversion observation = convert(R"("component": [
    {"code": {"coding": [{"system": "http://loinc.org", "code": "8480-6", "display": "Systolic"}]}, "valueQuantity": {"value": 120, "unit": "mmHg"}},
    {"code": {"text": "Diastolic"}, "dataAbsentReason": {"text": "not done"}, "referenceRange": [{"text": "60 to 80"}]}])");
  ASSERT_EQ(observation.views[1].size(), 2U);
  const auto& systolic = observation.views[1][0];
  EXPECT_EQ(systolic.at("observation_id"), "o1");
  EXPECT_EQ(systolic.at("component_index"), "0");
  EXPECT_EQ(systolic.at("code"), "8480-6");
  EXPECT_EQ(systolic.at("value_number"), "120");
  const auto& diastolic = observation.views[1][1];
  EXPECT_EQ(diastolic.at("component_index"), "1");
  EXPECT_EQ(diastolic.at("code_text"), "Diastolic");
  EXPECT_EQ(diastolic.at("data_absent_reason"), "not done");
  EXPECT_EQ(diastolic.at("reference_text"), "60 to 80");
  EXPECT_EQ(convert(R"("status": "final")").views[1].size(), 0U);
}

TEST(ObservationView, TakesSubjectsOnThisServerInEveryForm) {
  for (const char* subject : {"Patient/p1", "Patient/p1/_history/1", "https://fhir.example/r4/Patient/p1",
                              "https://fhir.example/r4/Patient/p1/_history/3"}) {
    EXPECT_EQ(with_subject(R"({"reference": ")" + std::string(subject) + "\"}")["patient_id"], "p1") << subject;
  }
}

TEST(ObservationView, RejectsASubjectThatIsNoPatientOfTheServer) {
  for (const char* subject :
       {R"({"reference": "Group/g1"})", R"({"reference": "#p"})", R"({"identifier": {"value": "7"}})", "{}",
        R"({"reference": "https://elsewhere.example/fhir/Patient/p1"})", R"({"reference": "urn:uuid:1"})"}) {
    EXPECT_THAT(with_subject(subject).rejected, StartsWith("column patient_id: required, but there is no reference"))
        << subject;
    EXPECT_EQ(with_subject(subject).rejected_id, "o1");
  }
  EXPECT_THAT(runner()(R"({"resourceType": "Observation", "id": "o1"})").rejected,
              StartsWith("column patient_id: required"));
}

TEST(ObservationView, RejectsWhatCannotBecomeARow) {
  EXPECT_THAT(convert(R"("effectiveDateTime": "2019-02-30")").rejected,
              StartsWith("column effective_start: not a date"));
  EXPECT_THAT(convert(R"("issued": "2019-02-03T25:00:00Z")").rejected, StartsWith("column issued: not a date"));
  EXPECT_THAT(convert(R"("valueQuantity": {"value": "7.4"})").rejected,
              StartsWith("column value_number: not a number"));
  EXPECT_THAT(convert(R"("valueInteger": 1.5)").rejected, StartsWith("column value_integer: not a whole number"));
  EXPECT_THAT(convert(R"("valueString": "a\u0000")").rejected,
              StartsWith("column value_text: a string holds an escape"));
  EXPECT_THAT(convert(R"("code": "8310-5")").rejected, HasSubstr("plain value where an object is expected"));
  EXPECT_THAT(convert(R"("component": [{"valueBoolean": "no"}])").rejected,
              StartsWith("column value_boolean: not true or false"));
  EXPECT_THAT(runner()("{").rejected, StartsWith("the resource is broken JSON"));
}

TEST(ObservationView, ConvertsSyntheaObservations) {
  std::ifstream in(WELLHEAD_SOURCE_DIR "/library/converter/testdata/observation.ndjson");
  std::size_t count = 0;
  std::size_t components = 0;
  for (std::string line; std::getline(in, line); ++count) {
    const Conversion observation = runner()(line);
    EXPECT_EQ(observation.rejected, "");
    EXPECT_NE(observation["code"], "NULL");
    components += observation.views[1].size();
  }
  EXPECT_EQ(count, 303U);
  EXPECT_GT(components, 100U);
}

}  // namespace
}  // namespace wellhead::observation
