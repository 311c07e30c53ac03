// Making, starting and stopping the server of an own cluster. The caller holds the cluster's start lock.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <optional>

#include "library/storage/postgres/cluster_layout.h"
#include "library/storage/postgres/server_user.h"

namespace wellhead::storage {

class ClusterServer {
 public:
  ClusterServer(ClusterLayout layout, ServerUser user, std::function<bool()> cancelled);

  // Whether it takes connections, or (coming up or recovering) will. `alone`: no other process uses the cluster, so
  // that a process id left behind by a crash is nobody's.
  bool is_running() const;

  // initdb, when there is no data directory yet.
  void make_data();
  void start(bool alone, std::chrono::seconds patience);
  // Waits until it takes connections.
  void wait_until_ready(std::chrono::seconds patience);
  void make_database() const;
  void stop(std::chrono::seconds patience);

 private:
  void write_configuration() const;
  void remove_stale_files(bool alone) const;
  void make_socket_directory() const;
  void spawn();
  bool child_ended();
  [[noreturn]] void fail_start() const;

  ClusterLayout layout_;
  ServerUser user_;
  std::function<bool()> cancelled_;
  std::optional<pid_t> child_;
  std::uintmax_t log_start_ = 0;
};

// What a server program's output says went wrong, as Error{database_unreachable}: a full disk, missing permission, or
// its last complaint.
[[noreturn]] void fail_with_output(std::string_view doing, std::string_view output, const ClusterLayout& layout);

}  // namespace wellhead::storage
