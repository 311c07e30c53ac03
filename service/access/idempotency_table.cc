#include "service/access/idempotency_table.h"

#include <simdjson.h>
#include <spdlog/spdlog.h>

#include <exception>
#include <string_view>
#include <utility>
#include <vector>

#include "library/meta/error.h"

namespace wellhead::access {
namespace {

using storage::Connection;
using webserver::IdempotentRequest;
using webserver::Response;

constexpr std::string_view kContentType = "Content-Type";

// Takes a key that is new, whose day is over, or whose process died over the same request.
constexpr std::string_view kTake = R"sql(
INSERT INTO idempotency_key AS known (caller, key, request, owner, taken_until, expires_at)
VALUES ($1, $2, $3, $4, clock_timestamp() + make_interval(secs => $5::int), clock_timestamp() + make_interval(secs => $6::int))
ON CONFLICT (caller, key) DO UPDATE
   SET request = excluded.request, owner = excluded.owner, taken_until = excluded.taken_until,
       expires_at = excluded.expires_at, status = NULL, headers = NULL, body = NULL
 WHERE known.expires_at <= clock_timestamp()
    OR (known.status IS NULL AND known.taken_until <= clock_timestamp() AND known.request = excluded.request)
RETURNING true)sql";
constexpr std::string_view kLook =
    "SELECT request = $3, status, to_json(headers), body FROM idempotency_key WHERE caller = $1 AND key = $2";
constexpr std::string_view kKeep =
    "UPDATE idempotency_key SET status = $4, headers = $5::text[], body = $6"
    " WHERE caller = $1 AND key = $2 AND owner = $3";
constexpr std::string_view kForget =
    "DELETE FROM idempotency_key WHERE caller = $1 AND key = $2 AND owner = $3 AND status IS NULL";
constexpr std::string_view kRemoveExpired = "DELETE FROM idempotency_key WHERE expires_at <= clock_timestamp()";

// It may be removed between the two statements.
constexpr int kTries = 5;

Response answer_of(const storage::Result& row) {
  Response response;
  response.status = static_cast<int>(row.integer(0, 1));
  response.body = row.text(0, 3);
  simdjson::dom::parser parser;
  const simdjson::padded_string text(row.text(0, 2));
  std::string name;
  for (const auto part : simdjson::dom::array(parser.parse(text))) {
    const std::string_view word = part;
    if (name.empty()) {
      name = word;
      continue;
    }
    if (name == kContentType) {
      response.content_type = word;
    } else {
      response.headers.emplace_back(name, word);
    }
    name.clear();
  }
  return response;
}

storage::ConnectionOptions connection_options() {
  return {.application_name = "wellhead idempotency", .connect_timeout_seconds = 5, .statement_timeout_seconds = 10};
}

}  // namespace

IdempotencyTable::IdempotencyTable(IdempotencyOptions options)
    : options_(std::move(options)), database_(options_.database_url, options_.connections, connection_options()) {}

std::optional<IdempotencyTable::Known> IdempotencyTable::take(const IdempotentRequest& use) {
  auto connection = database_.borrow();
  for (int attempt = 0; attempt < kTries; ++attempt) {
    const auto taken = connection->query(
        kTake, {use.caller, use.key, use.request, use.owner, options_.taken_for.count(), options_.kept_for.count()});
    if (!taken.empty()) return std::nullopt;
    const auto known = connection->query(kLook, {use.caller, use.key, use.request});
    if (known.empty()) continue;
    Known found{.same_request = known.boolean(0, 0), .response = std::nullopt};
    if (found.same_request && !known.is_null(0, 1)) found.response = answer_of(known);
    return found;
  }
  throw meta::Error(meta::ErrorCode::database_conflict, "an Idempotency-Key was removed again and again");
}

void IdempotencyTable::keep(const IdempotentRequest& use, const Response& response) {
  try {
    std::vector<std::string> headers = {std::string(kContentType), response.content_type};
    for (const auto& [name, value] : response.headers) {
      headers.push_back(name);
      headers.push_back(value);
    }
    database_.borrow()->query(
        kKeep, {use.caller, use.key, use.owner, response.status, storage::array_literal(headers), response.body});
  } catch (const std::exception& error) {
    spdlog::warn("the answer to a request with an Idempotency-Key was not kept: {}", error.what());
  }
}

void IdempotencyTable::forget(const IdempotentRequest& use) {
  try {
    database_.borrow()->query(kForget, {use.caller, use.key, use.owner});
  } catch (const std::exception& error) {
    spdlog::warn("an Idempotency-Key stays taken for a while: {}", error.what());
  }
}

std::int64_t remove_expired_idempotency_keys(Connection& connection) {
  return connection.query(kRemoveExpired).affected_rows();
}

}  // namespace wellhead::access
