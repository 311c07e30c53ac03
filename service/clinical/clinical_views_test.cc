// What the built-in views of clinical resources make of resources as servers give them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "library/converter/testing/conversion.h"
#include "service/clinical/clinical.h"

namespace wellhead::clinical {
namespace {

using converter::View;
using converter::testing::Conversion;
using converter::testing::ConversionRunner;

// The resource by the view of that table.
Conversion converted(std::string_view table, std::string_view resource) {
  for (const auto definition : view_definitions()) {
    if (View::parse(definition).name() == table) return ConversionRunner({definition})(resource);
  }
  throw std::runtime_error("no view " + std::string(table));
}

using Expected = std::map<std::string, std::string>;

void expect_row(std::string_view table, std::string_view resource, const Expected& expected) {
  const auto row = converted(table, resource);
  for (const auto& [column, value] : expected) EXPECT_EQ(row[column], value) << table << "." << column;
}

TEST(ClinicalViews, EachIsATableOfPatients) {
  std::vector<std::string> types;
  for (const auto definition : view_definitions()) {
    const auto view = View::parse(definition);
    types.push_back(view.resource());
    EXPECT_FALSE(view.description().empty());
    std::map<std::string, converter::Column> columns;
    for (const auto& column : view.columns()) {
      EXPECT_FALSE(column.description.empty()) << view.name() << "." << column.name;
      columns[column.name] = column;
    }
    EXPECT_EQ(columns.at("id").key, converter::KeyKind::primary);
    EXPECT_EQ(columns.at("last_updated").sql_type, "timestamptz");
    EXPECT_TRUE(columns.at("patient_id").required);
    EXPECT_EQ(columns.at("patient_id").filter, converter::FilterKind::exact);
  }
  EXPECT_THAT(types, testing::UnorderedElementsAre("Encounter", "Condition", "Procedure", "MedicationRequest",
                                                   "Immunization", "AllergyIntolerance", "DiagnosticReport"));
}

TEST(ClinicalViews, Encounter) {
  expect_row("encounter", R"json({
    "resourceType": "Encounter", "id": "e1", "meta": {"versionId": "3", "lastUpdated": "2026-01-02T03:04:05Z"},
    "status": "finished", "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "AMB"},
    "type": [{"coding": [{"system": "urn:x", "code": "other"},
                         {"system": "http://snomed.info/sct", "code": "185345009", "display": "Encounter for symptom"}],
              "text": "Symptom"}],
    "subject": {"reference": "Patient/p1"}, "period": {"start": "2025-05", "end": "2025-05-03"},
    "participant": [{"individual": {"display": "nobody"}}, {"individual": {"reference": "Practitioner/d1"}}],
    "serviceProvider": {"reference": "Organization/o1", "display": "Clinic"}})json",
             {{"id", "e1"},
              {"version_id", "3"},
              {"patient_id", "p1"},
              {"status", "finished"},
              {"class", "AMB"},
              {"type", "185345009"},
              {"type_display", "Encounter for symptom"},
              {"type_text", "Symptom"},
              {"period_start_text", "2025-05"},
              {"period_start_precision", "month"},
              {"period_end_text", "2025-05-03"},
              {"period_end_precision", "day"},
              {"participant_id", "d1"},
              {"service_provider_id", "o1"},
              {"reason", "NULL"}});
}

TEST(ClinicalViews, Condition) {
  expect_row("condition", R"json({
    "resourceType": "Condition", "id": "c1", "clinicalStatus": {"coding": [{"code": "active"}]},
    "verificationStatus": {"coding": [{"code": "confirmed"}]},
    "category": [{"coding": [{"code": "encounter-diagnosis"}]}],
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "44054006", "display": "Diabetes"}]},
    "subject": {"reference": "Patient/p1"}, "encounter": {"reference": "Encounter/e1"},
    "onsetDateTime": "1999", "abatementPeriod": {"end": "2001-02"}, "recordedDate": "1999-05-06"})json",
             {{"clinical_status", "active"},
              {"verification_status", "confirmed"},
              {"category", "encounter-diagnosis"},
              {"code_system", "http://snomed.info/sct"},
              {"code", "44054006"},
              {"code_display", "Diabetes"},
              {"patient_id", "p1"},
              {"encounter_id", "e1"},
              {"onset_text", "1999"},
              {"onset_precision", "year"},
              {"abatement_text", "2001-02"},
              {"recorded_date_text", "1999-05-06"}});
}

