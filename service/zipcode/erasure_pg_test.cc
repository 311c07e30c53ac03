#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "library/meta/error.h"
#include "library/storage/blob/frames.h"
#include "library/storage/postgres/blob_removal.h"
#include "library/storage/postgres/migrations.h"
#include "service/erasure/eraser.h"
#include "service/observation/observation.h"
#include "service/patient/patient.h"
#include "service/resource/table.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"
#include "tests/fixture/thrown.h"

namespace wellhead::erasure {
namespace {

using ::testing::HasSubstr;

// Run 1 loaded smith and jones of 02139, each with an observation; both lie in one raw blob a type. shared is of 02139
// and of 02140.
class EraserTest : public ::testing::Test {
 protected:
  EraserTest() : connection_(database_.connect()) {
    storage::migrate(connection_);
    patients_.view = converter::View::parse(patient::patient_view_json());
    patients_.patient_column = "id";
    observations_.view = converter::View::parse(observation::observation_view_json());
    observations_.patient_column = "patient_id";
    observations_.parts = {{converter::View::parse(observation::observation_component_view_json()), {}}};
    std::vector<converter::View> views = patients_.views();
    for (const auto& view : observations_.views()) views.push_back(view);
    resource::ensure_tables(connection_, views);
    load();
  }

  void load() {
    connection_.execute(
        "INSERT INTO run (zipcode, source_url, state) VALUES ('02139', 'http://fhir.test', 'complete'); "
        "INSERT INTO zipcode VALUES ('02139', 1, 1)");
    stage(1, "Patient", {patient("smith"), patient("jones"), patient("shared")});
    stage(2, "Observation", {observation("o1", "smith"), observation("o2", "jones"), observation("o3", "shared")});
    connection_.execute(R"sql(
      INSERT INTO zipcode_patient (zipcode, patient_id, address_index, postal_code, first_seen_run, last_seen_run)
        VALUES ('02139', 'smith', 0, '02139', 1, 1), ('02139', 'jones', 0, '02139', 1, 1), ('02139', 'shared', 0, '02139', 1, 1),
               ('02140', 'shared', 0, '02140', 1, 1);
      INSERT INTO patient (id, digest, raw_blob_id, raw_frame, raw_index, run_id, last_seen_run, fetched_at)
        SELECT id, gen_random_uuid(), 1, 0, n - 1, 1, 1, now() FROM unnest('{smith,jones,shared}'::text[]) WITH ORDINALITY AS p (id, n);
      INSERT INTO observation (id, patient_id, digest, raw_blob_id, raw_frame, raw_index, run_id, last_seen_run, fetched_at)
        SELECT 'o' || n, id, gen_random_uuid(), 2, 0, n - 1, 1, 1, now() FROM unnest('{smith,jones,shared}'::text[]) WITH ORDINALITY AS p (id, n);
      INSERT INTO observation_component (observation_id, component_index, digest, raw_blob_id, raw_frame, raw_index, run_id, last_seen_run, fetched_at)
        SELECT id, 0, digest, raw_blob_id, raw_frame, raw_index, 1, 1, now() FROM observation;
      INSERT INTO reject (run_id, batch, resource_type, resource_id, reason, raw) VALUES
        (1, 2, 'Observation', 'bad', 'x', convert_to('{"subject":{"reference":"Patient/smith"}}', 'UTF8')),
        (1, 2, 'Observation', 'bad2', 'x', convert_to('{"subject":{"reference":"Patient/jones"}}', 'UTF8'));
    )sql");
  }

  static std::string patient(const std::string& id) { return R"({"resourceType":"Patient","id":")" + id + "\"}"; }
  static std::string observation(const std::string& id, const std::string& patient) {
    return R"({"resourceType":"Observation","id":")" + id + R"(","subject":{"reference":"Patient/)" + patient + "\"}}";
  }

