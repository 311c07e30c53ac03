#include "library/storage/postgres/cluster_layout.h"

#include <fmt/format.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>

#include "library/meta/digest.h"
#include "library/meta/error.h"

namespace wellhead::storage {
namespace {

namespace fs = std::filesystem;
using meta::Error;
using meta::ErrorCode;

constexpr int kOldest = 15;
constexpr std::uint64_t kMebibyte = 1 << 20;

std::optional<int> version_name(const fs::path& path) {
  const auto name = path.filename().string();
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  if (error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return number;
}

std::map<int, fs::path> numbered_directories(const fs::path& root) {
  std::map<int, fs::path> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(root, ignored)) {
    if (const auto version = version_name(entry.path())) found.emplace(*version, entry.path());
  }
  return found;
}

[[noreturn]] void fail_not_installed(const fs::path& root) {
  throw Error(ErrorCode::database_unreachable,
              fmt::format("PostgreSQL's server programs are not installed: there are none under {}", root.string()),
              "Install Debian's package (apt-get install postgresql), or set WELLHEAD_DATABASE_URL to a server")
      .no_retry();
}

[[noreturn]] void fail_other_version(const fs::path& data, int left, int installed) {
  throw Error(
      ErrorCode::database_version,
      fmt::format("the database in {} was made by PostgreSQL {}, and only {} is installed", data.string(), left,
                  installed),
      fmt::format("Install the package postgresql-{} (see https://apt.postgresql.org), or set it aside and load "
                  "again: mv {} {}.old",
                  left, data.string(), data.string()));
}

fs::path socket_directory_of(const fs::path& directory) {
  constexpr auto limit = sizeof(sockaddr_un::sun_path) - 1;
  if ((directory / kSocketName).string().size() <= limit) return directory;
  return fmt::format("/tmp/wellhead-{}", meta::sha256_hex(directory.string()).substr(0, 16));
}

// What a libpq URI cannot take as it stands in a parameter.
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("/-._~").find(c) != std::string_view::npos;
    if (plain) {
      out.push_back(c);
    } else {
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
    }
  }
  return out;
}

// For a list of one path in postgresql.conf.
std::string quoted_path(std::string_view text) {
  std::string out = "'\"";
  for (const char c : text) {
    if (c == '\'' || c == '\\' || c == '"') out.push_back(c);
    out.push_back(c);
  }
  return out + "\"'";
}

}  // namespace

std::string ClusterLayout::url(std::string_view database) const {
  return fmt::format("postgresql:///{}?host={}&user={}", database, percent_encoded(socket_directory.string()),
                     kClusterName);
}

std::map<int, fs::path> installed_versions(const fs::path& root) {
  std::map<int, fs::path> found;
  for (const auto& [version, path] : numbered_directories(root)) {
    const auto programs = path / "bin";
    if (::access((programs / "postgres").c_str(), X_OK) == 0 && ::access((programs / "initdb").c_str(), X_OK) == 0) {
      found.emplace(version, programs);
    }
  }
  return found;
}

ClusterLayout choose_layout(const fs::path& directory, const fs::path& programs_root) {
  const auto installed = installed_versions(programs_root);
  if (installed.empty()) fail_not_installed(programs_root);
  const int newest = installed.rbegin()->first;

  std::optional<int> left;   // the newest with data
  std::optional<int> taken;  // the newest with data and programs
  for (const auto& [version, path] : numbered_directories(directory)) {
    std::error_code ignored;
    if (!fs::exists(path / "PG_VERSION", ignored)) continue;
    left = version;
    if (installed.contains(version)) taken = version;
  }
  if (left && !taken) fail_other_version(directory / std::to_string(*left), *left, newest);
  const int major = taken.value_or(newest);
  if (major < kOldest) {
    throw Error(ErrorCode::database_version,
                fmt::format("PostgreSQL {} is installed, and wellhead needs {} or later", major, kOldest),
                "Install a later postgresql package, or set WELLHEAD_DATABASE_URL to a server");
  }
  return {major, directory, directory / std::to_string(major), installed.at(major), socket_directory_of(directory)};
}

std::uint64_t available_memory() {
  const auto pages = ::sysconf(_SC_PHYS_PAGES);
  const auto page_size = ::sysconf(_SC_PAGESIZE);
  std::uint64_t memory = pages > 0 && page_size > 0
                             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_size)
                             : 1024 * kMebibyte;
  for (const char* path : {"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}) {
    std::uint64_t limit = 0;
    if (std::ifstream(path) >> limit && limit > 0) memory = std::min(memory, limit);
  }
  return memory;
}

std::string server_configuration(const ClusterLayout& layout, std::uint64_t memory, std::uint64_t free_disk) {
  const auto shared_buffers = std::clamp<std::uint64_t>(memory / 8 / kMebibyte, 32, 1024);
  // Checkpoints write every page anew; a load should end before the next one is due, if the disk has the room.
  const auto max_wal_size = std::clamp<std::uint64_t>(free_disk / 10 / kMebibyte, 128, 4096);
  const auto work_mem = std::clamp<std::uint64_t>(memory / 64 / kMebibyte, 4, 64);
  return fmt::format(
      R"(# Written by wellhead at each start. Settings of your own go into postgresql.local.conf beside this file.
listen_addresses = ''
unix_socket_directories = {socket}
unix_socket_permissions = 0700
port = 5432
max_connections = 100

shared_buffers = {shared_buffers}MB
work_mem = {work_mem}MB
maintenance_work_mem = {maintenance_work_mem}MB
temp_buffers = 32MB
# Containers have 64 MB of /dev/shm.
dynamic_shared_memory_type = mmap
max_wal_size = {max_wal_size}MB
min_wal_size = 128MB
wal_compression = lz4
wal_buffers = 16MB
checkpoint_timeout = 15min
checkpoint_completion_target = 0.9
jit = off
random_page_cost = 1.1

timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %q%a '
log_checkpoints = off
# Statements and details of errors may hold patient data.
log_min_error_statement = panic
log_error_verbosity = terse
log_min_duration_statement = -1
log_parameter_max_length = 0

include_if_exists = 'postgresql.local.conf'
)",
      fmt::arg("socket", quoted_path(layout.socket_directory.string())), fmt::arg("shared_buffers", shared_buffers),
      fmt::arg("work_mem", work_mem), fmt::arg("maintenance_work_mem", 2 * work_mem),
      fmt::arg("max_wal_size", max_wal_size));
}

}  // namespace wellhead::storage
