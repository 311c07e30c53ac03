#include "service/resource/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "library/meta/error.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"
#include "tests/fixture/thrown.h"

namespace wellhead::resource {
namespace {

using converter::View;
using fixture::error_of;
using meta::ErrorCode;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

std::string column(const std::string& name, const std::string& path, const std::string& type, const std::string& tags) {
  return R"({"name": ")" + name + R"(", "path": ")" + path + R"(", "type": ")" + type + R"(", "description": "The )" +
         name + R"('s value", "tag": [)" + tags + "]}";
}

std::string tag(const std::string& name, const std::string& value) {
  return R"({"name": ")" + name + R"(", "value": ")" + value + R"("})";
}

const std::string kText = tag("ansi/type", "CHARACTER VARYING");
const std::string kId = column("id", "getResourceKey()", "id",
                               kText + "," + tag("wellhead/key", "primary") + "," + tag("wellhead/required", "true"));
const std::string kVersionId = column("version_id", "meta.versionId", "id", kText);
const std::string kLastUpdated =
    column("last_updated", "meta.lastUpdated", "instant", tag("ansi/type", "TIMESTAMP WITH TIME ZONE"));
const std::string kFamily =
    column("family", "name.family.first()", "string", kText + "," + tag("wellhead/filter", "prefix"));
const std::string kGender = column("gender", "gender", "code", kText + "," + tag("wellhead/filter", "exact"));
const std::string kActive = column("active", "active", "boolean", tag("ansi/type", "BOOLEAN"));

