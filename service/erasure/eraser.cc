#include "service/erasure/eraser.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <functional>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/blob_removal.h"
#include "service/erasure/erasing.h"

namespace wellhead::erasure {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::Connection;

// Beside loads of other zip codes a deadlock is possible; PostgreSQL ends one of the two.
constexpr int kMostTries = 5;

constexpr std::string_view kPatientsOfZipcode = R"(
SELECT patient_id FROM zipcode_patient z WHERE zipcode = $1
   AND NOT EXISTS (SELECT FROM zipcode_patient other WHERE other.patient_id = z.patient_id AND other.zipcode <> $1))";
constexpr std::string_view kOpenRun =
    "SELECT run_id FROM run WHERE zipcode = $1 AND state IN ('queued', 'running') LIMIT 1";
constexpr std::string_view kRejectsOfZipcode =
    "DELETE FROM reject WHERE run_id IN (SELECT run_id FROM run WHERE zipcode = $1)";

constexpr std::string_view kErasedBlobs = R"(
SELECT blob_key FROM erased_blob e
 WHERE NOT EXISTS (SELECT FROM raw_blob r WHERE r.blob_key = e.blob_key)
   AND NOT EXISTS (SELECT FROM staged_blob s WHERE s.blob_key = e.blob_key AND s.removed_at IS NULL))";

void audit(Connection& connection, const OnBehalf& by, std::string_view action,
           const std::optional<std::string>& patient, const std::string& detail) {
  connection.query(
      "INSERT INTO audit (at, until, times, actor, client, action, patient_id, request_id, detail) VALUES "
      "(clock_timestamp(), clock_timestamp(), 1, $1, $2, $3, $4, $5, $6)",
      {by.actor, by.client, action, patient, by.request_id, detail});
}

std::string detail_of(const Erased& erased) {
  return fmt::format("{} patients, {} rows, {} rejects, {} raw resources", erased.patients, erased.rows, erased.rejects,
                     erased.raw_resources);
}

// From whom was chosen to where only the audit trail is missing.
void erase_chosen(Erasing& erasing, const ErasureKey& key) {
  erasing.rewrite_raw_blobs();
  erasing.delete_rows();
  erasing.delete_rejects();
  erasing.drop_staged_blobs();
  erasing.forget_membership();
  erasing.remember(key);
}

bool was_erased(Connection& connection, const ErasureKey& key, const std::string& id) {
  return !connection
              .query("SELECT 1 FROM erased_patient WHERE digest = decode($1, 'hex')", {security::to_hex(key.of(id))})
              .empty();
}

Erased in_transaction(Connection& connection, const ErasureKey& key, const std::function<Erased()>& erase) {
  require_key(connection, key);
  for (int attempt = 1;; ++attempt) {
    try {
      storage::Transaction transaction(connection);
      storage::stop_staging(connection);
      Erased erased = erase();
      transaction.commit("erase");
      return erased;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::database_conflict || attempt >= kMostTries) throw;
      spdlog::debug("erasing is tried again: {}", error.message());
    }
  }
}

}  // namespace

Erased Eraser::erase_patient(const std::string& id, const OnBehalf& by) {
  auto connection = database_.borrow();
  const Erased erased = in_transaction(*connection, key_, [&] {
    const bool before = was_erased(*connection, key_, id);
    Erasing erasing(*connection, blobs_, tables_);
    erasing.choose({id});
    erasing.require_not_loading();
    erase_chosen(erasing, key_);
    const auto& counts = erasing.counts;
    if (!before && counts.rows + counts.rejects + counts.raw_resources == 0) {
      throw Error(ErrorCode::not_found, "There is no patient with this id");
    }
    audit(*connection, by, "erase_patient", id, detail_of(counts));
    return counts;
  });
  remove_erased_blobs(*connection, blobs_);
  return erased;
}

Erased Eraser::erase_zipcode(const meta::Zipcode& zipcode, const OnBehalf& by) {
  auto connection = database_.borrow();
  const Erased erased = in_transaction(*connection, key_, [&] {
    const auto open = connection->query(kOpenRun, {zipcode.text()});
    if (!open.empty()) {
      throw Error(ErrorCode::conflict, fmt::format("run {} is loading this zip code", open.integer(0, 0)),
                  "Erase it when the run has ended, or cancel the run");
    }
    if (connection->query("SELECT 1 FROM run WHERE zipcode = $1 LIMIT 1", {zipcode.text()}).empty()) {
      throw Error(ErrorCode::not_found, "This zip code was never loaded");
    }
    const auto rows = connection->query(kPatientsOfZipcode, {zipcode.text()});
    std::vector<std::string> patients;
    patients.reserve(static_cast<std::size_t>(rows.rows()));
    for (int row = 0; row < rows.rows(); ++row) patients.emplace_back(rows.text(row, 0));
    Erasing erasing(*connection, blobs_, tables_);
    erasing.choose(patients);
    erasing.require_not_loading();
    erase_chosen(erasing, key_);
    erasing.counts.rejects += connection->query(kRejectsOfZipcode, {zipcode.text()}).affected_rows();
    connection->query("DELETE FROM zipcode_patient WHERE zipcode = $1", {zipcode.text()});
    connection->query("DELETE FROM zipcode WHERE zipcode = $1", {zipcode.text()});
    audit(*connection, by, "erase_zipcode", std::nullopt,
          fmt::format("{}: {}", zipcode.text(), detail_of(erasing.counts)));
    return erasing.counts;
  });
  remove_erased_blobs(*connection, blobs_);
  return erased;
}

std::int64_t remove_erased_blobs(Connection& connection, storage::BlobStore& blobs) {
  if (connection.query("SELECT 1 FROM erased_blob LIMIT 1").empty()) return 0;
  storage::Transaction transaction(connection);
  storage::stop_staging(connection);
  const auto due = connection.query(kErasedBlobs);
  std::int64_t removed = 0;
  for (int row = 0; row < due.rows(); ++row) {
    const storage::BlobKey key{std::string(due.text(row, 0))};
    try {
      blobs.remove(key);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::blob_missing) {
        spdlog::warn("a blob with something of an erased patient could not be deleted, and will be: {}",
                     error.message());
        continue;
      }
    }
    connection.query("DELETE FROM erased_blob WHERE blob_key = $1", {key.text});
    ++removed;
  }
  transaction.commit("remove_erased_blobs");
  return removed;
}

}  // namespace wellhead::erasure
