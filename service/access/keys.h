// Keys of the API: made, listed, revoked. A key is shown once, as wellhead_ID_SECRET with 256 random bits of secret;
// the database keeps its argon2id hash alone.
//
// Every call blocks and throws the Error{database_*} of library/storage/postgres/connection.h. What changes a key is
// written to the audit trail in the same transaction.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "library/meta/describe.h"
#include "library/storage/postgres/connection.h"
#include "library/webserver/access.h"

namespace wellhead::access {

struct ApiKey {
  std::string id;
  std::string name;
  std::string role;
  std::vector<std::string> zip_prefixes;  // empty: all zip codes
  std::string created_at;
  std::optional<std::string> expires_at;
  std::optional<std::string> revoked_at;
  bool usable = true;  // neither expired nor revoked

  static constexpr auto kFields =
      meta::fields(meta::field("id", &ApiKey::id), meta::field("name", &ApiKey::name),
                   meta::field("role", &ApiKey::role), meta::field("zip_prefixes", &ApiKey::zip_prefixes),
                   meta::field("created_at", &ApiKey::created_at), meta::field("expires_at", &ApiKey::expires_at),
                   meta::field("revoked_at", &ApiKey::revoked_at), meta::field("usable", &ApiKey::usable));
};

struct KeyRequest {
  webserver::Role role = webserver::Role::read;
  std::string name;
  std::vector<std::string> zip_prefixes;
  std::optional<std::chrono::seconds> lifetime;  // nullopt: for ever
};

struct CreatedKey {
  std::string key;  // to be shown once
  ApiKey description;

  static constexpr auto kFields =
      meta::fields(meta::field("key", &CreatedKey::key), meta::field("description", &CreatedKey::description));
};

CreatedKey create_key(storage::Connection& connection, const KeyRequest& request);
// The latest first.
std::vector<ApiKey> list_keys(storage::Connection& connection);
// Error{not_found}. A key that is revoked already stays as it is.
ApiKey revoke_key(storage::Connection& connection, std::string_view id);
bool has_usable_key(storage::Connection& connection);

// A key's two parts; nullopt for what cannot be one.
struct KeyParts {
  std::string_view id;
  std::string_view secret;
};
std::optional<KeyParts> split_key(std::string_view key);

// "021*" or "02139" as the digits that zip codes begin with. Error{invalid_input} otherwise.
std::string parse_zip_prefix(std::string_view text);
// "90d", "12h", "30m"; "never" is nullopt. Error{invalid_input} otherwise, and for what is not in the future.
std::optional<std::chrono::seconds> parse_lifetime(std::string_view text);

}  // namespace wellhead::access