View view(const std::string& name, std::initializer_list<std::string> columns) {
  std::string list;
  for (const auto& one : columns) list += (list.empty() ? "" : ", ") + one;
  return View::parse(
      R"({"resourceType": "https://sql-on-fhir.org/ig/StructureDefinition/ViewDefinition", "name": ")" + name +
      R"(", "status": "active", "resource": "Patient", "description": "It's one row a patient.", "select": [{"column": [)" +
      list + "]}]}");
}

class TableTest : public testing::Test {
 protected:
  TableTest() { storage::migrate(connection_); }

  std::vector<TableChange> ensure(std::vector<View> views) { return ensure_tables(connection_, views); }

  std::vector<std::string> rows(const std::string& sql) {
    const auto result = connection_.query(sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) out.emplace_back(result.text(row, 0));
    return out;
  }

  std::string plan(const std::string& sql) {
    connection_.execute("SET enable_seqscan = off; SET enable_bitmapscan = off");
    std::string all;
    for (const auto& line : rows("EXPLAIN " + sql)) all += line + "\n";
    return all;
  }

  fixture::TestDatabase database_;
  storage::Connection connection_ = database_.connect();
};

TEST_F(TableTest, MakesTheTableOfAViewWithItsDataDictionary) {
  const auto changes = ensure({view("patient", {kId, kVersionId, kLastUpdated, kFamily, kActive})});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_TRUE(changes[0].created);
  EXPECT_THAT(
      rows("SELECT attname || ' ' || format_type(atttypid, NULL) || CASE WHEN attnotnull THEN ' required' ELSE '' END "
           "FROM "
           "pg_attribute WHERE attrelid = 'patient'::regclass AND attnum > 0 ORDER BY attnum"),
      ElementsAre("id text required", "version_id text", "last_updated timestamp with time zone", "family text",
                  "active boolean", "digest uuid required", "raw_blob_id bigint", "raw_frame integer",
                  "raw_index integer", "run_id bigint required", "last_seen_run bigint required",
                  "fetched_at timestamp with time zone required", "loaded_at timestamp with time zone required"));
  EXPECT_THAT(rows("SELECT obj_description('patient'::regclass, 'pg_class')"), ElementsAre("It's one row a patient."));
  EXPECT_THAT(rows("SELECT attname FROM pg_attribute WHERE attrelid = 'patient'::regclass AND attnum > 0 "
                   "AND col_description(attrelid, attnum) IS NULL"),
              ElementsAre());
  EXPECT_THAT(rows("SELECT col_description('patient'::regclass, 4)"), ElementsAre("The family's value"));
}

TEST_F(TableTest, FiltersHaveTheirIndexes) {
  ensure({view("patient", {kId, kFamily, kGender})});
  EXPECT_THAT(plan("SELECT * FROM patient WHERE lower(family) ~>=~ 'smi' AND lower(family) ~<~ 'smj'"),
              HasSubstr("patient_by_family"));
  EXPECT_THAT(plan("SELECT * FROM patient WHERE lower(family) LIKE 'smi%'"), HasSubstr("patient_by_family"));
  EXPECT_THAT(plan("SELECT * FROM patient WHERE gender = 'other'"), HasSubstr("patient_by_gender"));
  EXPECT_THAT(plan("SELECT * FROM patient WHERE id > 'x' ORDER BY id LIMIT 10"), HasSubstr("patient_pkey"));
  EXPECT_THAT(plan("SELECT * FROM zipcode_patient z JOIN patient p ON p.id = z.patient_id WHERE z.zipcode = '02139' "
                   "ORDER BY z.patient_id"),
              HasSubstr("patient_pkey"));
}

TEST_F(TableTest, SecondTimeChangesNothing) {
  const std::vector<View> views = {view("patient", {kId, kFamily}), view("other", {kId})};
  EXPECT_EQ(ensure(views).size(), 2U);
  EXPECT_TRUE(ensure(views).empty());
}

TEST_F(TableTest, GrowingViewAddsColumnsAndKeepsRows) {
  const auto before = view("patient", {kId});
  const auto after = view("patient", {kId, kFamily, kActive});
  ensure({before});
  connection_.execute(
      "INSERT INTO patient (id, digest, run_id, last_seen_run, fetched_at) VALUES ('a', gen_random_uuid(), 1, 1, "
      "now())");
  const auto changes = ensure({after});
  ASSERT_EQ(changes.size(), 1U);
  EXPECT_FALSE(changes[0].created);
  EXPECT_THAT(changes[0].added_columns, ElementsAre("family", "active"));
  EXPECT_THAT(rows("SELECT id FROM patient WHERE family IS NULL"), ElementsAre("a"));
  EXPECT_THAT(plan("SELECT * FROM patient WHERE lower(family) LIKE 'smi%'"), HasSubstr("patient_by_family"));
  EXPECT_THAT(rows("SELECT view_digest FROM applied_view"), ElementsAre(after.digest()));
}

TEST_F(TableTest, LossyChangesAreRefusedAndChangeNothing) {
  ensure({view("patient", {kId, kFamily})});
  const auto dropped = error_of([&] { ensure({view("other", {kId}), view("patient", {kId})}); });
  EXPECT_EQ(dropped.code(), ErrorCode::conflict);
  EXPECT_THAT(dropped.what(), HasSubstr("column family is not in it any more"));
  EXPECT_THAT(rows("SELECT coalesce(to_regclass('other')::text, 'none')"), ElementsAre("none"));

  const auto retyped = error_of(
      [&] { ensure({view("patient", {kId, column("family", "active", "boolean", tag("ansi/type", "BOOLEAN"))})}); });
  EXPECT_THAT(retyped.what(), HasSubstr("column family is text and the view makes it boolean"));

  const auto family_key =
      column("family", "name.family.first()", "string", kText + "," + tag("wellhead/key", "primary"));
  const auto id_no_key = column("id", "getResourceKey()", "id", kText);
  EXPECT_THAT(error_of([&] { ensure({view("patient", {id_no_key, family_key})}); }).what(),
              HasSubstr("primary key is 'id'"));
}

TEST_F(TableTest, TableOfSomeoneElseIsRefused) {
  connection_.execute("CREATE TABLE patient (id text)");
  const auto error = error_of([&] { ensure({view("patient", {kId})}); });
  EXPECT_EQ(error.code(), ErrorCode::conflict);
  EXPECT_THAT(error.what(), HasSubstr("was not made by Wellhead"));
}

TEST_F(TableTest, DroppedTableIsMadeAgain) {
  ensure({view("patient", {kId})});
  connection_.execute("DROP TABLE patient");
  EXPECT_TRUE(ensure({view("patient", {kId})}).at(0).created);
}

TEST_F(TableTest, TwoAtOnceMakeItOnce) {
  std::array<std::size_t, 2> made{};
  const auto work = [&](std::size_t which) {
    auto connection = database_.connect();
    const std::vector<View> views = {view("patient", {kId, kFamily})};
    made[which] = ensure_tables(connection, views).size();
  };
  {
    const std::jthread other(work, 1);
    work(0);
  }
  EXPECT_EQ(made[0] + made[1], 1U);
}

TEST_F(TableTest, TargetTellsTheLoaderWhatItNeeds) {
  const auto parent = view("patient", {kId, kVersionId, kLastUpdated, kFamily});
  const auto target = target_table(parent);
  EXPECT_EQ(target.name, "patient");
  EXPECT_EQ(target.key, "id");
  EXPECT_EQ(target.version, "version_id");
  EXPECT_EQ(target.last_updated, "last_updated");
  EXPECT_THAT(target.columns, ElementsAre("id", "version_id", "last_updated", "family"));
  EXPECT_EQ(target_table(view("patient", {kId})).version, "");

  const auto owner = column("patient_id", "getResourceKey()", "id", kText + "," + tag("wellhead/key", "parent"));
  const auto child = child_table(view("part", {owner, kFamily}), parent);
  EXPECT_EQ(child.parent_table, "patient");
  EXPECT_EQ(child.parent_key, "patient_id");
  EXPECT_EQ(child.key, "");
}

TEST_F(TableTest, ViewsWithoutAKeyOrWithOurColumnNamesAreInvalid) {
  EXPECT_EQ(error_of([] { target_table(view("patient", {kFamily})); }).code(), ErrorCode::invalid_view);
  EXPECT_EQ(error_of([] { child_table(view("part", {kFamily}), view("patient", {kId})); }).code(),
            ErrorCode::invalid_view);
  const auto digest = column("digest", "gender", "code", kText);
  const auto error = error_of([&] { ensure({view("patient", {kId, digest})}); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_view);
  EXPECT_THAT(error.what(), HasSubstr("column digest"));
}

}  // namespace
}  // namespace wellhead::resource
