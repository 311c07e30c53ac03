// Loads of several resource types and of users' views, in one process.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "library/meta/error.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/fhirsim.h"
#include "tests/functional/pipeline.h"

namespace wellhead::functional {
namespace {

using fixture::FhirSim;
using testing::HasSubstr;
using zipcode::Catalog;
using zipcode::CatalogOptions;

// As the specification has views: without a tag of Wellhead's.
constexpr std::string_view kActive = R"json({
  "resourceType": "ViewDefinition", "name": "active_conditions", "resource": "Condition",
  "where": [{"path": "clinicalStatus.coding.exists(code = 'active')"}],
  "select": [{"column": [
    {"name": "id", "path": "getResourceKey()"},
    {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"},
    {"name": "code", "path": "code.coding.code.first()", "type": "code"}]}]})json";
constexpr std::string_view kActiveGrown = R"json({
  "resourceType": "ViewDefinition", "name": "active_conditions", "resource": "Condition",
  "where": [{"path": "clinicalStatus.coding.exists(code = 'active')"}],
  "select": [{"column": [
    {"name": "id", "path": "getResourceKey()"},
    {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"},
    {"name": "code", "path": "code.coding.code.first()", "type": "code"},
    {"name": "onset", "path": "onset.ofType(dateTime)", "type": "dateTime"}]}]})json";
constexpr std::string_view kPlans = R"json({
  "resourceType": "ViewDefinition", "name": "plan", "resource": "CarePlan",
  "select": [{"column": [
    {"name": "id", "path": "getResourceKey()"}, {"name": "status", "path": "status", "type": "code"},
    {"name": "who", "path": "subject.getReferenceKey(Patient)"}]}]})json";
constexpr std::string_view kCategories = R"json({
  "resourceType": "ViewDefinition", "name": "plan_category", "resource": "CarePlan",
  "select": [{"column": [{"name": "plan_id", "path": "getResourceKey()"}]},
             {"forEach": "category.coding", "column": [{"name": "code", "path": "code", "type": "code"}]}]})json";
constexpr std::string_view kNames = R"json({
  "resourceType": "ViewDefinition", "name": "patient_years", "resource": "Patient",
  "where": [{"path": "gender = 'female'"}],
  "select": [{"column": [{"name": "key", "path": "getResourceKey()"},
                         {"name": "born", "path": "birthDate", "type": "date"}]}]})json";

std::vector<std::string> generated() {
  return {"--generate", "40", "--observations", "10", "--encounters", "3", "--conditions", "2", "--zip", "02139"};
}

class Views : public testing::Test {
 protected:
  void write(const std::string& name, std::string_view json) {
    std::ofstream(directory_.path() / (name + ".json"), std::ios::binary) << json;
  }
  Catalog catalog(std::vector<std::string> resources = {"patient", "observation"}) const {
    return Catalog(CatalogOptions{.resources = std::move(resources), .views = directory_.path()});
  }
  Pipeline::Loaded load(const Catalog& catalog, const zipcode::LoadOptions& options = {}) {
    warehouse_.apply(catalog);
    Pipeline pipeline(warehouse_, server_.base_url(), {}, catalog);
    auto loaded = pipeline.load("02139", options);
    EXPECT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
    return loaded;
  }
  static const zipcode::Receipt& receipt(const Pipeline::Loaded& loaded, std::string_view table) {
    const auto found = std::ranges::find(loaded.receipts, table, &zipcode::Receipt::table);
    if (found == loaded.receipts.end()) throw std::runtime_error("no receipt of " + std::string(table));
    return *found;
  }
  static void expect_accounted(const Pipeline::Loaded& loaded) {
    for (const auto& each : loaded.receipts) {
      EXPECT_EQ(each.entries_received,
                each.duplicates + each.out_of_zip + each.rejected + each.erased + each.filtered + each.staged)
          << each.table;
      EXPECT_EQ(each.staged, each.inserted + each.updated + each.unchanged + each.older) << each.table;
    }
  }

