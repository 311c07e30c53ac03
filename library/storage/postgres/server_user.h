// Running programs as the unprivileged user that owns a PostgreSQL cluster.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace wellhead::storage {

struct ServerUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::string name;

  // Whether this process must change its user to run as it.
  bool differs() const;
};

// Who is to own directory's server: its present owner; when it does not exist or root owns it, this process's user, or
// `postgres` (else `nobody`) if that is root. Error{database_unreachable} when the owner is someone this process cannot
// become.
ServerUser choose_server_user(const std::filesystem::path& directory);

// Starts a program as the user, in a session of its own, from / with no descriptors but output as its standard output
// and error. The caller waits for the child.
pid_t spawn_as(const ServerUser& user, const std::vector<std::string>& command, int output);

// Runs action in a child process as the user and returns its result (0 to 125); 126: could not become the user.
int call_as(const ServerUser& user, const std::function<int()>& action);

struct Finished {
  int status = 0;  // exit status; 128 + signal
  std::string output;
};

// Runs a program to its end.
Finished run_as(const ServerUser& user, const std::vector<std::string>& command);

}  // namespace wellhead::storage