TEST(ClinicalViews, ProcedureAndMedicationRequest) {
  expect_row("procedure", R"json({
    "resourceType": "Procedure", "id": "x1", "status": "completed", "code": {"text": "Appendectomy"},
    "subject": {"reference": "Patient/p1"},
    "performedPeriod": {"start": "2025-05-03T10:00:00Z", "end": "2025-05-03T11:00:00Z"}})json",
             {{"status", "completed"},
              {"code", "NULL"},
              {"code_text", "Appendectomy"},
              {"performed_start_precision", "second"},
              {"performed_end_text", "2025-05-03T11:00:00Z"}});
  expect_row("medication_request", R"json({
    "resourceType": "MedicationRequest", "id": "m1", "status": "active", "intent": "order",
    "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm",
      "code": "314076", "display": "lisinopril 10 MG Oral Tablet"}]},
    "subject": {"reference": "Patient/p1"}, "authoredOn": "2025-05-03",
    "dosageInstruction": [{"text": "one a day", "asNeededBoolean": false,
      "doseAndRate": [{"doseQuantity": {"value": 1.0, "unit": "tablet"}}]}],
    "dispenseRequest": {"numberOfRepeatsAllowed": 3, "quantity": {"value": 30}}})json",
             {{"intent", "order"},
              {"medication", "314076"},
              {"medication_id", "NULL"},
              {"authored_on_text", "2025-05-03"},
              {"dosage_text", "one a day"},
              {"dose_number", "1.0"},
              {"dose_unit", "tablet"},
              {"repeats_allowed", "3"},
              {"quantity_number", "30"}});
  expect_row("medication_request", R"json({
    "resourceType": "MedicationRequest", "id": "m2", "status": "active", "intent": "order",
    "medicationReference": {"reference": "Medication/a"}, "subject": {"reference": "Patient/p1"}})json",
             {{"medication", "NULL"}, {"medication_id", "a"}});
}

TEST(ClinicalViews, ImmunizationAllergyAndReport) {
  expect_row("immunization", R"json({
    "resourceType": "Immunization", "id": "i1", "status": "completed", "patient": {"reference": "Patient/p1"},
    "vaccineCode": {"coding": [{"system": "http://hl7.org/fhir/sid/cvx", "code": "140"}]},
    "occurrenceDateTime": "2025-10-01", "primarySource": true, "expirationDate": "2026-01-01"})json",
             {{"patient_id", "p1"},
              {"vaccine", "140"},
              {"occurrence_text", "2025-10-01"},
              {"primary_source", "true"},
              {"expiration_date", "2026-01-01"}});
  expect_row("allergy_intolerance", R"json({
    "resourceType": "AllergyIntolerance", "id": "a1", "patient": {"reference": "Patient/p1"},
    "clinicalStatus": {"coding": [{"code": "active"}]}, "category": ["food", "environment"], "criticality": "low",
    "code": {"coding": [{"system": "http://snomed.info/sct", "code": "91935009"}]},
    "reaction": [{"manifestation": [{"coding": [{"code": "247472004", "display": "Hives"}]}], "severity": "mild"}]})json",
             {{"patient_id", "p1"},
              {"clinical_status", "active"},
              {"category", "food,environment"},
              {"criticality", "low"},
              {"code", "91935009"},
              {"reaction_code", "247472004"},
              {"reaction_display", "Hives"},
              {"reaction_severity", "mild"}});
  expect_row("diagnostic_report", R"json({
    "resourceType": "DiagnosticReport", "id": "r1", "status": "final", "subject": {"reference": "Patient/p1"},
    "category": [{"coding": [{"code": "LAB"}]}], "code": {"coding": [{"system": "http://loinc.org", "code": "51990-0"}]},
    "effectiveDateTime": "2025-10-01T08:00:00+02:00", "issued": "2025-10-01T09:00:00.123+02:00",
    "result": [{"reference": "Observation/1"}, {"reference": "Observation/2"}], "conclusion": "fine"})json",
             {{"category", "LAB"}, {"code", "51990-0"}, {"result_count", "2"}, {"conclusion", "fine"}});
}

TEST(ClinicalViews, WithoutAPatientItIsRejected) {
  for (const auto definition : view_definitions()) {
    const auto type = View::parse(definition).resource();
    const auto row = ConversionRunner({definition})(R"({"resourceType":")" + type +
                                                    R"(","id":"x","subject":{"reference":"Group/1"}})");
    EXPECT_NE(row.rejected.find("patient_id"), std::string::npos) << type << ": " << row.rejected;
  }
}

}  // namespace
}  // namespace wellhead::clinical
