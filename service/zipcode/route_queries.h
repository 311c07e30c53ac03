// The SELECTs behind the routes of zip codes and runs. Each gives rows of (key, JSON object): these lists are short, so
// PostgreSQL may as well write the JSON.
#pragma once

#include <array>
#include <memory>

#include "library/storage/postgres/async_connection.h"

namespace wellhead::zipcode {

class RouteStatements {
 public:
  RouteStatements();

  storage::Statement zipcodes;    // after zip code $1, $2 of them
  storage::Statement zipcode;     // $1
  storage::Statement run;         // $1
  storage::Statement run_detail;  // $1; with receipts
  // $1; by sums over what is staged and loaded, for a server that cannot ask the run itself
  storage::Statement progress;
  // Parameters: the filters given, the run before which, how many.
  const storage::Statement& runs(bool by_zipcode, bool by_state) const {
    return *runs_[by_zipcode ? 1 : 0][by_state ? 1 : 0];
  }

 private:
  std::array<std::array<std::unique_ptr<storage::Statement>, 2>, 2> runs_;
};

}  // namespace wellhead::zipcode
