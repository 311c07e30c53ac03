#include "library/storage/postgres/cluster_server.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <libpq-fe.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "library/meta/error.h"
#include "library/storage/postgres/connection.h"
#include "library/storage/postgres/postmaster.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using meta::Error;
using meta::ErrorCode;
using Clock = std::chrono::steady_clock;

constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr std::uintmax_t kLargestLog = 16 << 20;

[[noreturn]] void fail(std::string message, std::string advice) {
  throw Error(ErrorCode::database_unreachable, std::move(message), std::move(advice)).no_retry();
}

void check_cancelled(const std::function<bool()>& cancelled) {
  if (cancelled && cancelled()) throw Error(ErrorCode::cancelled, "stopped while PostgreSQL was starting");
}

std::string tail_of(const fs::path& path, std::uintmax_t from) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(static_cast<std::streamoff>(from));
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The last line that says FATAL, PANIC or error, without the server's line prefix.
std::string last_complaint(std::string_view output) {
  std::string_view complaint;
  while (!output.empty()) {
    const auto end = std::min(output.find('\n'), output.size());
    const auto line = output.substr(0, end);
    output.remove_prefix(std::min(end + 1, output.size()));
    for (const std::string_view word : {"FATAL:", "PANIC:", "error:", "ERROR:"}) {
      if (const auto at = line.find(word); at != std::string_view::npos) complaint = line.substr(at + word.size());
    }
  }
  complaint.remove_prefix(std::min(complaint.find_first_not_of(' '), complaint.size()));
  return std::string(complaint);
}

void write_for(const ServerUser& user, const fs::path& path, std::string_view text) {
  const auto temporary = fs::path(path).concat(".new");
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  const bool owned = !user.differs() || ::chown(temporary.c_str(), user.uid, user.gid) == 0;
  if (!file || !owned || ::chmod(temporary.c_str(), 0600) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const std::string reason = std::strerror(errno);
    std::error_code ignored;
    fs::remove(temporary, ignored);
    fail(fmt::format("{} could not be written: {}", path.string(), reason),
         "Free space on the disk, or check the directory's owner");
  }
}

}  // namespace

void fail_with_output(std::string_view doing, std::string_view output, const ClusterLayout& layout) {
  if (output.find("No space left on device") != std::string_view::npos) {
    fail(fmt::format("{}: no space left on the disk that holds {}", doing, layout.directory.string()),
         "Free some space, or set WELLHEAD_HOME to a directory on a larger disk");
  }
  const auto lock = layout.socket().string() + ".lock";
  if (output.find(lock) != std::string_view::npos) {
    fail(fmt::format("the socket {} is taken by another PostgreSQL server", layout.socket().string()),
         fmt::format("Stop that server (its process id is in {}), or set WELLHEAD_HOME to another directory", lock));
  }
  const auto complaint = last_complaint(output);
  fail(fmt::format("{}: {}", doing, complaint.empty() ? "it gave no reason" : complaint),
       fmt::format("Its log is {}; WELLHEAD_DATABASE_URL takes another server", layout.log().string()));
}

ClusterServer::ClusterServer(ClusterLayout layout, ServerUser user, std::function<bool()> cancelled)
    : layout_(std::move(layout)), user_(std::move(user)), cancelled_(std::move(cancelled)) {}

bool ClusterServer::is_running() const {
  const auto answer = ::PQping(layout_.url("postgres").c_str());
  return answer == PQPING_OK || answer == PQPING_REJECT || find_postmaster(layout_.data).has_value();
}

void ClusterServer::make_data() {
  if (fs::exists(layout_.data / "PG_VERSION")) return;
  spdlog::info("making a PostgreSQL {} cluster in {}", layout_.major, layout_.data.string());
  const auto unfinished = fs::path(layout_.data).concat(".new");  // becomes data when it is complete
  fs::remove_all(unfinished);
  const auto initdb = run_as(user_, {(layout_.programs / "initdb").string(), "--pgdata=" + unfinished.string(),
                                     fmt::format("--username={}", kClusterName), "--auth-local=trust",
                                     "--auth-host=reject", "--encoding=UTF8", "--locale=C.UTF-8"});
  if (initdb.status != 0) {
    std::error_code ignored;
    fs::remove_all(unfinished, ignored);
    fail_with_output("making the PostgreSQL cluster failed", initdb.output, layout_);
  }
  fs::rename(unfinished, layout_.data);
}

void ClusterServer::write_configuration() const {
  std::error_code failed;
  const auto space = fs::space(layout_.data, failed);
  const auto text = server_configuration(layout_, available_memory(), failed ? 0 : space.available);
  write_for(user_, layout_.data / "postgresql.conf", text);
}

void ClusterServer::remove_stale_files(bool alone) const {
  const auto lock = fs::path(layout_.socket()).concat(".lock");
  if (is_stale_socket_lock(lock)) {
    fs::remove(lock);
    fs::remove(layout_.socket());
  }
  const auto found = inspect_pid_file(layout_.data);
  if (found == PidFile::none_or_dead) return;
  const auto file = layout_.data / "postmaster.pid";
  if (found == PidFile::foreign && !alone) {
    fail(fmt::format("another wellhead process uses {}, but its PostgreSQL cannot be reached", layout_.data.string()),
         "Stop the other one (is it in another container?) or give this one a WELLHEAD_HOME of its own");
  }
  spdlog::warn("{} is left from a server that was killed; going on", file.string());
  fs::remove(file);
}

