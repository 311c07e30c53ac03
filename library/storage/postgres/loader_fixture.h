// A small patient and observation table, and resources staged for them as extraction would stage them.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/storage/blob/frames.h"
#include "library/storage/postgres/loader.h"
#include "library/storage/postgres/migrations.h"
#include "tests/fixture/database.h"
#include "tests/fixture/directory.h"

namespace wellhead::storage {

using meta::BatchId;
using meta::Error;
using meta::ErrorCode;
using meta::RunId;

inline constexpr std::string_view kTables = R"(
CREATE TABLE patient (
  id text COLLATE "C" PRIMARY KEY, version text, last_updated timestamptz, family text,
  digest uuid NOT NULL, raw_blob_id bigint, raw_frame integer, raw_index integer, run_id bigint NOT NULL,
  last_seen_run bigint NOT NULL, fetched_at timestamptz NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE observation (LIKE patient INCLUDING ALL);
ALTER TABLE observation RENAME COLUMN family TO value;
CREATE TABLE observation_component (
  observation_id text COLLATE "C", value text,
  digest uuid NOT NULL, raw_blob_id bigint, raw_frame integer, raw_index integer, run_id bigint NOT NULL,
  last_seen_run bigint NOT NULL, fetched_at timestamptz NOT NULL, loaded_at timestamptz NOT NULL DEFAULT now());
)";

inline const std::vector<TargetTable> kTargets = {
    {.name = "patient",
     .columns = {"id", "version", "last_updated", "family"},
     .key = "id",
     .last_updated = "last_updated",
     .version = "version"},
    {.name = "observation",
     .columns = {"id", "version", "last_updated", "value"},
     .key = "id",
     .last_updated = "last_updated",
     .version = "version"},
    {.name = "observation_component",
     .columns = {"observation_id", "value"},
     .parent_table = "observation",
     .parent_key = "observation_id"},
};

// A resource as extraction would stage it. `view` stands for the view's digest, which a row's digest covers.
struct Resource {
  std::string id;
  std::string value;
  std::string version = "1";
  std::string last_updated = "2026-01-01T00:00:00Z";
  std::vector<std::string> components = {};
  std::string view = "view";
};

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    migrate(connection_);
    connection_.execute(kTables);
  }

  RunId new_run(std::string_view zipcode = "02139") {
    return {connection_
                .query("INSERT INTO run (zipcode, source_url, state) VALUES ($1, 'http://source', 'complete') "
                       "RETURNING run_id",
                       {zipcode})
                .integer(0, 0)};
  }

  std::string digest_of(const Resource& resource) {
    std::string all = resource.view;
    for (const auto& part : {resource.id, resource.value, resource.version, resource.last_updated}) all += "|" + part;
    for (const auto& component : resource.components) all += "|" + component;
    const auto hex = meta::row_digest(all).hex();
    return {hex.data(), hex.size()};
  }

  BatchToLoad::Blob put(const std::string& table, const std::string& rows) {
    CsvBlobWriter writer(*store_);
    writer.write(rows);
    return {table, writer.finish().key, std::count(rows.begin(), rows.end(), '\n')};
  }

  // Stages resources as the next batch of a run, fetched `minute` minutes after midnight.
  BatchToLoad stage(RunId run, const std::string& table, const std::vector<Resource>& resources, int minute = 0) {
    BatchToLoad batch{.batch = BatchId{++last_batch_}, .blobs = {}};
    std::string rows, components;
    int index = 0;
    for (const auto& resource : resources) {
      const auto trailing =
          digest_of(resource) + "," + std::to_string(batch.batch.value) + ",0," + std::to_string(index++) + "\n";
      rows +=
          resource.id + "," + resource.version + "," + resource.last_updated + "," + resource.value + "," + trailing;
      for (const auto& component : resource.components) components += resource.id + "," + component + "," + trailing;
    }
    batch.blobs.push_back(put(table, rows));
    if (!components.empty()) batch.blobs.push_back(put("observation_component", components));
    record(run, batch, minute);
    return batch;
  }

  void record(RunId run, const BatchToLoad& batch, int minute = 0) {
    const auto raw =
        connection_.query("INSERT INTO raw_blob (blob_key, bytes, frames) VALUES ($1, 1, 1) RETURNING raw_blob_id",
                          {"raw/" + std::to_string(run.value) + "/" + std::to_string(batch.batch.value)});
    connection_.query(
        "INSERT INTO staged_batch (run_id, batch, resource_type, raw_blob_id, entries_received, duplicates, "
        "out_of_zip, rejected, "
        "staged, requests, retries, bytes_received, seconds, fetched_at, result) "
        "VALUES ($1, $2, 'Patient', $3, 0, 0, 0, 0, 0, 0, 0, 0, 0, '2026-06-01T00:00Z'::timestamptz + $4 * interval '1 "
        "minute', '{}')",
        {run.value, batch.batch.value, raw.integer(0, 0), minute});
  }

  LoadRequest request(RunId run, std::vector<BatchToLoad> batches, std::string_view zipcode = "02139") {
    return {.run = run, .zipcode = meta::Zipcode::parse(zipcode), .batches = std::move(batches), .tables = kTargets};
  }

  static void no_fence(Connection&) {}

  std::vector<TableCounts> load(RunId run, std::vector<BatchToLoad> batches) {
    return load_batches(connection_, *store_, request(run, std::move(batches)), no_fence);
  }

  // As text, rows by |, ordered.
  std::vector<std::string> rows(const std::string& sql) {
    const auto result = connection_.query(sql);
    std::vector<std::string> out;
    for (int row = 0; row < result.rows(); ++row) out.emplace_back(result.text(row, 0));
    return out;
  }
  std::vector<std::string> patients() {
    return rows("SELECT concat_ws(' ', id, family, last_seen_run) FROM patient ORDER BY id");
  }
  std::vector<std::string> components() {
    return rows(
        "SELECT concat_ws(' ', observation_id, value) FROM observation_component ORDER BY observation_id, value");
  }
  std::int64_t count(const std::string& table) {
    return connection_.query("SELECT count(*) FROM " + table).integer(0, 0);
  }

  fixture::TestDatabase database_;
  fixture::TestDirectory directory_;
  std::unique_ptr<BlobStore> store_ = open_blob_store("file://" + directory_.path().string());
  Connection connection_ = database_.connect();
  std::int64_t last_batch_ = 0;
};

inline std::string text(const TableCounts& c) {
  return c.table + ": " + std::to_string(c.rows) + " = " + std::to_string(c.duplicates) + " + " +
         std::to_string(c.inserted) + " + " + std::to_string(c.updated) + " + " + std::to_string(c.unchanged) + " + " +
         std::to_string(c.older);
}

// "table: rows = duplicates + inserted + updated + unchanged + older"
inline std::vector<std::string> texts(const std::vector<TableCounts>& counts) {
  std::vector<std::string> out;
  for (const auto& table : counts) out.push_back(text(table));
  std::ranges::sort(out);
  return out;
}

inline Error error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "nothing was thrown"};
}

}  // namespace wellhead::storage
