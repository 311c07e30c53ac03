// A PostgreSQL server of our own: from Debian's postgresql package, for this machine only, on a Unix socket.
//
// It lies under WELLHEAD_HOME/postgres: a data directory named by major version, the server's log, the socket, and two
// lock files. The server runs as an unprivileged user (PostgreSQL refuses to run as root): started by root, as the
// owner of that directory, `postgres` when it is new. Where the socket's path would be longer than the 107 bytes that
// Unix allows, the socket lies in a directory of its own under /tmp.
//
// Processes that share a home share the server: the first starts it, the last one stops it. A process that was killed
// leaves the server running; the next one finds it and goes on with it. A server that was killed recovers when it is
// started again: by the next process that needs it, or by one that keeps it running.
//
// The constructor and release() block. Not thread-safe. Errors, all with the command to run as advice:
// Error{database_unreachable} (no server programs, no permission, disk full, taken socket, did not start),
// Error{database_version} (the data belongs to a major version that is not installed), Error{cancelled}.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace wellhead::storage {

struct OwnClusterOptions {
  std::filesystem::path home;  // WELLHEAD_HOME; made when missing
  std::filesystem::path programs = "/usr/lib/postgresql";
  std::chrono::seconds start_patience{300};  // recovery after a crash takes its time
  std::chrono::seconds stop_patience{20};    // then without a checkpoint, which costs a recovery
  std::function<bool()> cancelled;           // asked while waiting; may be empty
};

class OwnCluster {
 public:
  // Returns when the server takes connections.
  explicit OwnCluster(OwnClusterOptions options);
  ~OwnCluster();  // release(), with errors logged
  OwnCluster(const OwnCluster&) = delete;
  OwnCluster& operator=(const OwnCluster&) = delete;

  const std::string& url() const;
  int major_version() const;
  bool started_here() const;  // false: it was running already

  // From now until release() starts the server again when it was killed, on a thread of its own; connections are lost
  // and come back. `cancelled` is asked on that thread too. What keeps it from starting is logged and tried again.
  void keep_running();

  // Gives it up; stops the server if no other process uses it.
  void release();

 private:
  class State;
  std::unique_ptr<State> state_;
};

// Where the cluster of a home is reached while it runs. Starts nothing; errors as above.
std::string own_cluster_url(const std::filesystem::path& home);

}  // namespace wellhead::storage