void ClusterServer::make_socket_directory() const {
  const auto& path = layout_.socket_directory;
  if (path == layout_.directory) return;
  const bool made = ::mkdir(path.c_str(), 0700) == 0;
  if (made && user_.differs() && ::chown(path.c_str(), user_.uid, user_.gid) != 0) ::rmdir(path.c_str());
  struct stat found{};
  const bool ours = ::lstat(path.c_str(), &found) == 0 && S_ISDIR(found.st_mode) && found.st_uid == user_.uid &&
                    (found.st_mode & 077) == 0;
  if (!ours) {
    fail(fmt::format("the socket's directory {} cannot be made, or belongs to someone else", path.string()),
         "Remove it, or set WELLHEAD_HOME to a shorter path");
  }
}

void ClusterServer::spawn() {
  const auto log = layout_.log();
  std::error_code missing;
  if (const auto size = fs::file_size(log, missing); !missing && size > kLargestLog) {
    fs::rename(log, fs::path(log).concat(".1"), missing);
  }
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0 || (user_.differs() && ::fchown(output, user_.uid, user_.gid) != 0)) {
    fail(fmt::format("{} cannot be written: {}", log.string(), std::strerror(errno)), "Check the directory's owner");
  }
  log_start_ = fs::file_size(log);
  child_ = spawn_as(user_, {(layout_.programs / "postgres").string(), "-D", layout_.data.string()}, output);
  ::close(output);
}

bool ClusterServer::child_ended() {
  if (!child_ || ::waitpid(*child_, nullptr, WNOHANG) == 0) return false;
  child_.reset();
  return true;
}

void ClusterServer::fail_start() const {
  fail_with_output("PostgreSQL did not start", tail_of(layout_.log(), log_start_), layout_);
}

void ClusterServer::start(bool alone, std::chrono::seconds patience) {
  child_ended();  // one that was killed
  write_configuration();
  make_socket_directory();
  remove_stale_files(alone);
  // Processes of a killed server keep its memory for a moment, and a new one refuses to start beside them.
  const auto orphans_until = Clock::now() + std::chrono::seconds(10);
  for (;;) {
    spawn();
    try {
      wait_until_ready(patience);
      return;
    } catch (const Error&) {
      const auto output = tail_of(layout_.log(), log_start_);
      const bool orphans = output.find("pre-existing shared memory block") != std::string::npos;
      if (child_ || !orphans || Clock::now() > orphans_until) throw;
    }
    end_orphans(layout_.data, user_);
    std::this_thread::sleep_for(kPoll);
  }
}

void ClusterServer::wait_until_ready(std::chrono::seconds patience) {
  const auto begin = Clock::now();
  auto next_word = begin + std::chrono::seconds(5);
  const auto url = layout_.url("postgres");
  while (::PQping(url.c_str()) != PQPING_OK) {
    if (child_ended()) fail_start();
    if (!child_ && !is_running()) fail("PostgreSQL stopped while this process waited for it", "Try again");
    const auto now = Clock::now();
    try {
      check_cancelled(cancelled_);
    } catch (const Error&) {
      if (child_) stop(std::chrono::seconds(5));
      throw;
    }
    if (now - begin > patience) {
      fail(fmt::format("PostgreSQL was not ready after {} s", patience.count()),
           fmt::format("See its log, {}: after a crash it may still be recovering, and then trying again helps",
                       layout_.log().string()));
    }
    if (now > next_word) {
      spdlog::info("waiting for PostgreSQL (it is starting, or recovering from a crash)");
      next_word = now + std::chrono::seconds(10);
    }
    std::this_thread::sleep_for(kPoll);
  }
}

void ClusterServer::make_database() const {
  Connection connection(layout_.url("postgres"));
  const auto data = connection.query("SELECT current_setting('data_directory')");
  if (data.text(0, 0) != layout_.data.string()) {
    fail(fmt::format("the socket {} is taken by another PostgreSQL server, of {}", layout_.socket().string(),
                     data.text(0, 0)),
         "Stop that server, or set WELLHEAD_HOME to another directory");
  }
  if (!connection.query("SELECT FROM pg_database WHERE datname = $1", {kClusterName}).empty()) return;
  connection.execute(fmt::format("CREATE DATABASE {}", kClusterName));
}

void ClusterServer::stop(std::chrono::seconds patience) {
  child_ended();  // and another process may have started it again
  const auto pid = child_ ? child_ : find_postmaster(layout_.data);
  if (!pid) return;
  const auto gone = [&] { return child_ ? child_ended() : find_postmaster(layout_.data) != pid; };
  const auto wait = [&](std::chrono::seconds limit) {
    const auto until = Clock::now() + limit;
    while (!gone()) {
      if (Clock::now() > until) return false;
      std::this_thread::sleep_for(kPoll);
    }
    return true;
  };
  ::kill(*pid, SIGINT);  // fast shutdown: sessions are ended, a checkpoint is written
  if (wait(patience)) return;
  spdlog::warn("PostgreSQL did not stop in {} s; ending it at once, it recovers at the next start", patience.count());
  ::kill(*pid, SIGQUIT);
  if (!wait(std::chrono::seconds(6))) ::kill(*pid, SIGKILL);
}

}  // namespace wellhead::storage
