#include "service/access/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "library/meta/error.h"
#include "library/security/argon2.h"
#include "library/security/secret.h"

namespace wellhead::access {
namespace {

using meta::Error;
using meta::ErrorCode;
using storage::Connection;

constexpr std::string_view kPrefix = "wellhead_";
constexpr std::size_t kIdBytes = 6;
constexpr std::size_t kIdDigits = 2 * kIdBytes;
constexpr std::size_t kSecretBytes = 32;
constexpr std::size_t kSecretCharacters = 43;
constexpr std::size_t kZipDigits = 5;

// PostgreSQL writes the list as JSON, which is read by its description.
constexpr std::string_view kColumns =
    "SELECT json_strip_nulls(json_build_object('id', key_id, 'name', name, 'role', role, 'zip_prefixes', "
    "to_json(zip_prefixes), 'created_at', to_char(created_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'expires_at', "
    "to_char(expires_at, 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'revoked_at', to_char(revoked_at, "
    "'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), 'usable', revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), "
    "true))) FROM api_key ";

ApiKey read_key(Connection& connection, std::string_view id) {
  const auto rows = connection.query(std::string(kColumns) + "WHERE key_id = $1", {id});
  if (rows.empty()) {
    throw Error(ErrorCode::not_found, fmt::format("there is no key {}", id), "`wellhead keys list` shows them");
  }
  return meta::from_json<ApiKey>(rows.text(0, 0));
}

void audit(Connection& connection, std::string_view action, const std::string& detail) {
  connection.query(
      "INSERT INTO audit (at, until, times, actor, client, action, request_id, detail) VALUES (clock_timestamp(), "
      "clock_timestamp(), 1, 'command line', '', $1, '', $2)",
      {action, detail});
}

bool is_hex(std::string_view text) { return text.find_first_not_of("0123456789abcdef") == std::string_view::npos; }

}  // namespace

CreatedKey create_key(Connection& connection, const KeyRequest& request) {
  const std::string id = security::to_hex(security::random_bytes(kIdBytes));
  const std::string secret = security::to_base64url(security::random_bytes(kSecretBytes));
  const std::string hash = security::argon2id(secret);
  std::optional<std::int64_t> seconds;
  if (request.lifetime) seconds = request.lifetime->count();
  storage::Transaction transaction(connection);
  connection.query(
      "INSERT INTO api_key (key_id, name, role, zip_prefixes, hash, expires_at) VALUES ($1, $2, $3, $4::text[], $5, "
      "clock_timestamp() + make_interval(secs => $6::double precision))",
      {id, request.name, to_string(request.role), storage::array_literal(request.zip_prefixes), hash, seconds});
  audit(connection, "create_key", fmt::format("{} {}", id, to_string(request.role)));
  CreatedKey created{fmt::format("{}{}_{}", kPrefix, id, secret), read_key(connection, id)};
  transaction.commit("create_key");
  return created;
}

std::vector<ApiKey> list_keys(Connection& connection) {
  const auto rows = connection.query(std::string(kColumns) + "ORDER BY api_key.created_at DESC, key_id");
  std::vector<ApiKey> keys;
  keys.reserve(static_cast<std::size_t>(rows.rows()));
  for (int row = 0; row < rows.rows(); ++row) keys.push_back(meta::from_json<ApiKey>(rows.text(row, 0)));
  return keys;
}

ApiKey revoke_key(Connection& connection, std::string_view id) {
  storage::Transaction transaction(connection);
  const auto changed = connection.query(
      "UPDATE api_key SET revoked_at = clock_timestamp() WHERE key_id = $1 AND revoked_at IS NULL", {id});
  if (changed.affected_rows() > 0) audit(connection, "revoke_key", std::string(id));
  ApiKey key = read_key(connection, id);
  transaction.commit("revoke_key");
  return key;
}

bool has_usable_key(Connection& connection) {
  return !connection
              .query(
                  "SELECT 1 FROM api_key WHERE revoked_at IS NULL AND coalesce(expires_at > clock_timestamp(), true) "
                  "LIMIT 1")
              .empty();
}

std::optional<KeyParts> split_key(std::string_view key) {
  if (!key.starts_with(kPrefix)) return std::nullopt;
  key.remove_prefix(kPrefix.size());
  if (key.size() != kIdDigits + 1 + kSecretCharacters || key[kIdDigits] != '_') return std::nullopt;
  const KeyParts parts{key.substr(0, kIdDigits), key.substr(kIdDigits + 1)};
  if (!is_hex(parts.id) || !security::from_base64url(parts.secret)) return std::nullopt;
  return parts;
}

std::string parse_zip_prefix(std::string_view text) {
  const bool open = text.ends_with('*');
  const std::string_view digits = text.substr(0, text.size() - (open ? 1 : 0));
  const bool fits = open ? !digits.empty() && digits.size() <= kZipDigits : digits.size() == kZipDigits;
  if (!fits || digits.find_first_not_of("0123456789") != std::string_view::npos) {
    throw Error(ErrorCode::invalid_input, fmt::format("'{}' is neither a zip code nor the beginning of some", text),
                "Write 02139 or 021*");
  }
  return std::string(digits);
}

std::optional<std::chrono::seconds> parse_lifetime(std::string_view text) {
  if (text == "never") return std::nullopt;
  constexpr std::int64_t most = 100LL * 365 * 86'400;
  const std::string_view digits = text.substr(0, text.empty() ? 0 : text.size() - 1);
  std::int64_t number = 0;
  const auto [end, failed] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  const char unit = text.empty() ? '\0' : text.back();
  const std::int64_t factor = unit == 'd' ? 86'400 : unit == 'h' ? 3'600 : unit == 'm' ? 60 : unit == 's' ? 1 : 0;
  if (digits.empty() || failed != std::errc{} || end != digits.data() + digits.size() || number <= 0 || factor == 0 ||
      number > most / factor) {
    throw Error(ErrorCode::invalid_input, fmt::format("'{}' is no lifetime of a key", text),
                "Write 90d, 12h, 30m or never");
  }
  return std::chrono::seconds(number * factor);
}

}  // namespace wellhead::access