  fixture::TestDirectory directory_;
  FhirSim server_{generated()};
  Warehouse warehouse_;
};

TEST_F(Views, FurtherResourceTypesAreLoadedWithAReceiptEach) {
  const auto all = catalog({"patient", "observation", "encounter", "Condition"});
  const auto loaded = load(all);
  expect_accounted(loaded);
  ASSERT_EQ(loaded.receipts.size(), 4U);
  EXPECT_EQ(receipt(loaded, "observation").inserted, 400);
  EXPECT_EQ(receipt(loaded, "encounter").inserted, 120);
  EXPECT_EQ(receipt(loaded, "encounter").server_total_before, 120);
  EXPECT_EQ(receipt(loaded, "condition").inserted, 80);
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM encounter JOIN patient ON patient.id = encounter.patient_id"), 120);
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM condition WHERE raw_blob_id IS NULL"), 0);
  EXPECT_EQ(loaded.patients().resource_type, "Patient");
  EXPECT_THAT(zipcode::receipt_sentence(loaded.run, loaded.receipts),
              HasSubstr("40 patients, 400 observations, 80 conditions, 120 encounters"));
  // Lists of patients are found out for each type.
  EXPECT_GT(warehouse_.number("SELECT count(*) FROM staged_batch WHERE resource_type = 'Encounter'"), 0);

  const auto again = load(all);
  for (const auto& each : again.receipts) EXPECT_EQ(each.unchanged, each.staged) << each.table;
}

TEST_F(Views, ObservationsOnlyAreTheSameWithAndWithoutOtherTypes) {
  const auto plain = load(catalog());
  EXPECT_FALSE(plain.run.options.tables);
  const auto content = warehouse_.content();
  const auto with_others = load(catalog({"all"}));
  EXPECT_EQ(warehouse_.content(), content);
  EXPECT_EQ(with_others.patients().digest, plain.patients().digest);
  EXPECT_EQ(with_others.observations().digest, plain.observations().digest);
  EXPECT_EQ(with_others.receipts.size(), 9U);
  EXPECT_EQ(receipt(with_others, "immunization").entries_received, 0);
}

TEST_F(Views, AUsersViewOverABuiltInTypeIsASecondTableOfTheSameResources) {
  write("active", kActive);
  const auto both = catalog({"condition"});
  const auto loaded = load(both);
  expect_accounted(loaded);
  const auto& all = receipt(loaded, "condition");
  const auto& active = receipt(loaded, "active_conditions");
  EXPECT_EQ(all.staged, 80);
  EXPECT_EQ(active.entries_received, 80);
  EXPECT_GT(active.filtered, 0);
  EXPECT_EQ(active.staged, warehouse_.number("SELECT count(*) FROM condition WHERE clinical_status = 'active'"));
  EXPECT_EQ(active.staged, warehouse_.number("SELECT count(*) FROM active_conditions JOIN condition USING (id)"));
  EXPECT_EQ(active.requests, 0) << "extracted once";
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM staged_batch WHERE resource_type = 'Observation'"), 0);
  EXPECT_EQ(warehouse_.value("SELECT string_agg(indexname, ' ' ORDER BY indexname) FROM pg_indexes WHERE tablename = "
                             "'active_conditions'"),
            "active_conditions_by_patient_id active_conditions_pkey");
}

