#include "library/storage/postgres/own_cluster.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "library/meta/error.h"
#include "library/storage/postgres/cluster_layout.h"
#include "library/storage/postgres/cluster_server.h"
#include "library/storage/postgres/postmaster.h"
#include "library/storage/postgres/server_user.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using meta::Error;
using meta::ErrorCode;

// How soon a killed server is noticed; looking costs two reads of small files.
constexpr auto kLookInterval = std::chrono::milliseconds(250);
constexpr auto kPauseAfterFailure = std::chrono::seconds(5);

[[noreturn]] void fail_cluster(std::string message, std::string advice) {
  throw Error(ErrorCode::database_unreachable, std::move(message), std::move(advice)).no_retry();
}

// A file locked with flock(2): the kernel gives the lock back when its process ends, however it ends.
class LockFile {
 public:
  explicit LockFile(const fs::path& path) : descriptor_(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    if (descriptor_ < 0) {
      fail_cluster(fmt::format("{} cannot be written: {}", path.string(), std::strerror(errno)),
                   "Check the directory's owner");
    }
  }
  ~LockFile() { ::close(descriptor_); }
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;

  bool try_lock(int kind) const { return ::flock(descriptor_, kind | LOCK_NB) == 0; }
  void unlock() const { ::flock(descriptor_, LOCK_UN); }

 private:
  int descriptor_;
};

class Locked {
 public:
  Locked(const LockFile& file, std::chrono::seconds patience, const std::function<bool()>& cancelled) : file_(file) {
    const auto until = std::chrono::steady_clock::now() + patience;
    while (!file.try_lock(LOCK_EX)) {
      if (cancelled && cancelled())
        throw Error(ErrorCode::cancelled, "stopped while another process starts PostgreSQL");
      if (std::chrono::steady_clock::now() > until) {
        fail_cluster("another wellhead process has been starting or stopping PostgreSQL for too long", "Try again");
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ~Locked() { file_.unlock(); }
  Locked(const Locked&) = delete;
  Locked& operator=(const Locked&) = delete;

 private:
  const LockFile& file_;
};

// Makes path and what is missing above it, passable for others whatever the umask says: the server's user must get
// through.
void make_directories(const fs::path& path) {
  std::vector<fs::path> missing;
  std::error_code failed;
  for (auto at = path; !fs::exists(at, failed); at = at.parent_path()) missing.push_back(at);
  for (; !missing.empty(); missing.pop_back()) {
    const auto& directory = missing.back();
    if (!fs::create_directory(directory, failed) && failed) {
      fail_cluster(fmt::format("{} cannot be made: {}", directory.string(), failed.message()),
                   "Make it, or set WELLHEAD_HOME to a directory that can be written");
    }
    ::chmod(directory.c_str(), 0755);
  }
}

// The directory of the cluster, which belongs to the server's user alone.
void make_cluster_directory(const fs::path& directory, const ServerUser& user) {
  make_directories(directory.parent_path());
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    fail_cluster(fmt::format("{} cannot be made: {}", directory.string(), std::strerror(errno)),
                 "Set WELLHEAD_HOME to a directory that can be written");
  }
  if (user.differs() &&
      (::chown(directory.c_str(), user.uid, user.gid) != 0 || ::chmod(directory.c_str(), 0700) != 0)) {
    fail_cluster(
        fmt::format("{} cannot be given to the user {}: {}", directory.string(), user.name, std::strerror(errno)),
        "Run wellhead as an ordinary user, or set WELLHEAD_DATABASE_URL to a server that is running");
  }
}

// Walks down as the server's user and names the first directory that keeps it out.
void check_reachable(const fs::path& directory, const ServerUser& user) {
  constexpr int not_allowed = 1;
  constexpr int allowed = 0;
  const auto may = [&](const fs::path& path, int mode) {
    const int result = call_as(user, [&] { return ::access(path.c_str(), mode) == 0 ? allowed : not_allowed; });
    if (result != allowed && result != not_allowed) {
      fail_cluster(
          fmt::format("PostgreSQL does not run as root, and this process may not become the user {}", user.name),
          "Run wellhead as an ordinary user, or set WELLHEAD_DATABASE_URL to a server that is running");
    }
    return result == allowed;
  };
  if (may(directory, R_OK | W_OK | X_OK)) return;
  fs::path at;
  for (const auto& part : directory) {
    at /= part;
    if (may(at, X_OK)) continue;
    fail_cluster(
        fmt::format("PostgreSQL runs as the user {}, who may not enter {}", user.name, at.string()),
        fmt::format("Set WELLHEAD_HOME to another directory, such as /var/lib/wellhead, or allow it: chmod o+x {}",
                    at.string()));
  }
  fail_cluster(fmt::format("{} cannot be written by the user {}", directory.string(), user.name),
               fmt::format("Give it to that user: chown -R {} {}", user.name, directory.string()));
}

}  // namespace

class OwnCluster::State {
 public:
  explicit State(OwnClusterOptions options)
      : options_(with_stop(std::move(options))),
        directory_(prepared(options_.home)),
        user_(choose_server_user(directory_)),
        start_(directory_ / "start.lock"),
        users_(directory_ / "users.lock"),
        layout_(choose_layout(directory_, options_.programs)),
        server_(layout_, user_, options_.cancelled) {
    const Locked locked(start_, options_.start_patience, options_.cancelled);
    started_here_ = bring_up();  // NOLINT(cppcoreguidelines-prefer-member-initializer): under the lock
    try {
      server_.make_database();
    } catch (const Error&) {
      if (started_here_) server_.stop(options_.stop_patience);
      throw;
    }
    url_ = layout_.url(kClusterName);
  }