  void stage(int batch, const std::string& type, const std::vector<std::string>& resources) {
    storage::RawBlobWriter raw(*blobs_);
    storage::CsvBlobWriter csv(*blobs_);
    for (const auto& resource : resources) {
      raw.add(resource);
      csv.write(resource + "\n");
    }
    const auto written = raw.finish();
    connection_.query("INSERT INTO raw_blob (blob_key, bytes, frames) VALUES ($1, $2, $3)",
                      {written.key.text, static_cast<std::int64_t>(written.bytes), written.frames});
    connection_.query(
        "INSERT INTO staged_batch (run_id, batch, resource_type, raw_blob_id, entries_received, duplicates, "
        "out_of_zip, "
        "rejected, staged, requests, retries, bytes_received, seconds, fetched_at, result) VALUES (1, $1, $2, $1, 3, "
        "0, 0, "
        "0, 3, 1, 0, 1, 1, now(), '{}')",
        {batch, type});
    connection_.query(
        "INSERT INTO staged_blob (run_id, batch, table_name, blob_key, rows, bytes) VALUES (1, $1, $2, $3, 3, 1)",
        {batch, type, csv.finish().key.text});
  }

  std::int64_t count(const std::string& from) {
    return connection_.query("SELECT count(*) FROM " + from).integer(0, 0);
  }
  std::string all_raw() {
    std::string text;
    blobs_->list("raw/", [&](const storage::BlobStore::Listed& blob) {
      storage::read_decompressed(*blobs_, blob.key, [&](std::string_view piece) {
        if (piece.find('{') != std::string_view::npos) text.append(piece);
      });
    });
    return text;
  }
  // The rows of a table still point at their resources.
  void expect_rows_to_point_at(const std::string& table, std::int64_t rows) {
    const auto result = connection_.query("SELECT t.id, b.blob_key, t.raw_frame, t.raw_index FROM " + table +
                                          " t JOIN raw_blob b USING (raw_blob_id)");
    EXPECT_EQ(result.rows(), rows);
    for (int row = 0; row < result.rows(); ++row) {
      const auto resource = storage::read_resource(
          *blobs_, {std::string(result.text(row, 1))},
          {static_cast<std::int32_t>(result.integer(row, 2)), static_cast<std::int32_t>(result.integer(row, 3))});
      EXPECT_THAT(resource, HasSubstr("\"id\":\"" + std::string(result.text(row, 0)) + "\""));
    }
  }

  fixture::TestDatabase database_;
  fixture::TestDirectory directory_;
  storage::Connection connection_;
  storage::ConnectionPool pool_{database_.url(), 2};
  std::unique_ptr<storage::BlobStore> blobs_ = storage::open_blob_store("file://" + directory_.path().string());
  resource::ResourceTable patients_;
  resource::ResourceTable observations_;
  ErasureKey key_{"0123456789abcdef0123456789abcdef"};
  Eraser eraser_{pool_, *blobs_, {&patients_, &observations_}, key_};
  OnBehalf by_{"key1", "192.0.2.7", "r1"};
};

TEST_F(EraserTest, ErasesAPatientEverywhereAndNobodyElse) {
  const auto erased = eraser_.erase_patient("smith", by_);
  EXPECT_EQ(erased.patients, 1);
  EXPECT_EQ(erased.rows, 3);
  EXPECT_EQ(erased.rejects, 1);
  EXPECT_EQ(erased.raw_resources, 2);
  EXPECT_EQ(erased.raw_blobs, 2);
  EXPECT_EQ(erased.staged_blobs, 2);
  EXPECT_EQ(count("patient WHERE id = 'smith'"), 0);
  EXPECT_EQ(count("zipcode_patient WHERE patient_id = 'smith'"), 0);
  EXPECT_EQ(count("observation_component"), 2);
  EXPECT_EQ(count("reject"), 1);
  expect_rows_to_point_at("patient", 2);
  expect_rows_to_point_at("observation", 2);
  EXPECT_EQ(all_raw().find("smith"), std::string::npos);
  EXPECT_NE(all_raw().find("jones"), std::string::npos);
  std::size_t csv = 0;
  blobs_->list("csv/", [&](const storage::BlobStore::Listed&) { ++csv; });
  EXPECT_EQ(csv, 0);
  EXPECT_EQ(count("erased_blob"), 0);
  EXPECT_EQ(count("staged_batch JOIN raw_blob USING (raw_blob_id)"), 2);
  const auto trail = connection_.query("SELECT actor, action, patient_id FROM audit");
  EXPECT_EQ(trail.text(0, 0), "key1");
  EXPECT_EQ(trail.text(0, 1), "erase_patient");
  EXPECT_EQ(trail.text(0, 2), "smith");
}

