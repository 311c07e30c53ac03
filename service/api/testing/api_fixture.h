// An API server over a database of its own with the real tables, for tests.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "library/storage/postgres/connection.h"
#include "library/webserver/testing/raw_client.h"
#include "service/api/server.h"
#include "tests/fixture/database.h"

namespace wellhead::api::testing {

// Migrations and resource tables.
void make_schema(storage::Connection& connection);

// Two zip codes in the midst of being loaded:
//   02139: run 1 complete, run 2 complete (the last), run 3 running; 02140: run 4 running, none complete
//   patients  smith  Smith, Ann        02139, runs 1–2
//             smythe Smythe, Bob       02139, run 1 only: no longer found
//             jones  Jones, ann marie  02139, runs 2–3
//             new    Oconnor, Zoe      02139, run 3 only: not there yet as of run 2
//             other  smithers, Xaver   02140, run 4
// smith has observations o1 (with components), o2, o3 (run 1 only: no longer found); jones o4; smythe o5; other o6
void seed(storage::Connection& connection);

class ApiTest : public ::testing::Test {
 public:
  ~ApiTest() override;

 protected:
  ApiTest();

  void start();
  webserver::testing::RawResponse get(const std::string& target, const std::string& headers = {});
  // The ids of a list's items, which must be answered with 200.
  std::vector<std::string> ids(const std::string& target);
  // The ids of all pages, following `next`.
  std::vector<std::string> all_ids(std::string target, const std::function<void()>& between_pages = {});

  fixture::TestDatabase database_;
  storage::Connection connection_;
  ServerOptions options_;
  std::unique_ptr<Server> server_;
};

// With the schema, and what seed() puts there.
class SeededApiTest : public ApiTest {
 protected:
  SeededApiTest() {
    make_schema(connection_);
    seed(connection_);
  }
};

// The value at a JSON pointer, minified; empty when there is none.
std::string at(const std::string& json, const std::string& pointer);

}  // namespace wellhead::api::testing
