// Idempotency-Keys in the table idempotency_key, which all processes of the API share: a key holds across restarts, and
// whichever of them is asked. An answer is kept for a day.
//
// A key whose process died before it answered is free again after a minute, for the same request. Then that is done
// once more: what was asked for may have been done already, which a load that joins the one under way makes harmless.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "library/storage/postgres/connection.h"
#include "library/webserver/idempotency.h"

namespace wellhead::access {

struct IdempotencyOptions {
  std::string database_url;
  int connections = 2;  // most at a time; made when they are needed
  std::chrono::seconds kept_for{24 * 60 * 60};
  std::chrono::seconds taken_for{60};  // to be answered
};

class IdempotencyTable final : public webserver::IdempotencyKeys {
 public:
  explicit IdempotencyTable(IdempotencyOptions options);

  // Error{database_unreachable} and others of the database: nothing is taken.
  std::optional<Known> take(const webserver::IdempotentRequest& use) override;
  void keep(const webserver::IdempotentRequest& use, const webserver::Response& response) override;
  void forget(const webserver::IdempotentRequest& use) override;

 private:
  IdempotencyOptions options_;
  storage::ConnectionPool database_;
};

// Removes those whose day is over; says how many. Safe beside whatever uses them.
std::int64_t remove_expired_idempotency_keys(storage::Connection& connection);

}  // namespace wellhead::access