TEST_F(EraserTest, RemembersWithoutTellingWhom) {
  eraser_.erase_patient("smith", by_);
  const auto erased = ErasedPatients::read(connection_, &key_);
  const auto digest = erased.find("smith");
  ASSERT_TRUE(digest);
  EXPECT_FALSE(erased.find("jones"));
  EXPECT_EQ(count("erased_patient e WHERE e::text LIKE '%smith%'"), 0);
  EXPECT_TRUE(erased.current(connection_));
  eraser_.erase_patient("jones", by_);
  EXPECT_FALSE(erased.current(connection_));
  restore(connection_, {*digest});
  EXPECT_FALSE(ErasedPatients::read(connection_, &key_).find("smith"));
  // Again is no error; of whom nothing was ever here is.
  EXPECT_EQ(eraser_.erase_patient("jones", by_).rows, 0);
  EXPECT_EQ(fixture::error_of([&] { eraser_.erase_patient("nobody", by_); }).code(), meta::ErrorCode::not_found);
}

TEST_F(EraserTest, NeedsTheSameKeyEverywhere) {
  eraser_.erase_patient("smith", by_);
  const ErasureKey other("another secret of at least thirty-two bytes");
  EXPECT_EQ(fixture::error_of([&] { ErasedPatients::read(connection_, &other); }).code(),
            meta::ErrorCode::invalid_setting);
  EXPECT_EQ(fixture::error_of([&] { ErasedPatients::read(connection_, nullptr); }).code(),
            meta::ErrorCode::invalid_setting);
}

TEST_F(EraserTest, WaitsForNoLoadThatHasReceivedThePatient) {
  connection_.execute(
      "INSERT INTO run (zipcode, source_url, state) VALUES ('02139', 'http://fhir.test', 'running'); "
      "INSERT INTO run_patient VALUES (2, 'smith', 1, 0)");
  const auto error = fixture::error_of([&] { eraser_.erase_patient("smith", by_); });
  EXPECT_EQ(error.code(), meta::ErrorCode::conflict);
  EXPECT_THAT(error.message(), HasSubstr("run 2"));
  EXPECT_EQ(count("patient"), 3);
  // It has not received this one.
  EXPECT_EQ(eraser_.erase_patient("jones", by_).patients, 1);
  EXPECT_EQ(fixture::error_of([&] { eraser_.erase_zipcode(meta::Zipcode::parse("02139"), by_); }).code(),
            meta::ErrorCode::conflict);
  // A failed run could be retried; not any more.
  connection_.execute("UPDATE run SET state = 'failed' WHERE run_id = 2");
  eraser_.erase_patient("smith", by_);
  EXPECT_EQ(count("run WHERE retry_barred"), 1);
  EXPECT_EQ(count("run_patient"), 0);
}

TEST_F(EraserTest, ErasesAZipcodeButThePatientsOfOthers) {
  const auto erased = eraser_.erase_zipcode(meta::Zipcode::parse("02139"), by_);
  EXPECT_EQ(erased.patients, 2);
  EXPECT_EQ(erased.rejects, 2);
  EXPECT_EQ(count("patient"), 1);
  EXPECT_EQ(count("zipcode_patient WHERE zipcode = '02139'"), 0);
  EXPECT_EQ(count("zipcode WHERE zipcode = '02139'"), 0);
  expect_rows_to_point_at("patient", 1);
  EXPECT_EQ(fixture::error_of([&] { eraser_.erase_zipcode(meta::Zipcode::parse("99999"), by_); }).code(),
            meta::ErrorCode::not_found);
}

}  // namespace
}  // namespace wellhead::erasure
