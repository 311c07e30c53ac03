// DELETE /patients/{id} and /zipcodes/{zipcode}, for admins.
#pragma once

#include <string>

#include "library/meta/ids.h"
#include "library/webserver/blocking_pool.h"
#include "library/webserver/route.h"
#include "service/erasure/eraser.h"

namespace wellhead::erasure {

// Thread-safe; blocks. See Eraser, which the program binds to its database and blob store.
class ErasureOperations {
 public:
  virtual ~ErasureOperations() = default;
  virtual Erased erase_patient(const std::string& id, const OnBehalf& by) = 0;
  virtual Erased erase_zipcode(const meta::Zipcode& zipcode, const OnBehalf& by) = 0;
};

// operations: null where this server only reads: 503. Both outlive the routes.
void add_erasure_routes(ErasureOperations* operations, webserver::BlockingPool& pool, webserver::RouteTable& table);

}  // namespace wellhead::erasure