  void keep_running() {
    if (keeper_.joinable()) return;
    keeper_ = std::jthread([this](const std::stop_token& stop) {
      std::mutex idle;
      std::condition_variable_any wake;
      std::unique_lock lock(idle);
      const auto pause = [&](auto time) { wake.wait_for(lock, stop, time, [&] { return stop.stop_requested(); }); };
      for (pause(kLookInterval); !stop.stop_requested(); pause(kLookInterval)) {
        if (!find_postmaster(layout_.data) && !start_again()) pause(kPauseAfterFailure);
      }
    });
  }

  void release() {
    stopping_ = true;
    if (keeper_.joinable()) {
      keeper_.request_stop();
      keeper_.join();
    }
    const Locked locked(start_, options_.stop_patience * 2, {});
    if (users_.try_lock(LOCK_EX)) {
      server_.stop(options_.stop_patience);
      spdlog::debug("PostgreSQL stopped");
    }
    users_.unlock();
  }

  const std::string& url() const { return url_; }
  int major_version() const { return layout_.major; }
  bool started_here() const { return started_here_; }

 private:
  OwnClusterOptions with_stop(OwnClusterOptions options) const {
    options.cancelled = [this, given = std::move(options.cancelled)] { return stopping_ || (given && given()); };
    return options;
  }

  // Whether it runs. Another process may have been quicker.
  bool start_again() {
    try {
      const Locked locked(start_, options_.start_patience, options_.cancelled);
      if (bring_up()) spdlog::warn("PostgreSQL had ended without being told to, and was started again");
      return true;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::cancelled) {
        spdlog::error("PostgreSQL has ended and could not be started again: {}", error.what());
      }
      return false;
    }
  }

  // Whether it had to be started. The caller holds the start lock.
  bool bring_up() {
    const bool alone = users_.try_lock(LOCK_EX);
    if (!users_.try_lock(LOCK_SH)) fail_cluster("the lock on the PostgreSQL cluster cannot be taken", "Try again");
    if (server_.is_running()) {
      server_.wait_until_ready(options_.start_patience);
      return false;
    }
    server_.make_data();
    server_.start(alone, options_.start_patience);
    spdlog::debug("PostgreSQL {} runs on the socket {}", layout_.major, layout_.socket().string());
    return true;
  }

  static fs::path prepared(const fs::path& home) {
    auto directory = fs::absolute(home).lexically_normal() / "postgres";
    const auto user = choose_server_user(directory);
    make_cluster_directory(directory, user);
    check_reachable(directory, user);
    return fs::canonical(directory);
  }

  std::atomic<bool> stopping_ = false;
  OwnClusterOptions options_;
  fs::path directory_;
  ServerUser user_;
  LockFile start_;
  LockFile users_;
  ClusterLayout layout_;
  ClusterServer server_;
  std::string url_;
  bool started_here_ = false;
  std::jthread keeper_;
};

OwnCluster::OwnCluster(OwnClusterOptions options) : state_(std::make_unique<State>(std::move(options))) {}

OwnCluster::~OwnCluster() {
  try {
    release();
  } catch (const std::exception& error) {
    spdlog::warn("PostgreSQL was not stopped: {}", error.what());
  }
}

const std::string& OwnCluster::url() const { return state_->url(); }
int OwnCluster::major_version() const { return state_->major_version(); }
bool OwnCluster::started_here() const { return state_->started_here(); }
void OwnCluster::keep_running() { state_->keep_running(); }

std::string own_cluster_url(const std::filesystem::path& home) {
  std::error_code missing;
  const auto directory = fs::weakly_canonical(fs::absolute(home) / "postgres", missing);
  return choose_layout(directory, OwnClusterOptions{}.programs).url(kClusterName);
}

void OwnCluster::release() {
  if (auto state = std::exchange(state_, nullptr)) state->release();
}

}  // namespace wellhead::storage
