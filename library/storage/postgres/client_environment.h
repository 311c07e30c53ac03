// How another program is told to connect: by libpq's environment variables, which other users of the machine cannot
// read, as they could a command line with a password.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace wellhead::storage {

struct ClientEnvironment {
  std::vector<std::pair<std::string, std::string>> variables;  // PGHOST, PGUSER, PGPASSWORD …
  std::string rest;  // what has no variable, as a connection string: "keepalives=1"; may be empty
};

// url: a libpq URI or keyword string. Error{invalid_setting} when it is neither.
ClientEnvironment client_environment(const std::string& url);

}  // namespace wellhead::storage