TEST_F(Views, AnyResourceTypeIsATableByAViewAlone) {
  write("plan", kPlans);
  write("category", kCategories);
  write("names", kNames);
  load(catalog());
  const auto patient = warehouse_.value("SELECT min(id) FROM patient");
  server_.put_resource(R"({"resourceType":"CarePlan","id":"one","status":"active","subject":{"reference":"Patient/)" +
                       patient + R"("},"category":[{"coding":[{"code":"a"},{"code":"b"}]}]}
{"resourceType":"CarePlan","id":"two","status":"draft","subject":{"reference":"Patient/)" +
                       patient + R"("}}
)");
  server_.put_raw("CarePlan", patient,
                  R"({"resourceType":"CarePlan","id":"bad","status":["x","y"],"subject":{"reference":"Patient/)" +
                      patient + R"("}})");
  const auto loaded = load(catalog());
  expect_accounted(loaded);
  EXPECT_EQ(receipt(loaded, "plan").staged, 2);
  EXPECT_EQ(receipt(loaded, "plan").rejected, 1);
  EXPECT_EQ(warehouse_.value("SELECT string_agg(code, ',' ORDER BY code) FROM plan_category WHERE plan_id = 'one'"),
            "a,b");
  EXPECT_EQ(warehouse_.value("SELECT reason FROM reject WHERE resource_id = 'bad' AND resource_type = 'CarePlan'")
                .find("column status"),
            0U);
  const auto& women = receipt(loaded, "patient_years");
  EXPECT_EQ(women.staged, warehouse_.number("SELECT count(*) FROM patient WHERE gender = 'female'"));
  EXPECT_EQ(women.filtered + women.staged, 40);

  // Its parts follow it.
  server_.put_resource(R"({"resourceType":"CarePlan","id":"one","status":"active","subject":{"reference":"Patient/)" +
                       patient + R"("},"category":[{"coding":[{"code":"c"}]}]})");
  EXPECT_EQ(receipt(load(catalog()), "plan").updated, 1);
  EXPECT_EQ(warehouse_.value("SELECT string_agg(code, ',' ORDER BY code) FROM plan_category"), "c");
}

TEST_F(Views, ARejectOfAFurtherTableIsCountedThereAlone) {
  write("strict", R"json({"name": "strict", "resource": "Condition", "select": [{"column": [
    {"name": "id", "path": "getResourceKey()"}, {"name": "patient_id", "path": "subject.getReferenceKey(Patient)"},
    {"name": "note", "path": "note.text", "type": "string"}]}]})json");
  load(catalog());
  const auto patient = warehouse_.value("SELECT min(id) FROM patient");
  server_.put_resource(R"({"resourceType":"Condition","id":"noted","subject":{"reference":"Patient/)" + patient +
                       R"("},"note":[{"text":"one"},{"text":"two"}]})");
  const auto loaded = load(catalog({"condition"}));
  expect_accounted(loaded);
  EXPECT_EQ(receipt(loaded, "condition").rejected, 0);
  EXPECT_EQ(receipt(loaded, "condition").staged, 81);
  EXPECT_EQ(receipt(loaded, "strict").rejected, 1);
  EXPECT_EQ(receipt(loaded, "strict").staged, 80);
  EXPECT_EQ(
      warehouse_.value("SELECT table_name FROM reject WHERE resource_id = 'noted' ORDER BY reject_id DESC LIMIT 1"),
      "strict");
}

TEST_F(Views, AViewMayGrowAndNotLoseData) {
  write("active", kActive);
  const auto first = load(catalog({"condition"}));
  write("active", kActiveGrown);
  const auto grown = catalog({"condition"});
  const auto changes = warehouse_.apply(grown);
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_EQ(changes[0].table, "active_conditions");
  EXPECT_EQ(changes[0].added_columns, std::vector<std::string>{"onset"});
  const auto second = load(grown);
  EXPECT_EQ(receipt(second, "active_conditions").updated, receipt(first, "active_conditions").staged);
  EXPECT_EQ(receipt(second, "condition").unchanged, 80) << "the other table of the type is left alone";
  EXPECT_EQ(warehouse_.number("SELECT count(*) FROM active_conditions WHERE onset IS NULL"), 0);

  write("active", kActive);
  try {
    warehouse_.apply(catalog({"condition"}));
    FAIL() << "a column was lost";
  } catch (const meta::Error& error) {
    EXPECT_THAT(error.message(), HasSubstr("active_conditions"));
    EXPECT_THAT(error.message(), HasSubstr("onset"));
    EXPECT_THAT(error.advice(), HasSubstr("DROP COLUMN"));
  }
}

