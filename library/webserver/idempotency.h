// Idempotency-Key (IETF draft-ietf-httpapi-idempotency-key-header): a request that is sent again, because its answer
// was lost, is not done again but answered as before.
//
// A key is of its caller alone, and stands for one request: method, path, query and body. The same key with another
// request is 422, with one that is being answered 409. What has failed is not kept: nothing was done, and the key may
// be used again. The header's value may be written as the draft has it, in double quotes, or bare.
#pragma once

#include <optional>
#include <string>

#include "library/webserver/blocking_pool.h"
#include "library/webserver/route.h"

namespace wellhead::webserver {

// One use of a key.
struct IdempotentRequest {
  std::string caller;  // id of the principal; empty: nobody needs a credential
  std::string key;
  std::string request;  // SHA-256 of what was asked, in hex
  std::string owner;    // of this use alone, so that one that was given up changes nothing any more
};

// Where keys are kept. Its functions are called on the pool, and may block; thread-safe.
class IdempotencyKeys {
 public:
  struct Known {
    bool same_request = true;          // false: the key was used for something else
    std::optional<Response> response;  // nullopt: not answered yet
  };
  virtual ~IdempotencyKeys() = default;
  // nullopt: the key is new, and taken by the caller, who ends with keep() or forget().
  virtual std::optional<Known> take(const IdempotentRequest& use) = 0;
  // Neither throws: where they fail, the key stays taken until it is given up.
  virtual void keep(const IdempotentRequest& use, const Response& response) = 0;
  virtual void forget(const IdempotentRequest& use) = 0;
};

// Makes a route take the header: its handler is called once for each key. keys and pool outlive the route. keys null:
// a request with the header is 503.
void make_idempotent(IdempotencyKeys* keys, BlockingPool& pool, Route& route);

}  // namespace wellhead::webserver
