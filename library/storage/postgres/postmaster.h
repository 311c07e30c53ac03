// Which process, if any, is the server of a data directory. What the server's own files say is not enough: after a
// crash or in a new container their process id may be someone else's.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

#include "library/storage/postgres/server_user.h"

namespace wellhead::storage {

// The running postmaster of data, by postmaster.pid and the process's command line (`postgres -D data`).
std::optional<pid_t> find_postmaster(const std::filesystem::path& data);

// What data/postmaster.pid names when find_postmaster() finds nothing.
enum class PidFile {
  none_or_dead,  // the server deals with such a file itself
  ended,         // a postmaster that was killed and whose parent has not noticed: the file may be removed
  foreign,       // a living process that is no postmaster of data; or the server runs in another container
};
PidFile inspect_pid_file(const std::filesystem::path& data);

// The same of a socket's lock file; such a file may be removed.
bool is_stale_socket_lock(const std::filesystem::path& lock);

// Ends server processes of data whose postmaster was killed (they would hold its shared memory). Returns whether any
// was there.
bool end_orphans(const std::filesystem::path& data, const ServerUser& user);

}  // namespace wellhead::storage