TEST_F(Views, MistakesNameFilePathAndColumn) {
  const auto message = [&](std::string_view json) -> std::string {
    write("bad", json);
    try {
      catalog();
    } catch (const meta::Error& error) {
      return error.message() + " | " + error.advice();
    }
    return "none";
  };
  EXPECT_THAT(message("{"), HasSubstr("bad.json"));
  EXPECT_THAT(message(R"json({"name":"v","resource":"Condition","select":[{"column":[{"name":"id","path":"id"},
                         {"name":"x","path":"code.("}]}]})json"),
              testing::AllOf(HasSubstr("bad.json"), HasSubstr("select[0].column[1] (x)"), HasSubstr("character")));
  EXPECT_THAT(
      message(R"json({"name":"v","resource":"Condition","select":[{"column":[{"name":"x","path":"code.text"}]}]})json"),
      HasSubstr("getResourceKey()"));
  EXPECT_THAT(
      message(R"json({"name":"v","resource":"Condition","select":[{"column":[{"name":"id","path":"id"}]}]})json"),
      HasSubstr("patient_id"));
  EXPECT_THAT(message(R"json({"name":"condition","resource":"Condition","select":[{"column":[{"name":"id","path":"id"},
                         {"name":"patient_id","path":"subject.getReferenceKey(Patient)"}]}]})json"),
              HasSubstr("the name condition is taken"));
  EXPECT_THAT(message(kCategories), HasSubstr("CarePlan"));
  EXPECT_THAT(message(R"json({"name":"v","resource":"Patient","select":[{"column":[{"name":"id","path":"id"},
                         {"name":"digest","path":"gender"}]}]})json"),
              HasSubstr("digest"));
  EXPECT_THROW(Catalog(CatalogOptions{.resources = {"conditions"}, .views = {}}), meta::Error);
}

TEST_F(Views, AnEndedWorkersRunIsNotGoneOnWithAnotherView) {
  write("active", kActive);
  const auto before = catalog({"condition"});
  warehouse_.apply(before);
  zipcode::LoadOptions options;
  options.tables = before.run_tables();
  write("active", kActiveGrown);
  const auto after = catalog({"condition"});
  warehouse_.apply(after);
  Pipeline pipeline(warehouse_, server_.base_url(), {}, after);
  const auto loaded = pipeline.load("02139", options);
  EXPECT_EQ(loaded.run.state, "failed");
  EXPECT_THAT(loaded.run.error.value_or(""), HasSubstr("active_conditions is another than the run began with"));
}

TEST_F(Views, FaultsOfTheServerLeaveEqualRowsAndReceipts) {
  write("active", kActive);
  const auto views = catalog({"observation", "encounter", "condition"});
  zipcode::LoadOptions small;
  small.page_size = 20;
  small.batch_bytes = 50'000;
  small.rows_per_load = 200;
  small.steps_per_execution = 12;  // goes on as new in the middle
  load(views, small);
  const auto rows = [](const Warehouse& warehouse) {
    return warehouse.content() + warehouse.content("encounter") + warehouse.content("condition") +
           warehouse.content("active_conditions");
  };
  for (const auto* fault : {R"({"kind":"server_error","probability":0.2,"status":503})", R"({"kind":"short_list"})",
                            R"({"kind":"expire_pages","uses":0,"times":3})"}) {
    server_.add_fault(fault);
    Warehouse disturbed;
    disturbed.apply(views);
    {
      Pipeline pipeline(disturbed, server_.base_url(), {}, views);
      const auto loaded = pipeline.load("02139", small);
      EXPECT_EQ(loaded.run.state, "complete") << loaded.run.error.value_or("");
    }
    EXPECT_EQ(rows(disturbed), rows(warehouse_)) << fault;
    EXPECT_EQ(disturbed.receipts(), warehouse_.receipts()) << fault;
    server_.clear_faults();
  }
}

}  // namespace
}  // namespace wellhead::functional
