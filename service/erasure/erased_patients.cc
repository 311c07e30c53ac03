#include "service/erasure/erased_patients.h"

#include "library/meta/error.h"

namespace wellhead::erasure {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::Connection;

constexpr std::string_view kFingerprintText = "wellhead erasure key";
constexpr std::string_view kAdvice =
    "Set WELLHEAD_SECRET_FILE to the secret that patients were erased with (by default the file secret in "
    "WELLHEAD_HOME of the machine that did it)";

}  // namespace

void require_key(Connection& connection, const ErasureKey& key) {
  const std::string fingerprint = security::to_hex(key.digest.of(kFingerprintText));
  connection.query("INSERT INTO erasure_key (fingerprint) VALUES ($1) ON CONFLICT DO NOTHING", {fingerprint});
  if (connection.query("SELECT fingerprint FROM erasure_key").text(0, 0) == fingerprint) return;
  throw Error(ErrorCode::invalid_setting,
              connection.where() + ": its erased patients are remembered by another secret than this process has",
              std::string(kAdvice));
}

ErasedPatients ErasedPatients::read(Connection& connection, const ErasureKey* key) {
  ErasedPatients erased;
  const auto rows = connection.query("SELECT encode(digest, 'hex') FROM erased_patient");
  if (rows.empty()) return erased;
  if (key == nullptr) {
    throw Error(ErrorCode::invalid_setting,
                connection.where() + ": patients were erased there, and this process has no secret to know them by",
                std::string(kAdvice));
  }
  require_key(connection, *key);
  erased.key_ = key;
  for (int row = 0; row < rows.rows(); ++row) erased.digests_.emplace(rows.text(row, 0));
  return erased;
}

std::optional<std::string> ErasedPatients::find(std::string_view patient_id) const {
  if (digests_.empty() || patient_id.empty()) return std::nullopt;
  std::string digest = security::to_hex(key_->of(patient_id));
  if (!digests_.contains(digest)) return std::nullopt;
  return digest;
}

bool ErasedPatients::current(Connection& connection) const {
  const auto rows =
      connection.query("SELECT count(*) FROM erased_patient WHERE encode(digest, 'hex') <> ALL ($1::text[])",
                       {storage::array_literal(std::vector<std::string>(digests_.begin(), digests_.end()))});
  return rows.integer(0, 0) == 0;
}

void restore(Connection& connection, const std::vector<std::string>& digests) {
  if (digests.empty()) return;
  connection.query("DELETE FROM erased_patient WHERE encode(digest, 'hex') = ANY ($1::text[])",
                   {storage::array_literal(digests)});
}

}  // namespace wellhead::erasure
