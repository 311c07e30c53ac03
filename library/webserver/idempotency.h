// Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a request that is sent again, because its answer
// was lost, is not done again but answered as before.
//
// Answers are kept in this process, for a day and up to 10,000 of them; another process does not know them. What has
// failed on this side (5xx) is not kept.
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>

#include "library/webserver/route.h"

namespace wellhead::webserver {

// Thread-safe.
class IdempotencyKeys {
 public:
  struct Known {
    bool same_request = true;          // false: the key was used for something else
    std::optional<Response> response;  // nullopt: not answered yet
  };
  // nullopt: the key is new, and taken by the caller, who must end with keep() or forget().
  std::optional<Known> take(const std::string& key, const std::string& request);
  void keep(const std::string& key, const Response& response);
  void forget(const std::string& key);

 private:
  struct Entry {
    std::string request;  // digest
    std::optional<Response> response;
    std::chrono::steady_clock::time_point since;
  };
  void drop_old();

  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::deque<std::string> order_;
};

// Makes a route take the header: its handler is called once for each key.
void make_idempotent(const std::shared_ptr<IdempotencyKeys>& keys, Route& route);

}  // namespace wellhead::webserver
